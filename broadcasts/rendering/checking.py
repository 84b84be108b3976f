"""Check templates when they are saved, so that their author sees the errors."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from itertools import chain, islice
from operator import itemgetter

from liquid.static_analysis import TemplateAnalysis, Variable

from broadcasts.exceptions import InvalidInput, OverBudget, RenderError
from broadcasts.models import Message, Organization, Syntax, Template

from .budget import STEPS, Budget
from .content import TEMPLATED
from .expressions import ExpressionScope, compile_program, marks
from .extras import design_texts, extra_texts
from .names import known_names, sample_contacts, sample_values
from .templates import AVAILABLE, SCOPE, TEXT, UNKNOWN_SYNTAX, CompiledTemplate, add_tags, compile_template, line_of

MOST_PROBLEMS = 5
MOST_NAMES = 30
MOST_WARNINGS = 100  # of one language
MOST_STEPS = 10 * STEPS  # of all trial renderings of one save

Known = Mapping[str, frozenset[str] | None]


def validate_content(organization: Organization, syntax: str, fields: Mapping[str, str]) -> None:
    """Check the content of one language, as `Checker` does."""
    Checker(organization).check(syntax, fields)


class Checker:
    """Checks content that is saved together; the total cost of checking all languages is limited too."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.tags = 0
        self.steps = 0

    @cached_property
    def known(self) -> Known:
        return known_names(self.organization)

    @cached_property
    def samples(self) -> list[dict[str, object]]:
        return sample_values(self.organization)

    @cached_property
    def sample_people(self) -> list[dict[str, object]]:
        """The same with what expressions need."""
        scope, contacts = ExpressionScope(self.organization), sample_contacts(self.organization)
        people = zip(self.samples, contacts, strict=True)
        return [{**values, SCOPE: scope.person(contact)} for values, contact in people]

    def check(self, syntax: str, fields: Mapping[str, str]) -> None:
        """Check {field: template} of one copy; raises InvalidInput with line and advice for each wrong field.

        Errors are: wrong syntax; an unknown name, filter or tag; a failure with sample values; and exceeding the budget
        of a copy with long values. An expression that is wrong is no error, since it is empty in what people read:
        `warnings` tells of it.
        """
        if syntax not in AVAILABLE:
            raise InvalidInput({"syntax": UNKNOWN_SYNTAX.format(syntax)})
        compiled, errors = [], {}
        for field, source in fields.items():
            try:
                template = compile_template(field, source, syntax, html=_is(field, "html"))
                self.tags = add_tags(self.tags, template)
                compiled.append(template)
            except InvalidInput as error:
                errors.update(error.errors)
        for template in compiled:
            if problems := [words for part in template.in_liquid() for words in _problems(part, self.known)]:
                errors[template.field] = "; ".join(problems)
        errors |= self._trials([template for template in compiled if template.field not in errors])
        if errors:
            raise InvalidInput(errors)

    def _trials(self, templates: list[CompiledTemplate]) -> dict[str, str]:
        """Render a copy with each sample; return {field: error}, of later samples only for exceeded budgets."""
        has_text = any(_is(template.field, "text") and template.source.strip() for template in templates)
        if not any(template.in_liquid() or (_is(template.field, "html") and not has_text) for template in templates):
            return {}
        errors: dict[str, str] = {}
        samples = self.sample_people if any(template.program for template in templates) else self.samples
        for values in samples:
            budget = Budget()
            for template in templates:
                try:
                    rendered = template.render(values, budget)
                    if _is(template.field, "html") and not has_text:
                        template.text_of(rendered, budget)
                except RenderError as error:
                    if isinstance(error, OverBudget) or values is samples[0]:
                        # The field is named by the key of the error.
                        errors.setdefault(template.field, error.args[0][len(template.field) + 2 :])
                    if isinstance(error, OverBudget):
                        return errors  # the other samples would only take as long again
            self.steps += STEPS - budget.left
            if self.steps > MOST_STEPS:
                words = "All languages together take too long to check; loop over less in them."
                return errors or {templates[-1].field: words}
        return errors


def warnings(
    organization: Organization, syntax: str, fields: Mapping[str, str], scope: ExpressionScope | None = None
) -> dict[str, list[str]]:
    """Return {field: what is wrong with its expressions, with line and column}; {} if nothing is, or in Liquid.

    The language leaves such an expression empty, and the message is sent all the same.
    scope: that of the organization, for several languages.
    """
    if syntax != Syntax.EXPRESSIONS:
        return {}
    return _warnings(scope or ExpressionScope(organization), fields)


def faults(organization: Organization, syntax: str, fields: Mapping[str, str]) -> dict[str, list[str]]:
    """Return {field: what is wrong with it, each with its line}, as it is told while somebody types.

    Of Liquid that is what `Checker` refuses, but for what only a trial rendering shows; of expressions, the `warnings`.
    """
    if syntax != Syntax.LIQUID:
        return warnings(organization, syntax, fields)
    checker = Checker(organization)
    found: dict[str, list[str]] = {}
    for field, source in fields.items():
        if "{{" not in source and "{%" not in source:
            continue
        if len(found) == MOST_PROBLEMS:
            break
        try:
            template = compile_template(field, source, syntax, html=_is(field, "html"))
            told = [words for part in template.in_liquid() for words in _problems(part, checker.known)]
        except InvalidInput as error:
            told = list(error.errors.values())
        if told:
            found[field] = told
    return found


def _warnings(scope: ExpressionScope, fields: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    left = MOST_WARNINGS
    for name, source in fields.items():
        if "@" in source and left and (faults := marks(source, compile_program(source), scope)[:left]):
            found[name] = list(map(str, faults))
            left -= len(faults)
    return found


def warnings_of(owner: Message | Template, scope: ExpressionScope | None = None) -> list[str]:
    """Return what is wrong with the expressions of a message or template, in all its languages, with each path.

    scope: that of its organization, for many of them.
    """
    if owner.syntax != Syntax.EXPRESSIONS:
        return []
    message = owner if isinstance(owner, Message) else None
    found: list[str] = []
    for content in owner.translations.all():
        scope = scope or ExpressionScope(organization_of(owner))
        fields = {name: getattr(content, name) for name in TEMPLATED}
        unread: dict[str, list[str]] = {}
        try:
            fields |= extra_texts(message, content)
            if written := design_texts(content):
                fields = {name: value for name, value in fields.items() if name != "html"} | written
        except InvalidInput as error:
            unread = {path: [words] for path, words in error.errors.items()}
        told = _warnings(scope, fields) | unread
        found += [f"{content.language}.{name}: {words}" for name, faults in told.items() for words in faults]
    return found


def organization_of(owner: Message | Template) -> Organization:
    """Return the organization whose content it is."""
    return owner.broadcast.organization if isinstance(owner, Message) else owner.organization


def _is(field: str, name: str) -> bool:
    return field.rpartition(".")[2] == name


def _problems(template: CompiledTemplate, known: Known) -> Iterator[str]:
    """Yield messages for the first unknown names and filters, with line and suggestion."""
    assert template.liquid is not None
    analysis: TemplateAnalysis = template.liquid.analyze(include_partials=False)
    variables = chain.from_iterable(analysis.globals.values())
    found: list[tuple[int, Variable | str]] = [(one.span.index, one) for one in variables]
    for name, spans in analysis.filters.items():
        if name not in TEXT.filters:
            found.extend((span.index, name) for span in spans)
    # Looking for suggestions among many names is slow, so it is done lazily, only for errors that are shown.
    wrong = ((index, _what_is_wrong(one, known)) for index, one in sorted(found, key=itemgetter(0)))
    for index, words in islice(((index, words) for index, words in wrong if words), MOST_PROBLEMS):
        yield f"line {template.lines_before + line_of(template.source, index)}: {words}"


def _what_is_wrong(one: Variable | str, known: Known) -> str:
    if isinstance(one, Variable):
        return _unknown_name(one, known)
    return f"the filter “{one}” is not known{_near(one, TEXT.filters)}"


def _unknown_name(variable: Variable, known: Known) -> str:
    """Return a message with a suggestion for an unknown name; "" if it is known or is computed when rendering."""
    path = ""
    for segment in variable.segments:
        if not isinstance(segment, str):
            return ""
        choices = known.get(path) if path else frozenset(name for name in known if "." not in name)
        if choices is None:
            return ""
        if segment not in choices:
            wrong = f"{path}.{segment}" if path else segment
            near = _near(wrong, _dotted(known)) or ";"
            return f"{wrong} is not known{near} known: {_listed(path, choices)}"
        path = f"{path}.{segment}" if path else segment
    return ""


def _dotted(known: Known) -> list[str]:
    below = [f"{root}.{name}" for root, names in known.items() for name in sorted(names or ())]
    return [*known, *sorted(below, key=lambda name: name.count("."))]


def _near(wrong: str, names: "list[str] | Mapping[str, object]") -> str:
    by_last_word = {name.rpartition(".")[2]: name for name in reversed(list(names))}
    close = get_close_matches(wrong, list(names), n=1, cutoff=0.75)
    if not close and "." not in wrong:
        close = [by_last_word[name] for name in get_close_matches(wrong, by_last_word, n=1, cutoff=0.75)]
    return f"; did you mean {close[0]}?" if close else ""


def _listed(path: str, choices: frozenset[str]) -> str:
    names = [f"{path}.{name}" if path else name for name in sorted(choices)]
    shown = ", ".join(names[:MOST_NAMES]) or "nothing yet"
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown
