"""Templates are checked when they are saved, by somebody who can still mend them."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from liquid.static_analysis import TemplateAnalysis, Variable

from broadcasts.exceptions import InvalidInput, RenderError
from broadcasts.models import Organization, Syntax

from .budget import Budget
from .names import known_names, sample_values
from .templates import AVAILABLE, TEXT, Compiled, compile_template, line_of

MOST_PROBLEMS = 5
MOST_NAMES = 30

Known = Mapping[str, frozenset[str] | None]


def validate_content(organization: Organization, syntax: str, fields: Mapping[str, str]) -> None:
    """Check the templates of each field, or raise InvalidInput with each field's lines and what would be right.

    What is caught: an error of syntax, a name, filter or tag that is not known, and what fails with any values.
    """
    if syntax == Syntax.EXPRESSIONS:
        raise InvalidInput({"syntax": f"expressions are not available yet; use {' or '.join(AVAILABLE)}"})
    if syntax not in AVAILABLE:
        raise InvalidInput({"syntax": f"“{syntax}” is not known; use {' or '.join(AVAILABLE)}"})
    compiled, errors = [], {}
    for field, source in fields.items():
        try:
            compiled.append(compile_template(field, source, syntax))
        except InvalidInput as error:
            errors.update(error.errors)
    templates = [template for template in compiled if template.liquid]
    if templates:
        known, values = known_names(organization), sample_values(organization)
        for template in templates:
            if problems := list(_problems(template, known)) or _trial(template, values):
                errors[template.field] = "; ".join(problems[:MOST_PROBLEMS])
    if errors:
        raise InvalidInput(errors)


def _problems(template: Compiled, known: Known) -> Iterator[str]:
    assert template.liquid is not None
    analysis: TemplateAnalysis = template.liquid.analyze(include_partials=False)
    found = []
    for variables in analysis.globals.values():
        for variable in variables:
            if wrong := _unknown_name(variable, known):
                found.append((variable.span.index, wrong))
    for name, spans in analysis.filters.items():
        if name not in TEXT.filters:
            near = _near(name, TEXT.filters)
            found.extend((span.index, f"the filter “{name}” is not known{near}") for span in spans)
    for index, wrong in sorted(found):
        yield f"line {line_of(template.source, index)}: {wrong}"


def _trial(template: Compiled, values: Mapping[str, object]) -> list[str]:
    try:
        template.render(values, Budget())
    except RenderError as error:
        return [str(error)[len(template.field) + 2 :]]  # the field is named by the key of the error
    return []


def _unknown_name(variable: Variable, known: Known) -> str:
    """Say that a name is not known, and which was meant; "" when it is known or only found when rendering."""
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
