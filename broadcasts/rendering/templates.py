"""The template language: Liquid, with a budget per copy, so that no template can block a worker."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from io import StringIO
from typing import Any, NoReturn, TextIO, cast

from liquid import Environment, RenderContext, Token, TokenStream
from liquid.ast import BlockNode, IllegalNode, Node
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.illegal import Illegal
from liquid.context import UNDEFINED
from liquid.exceptions import BlockNestingError, LiquidError, LiquidSyntaxError
from liquid.expression import Expression
from liquid.output import NullIO
from liquid.template import BoundTemplate

from broadcasts import formats
from broadcasts.exceptions import InvalidInput, OverBudget, RenderError
from broadcasts.models import Syntax

from .budget import SHORT, Budget, Exceeded, size_of
from .expressions import Person, Program, compile_program
from .filters import apply, short_dates, strip_html
from .islands import has_islands, syntax_parts
from .plaintext import html_to_text

AVAILABLE = (Syntax.LIQUID, Syntax.EXPRESSIONS, Syntax.PLAIN)
UNKNOWN_SYNTAX = f"“{{}}” is not known; use {Syntax.LIQUID}, {Syntax.EXPRESSIONS} or {Syntax.PLAIN}"
SCOPE = "@"  # the key of what expressions can name among the values, which Liquid cannot name
EXPRESSIONS_OF_A_TAG = 4  # that take as long to parse
LONGEST_SOURCE = 1_000_000  # characters of one field
LONGEST_TAG = 2_000  # characters; some of Liquid's regular expressions take quadratic time
LONGEST_TAGS = 100_000  # characters of all tags of one field
MOST_TAGS = 2_500  # of one field
MOST_TAGS_TOGETHER = 10_000  # of all languages of a message, which are parsed together
MOST_BRACKETS = 50  # of one tag
DEEPEST = 100  # expressions within one another
LONGEST_WORDS = 300  # characters of an error message, which may quote a value


class UnknownTag(Illegal):
    """Parses every unknown tag, and an end tag without its start tag, as an error."""

    def parse(self, stream: TokenStream) -> IllegalNode:
        name = stream.current.value
        known = ", ".join(sorted({*self.env.tags, "raw"} - {"#", "content", "illegal", "output"}))
        raise LiquidSyntaxError(f"the tag “{name}” is not known here; known: {known}", token=stream.current)


class MeteredBlock(BlockNode):
    """The nodes within a block tag, charged to the budget each time they are rendered."""

    __slots__ = ()

    def render_to_output(self, context: "Metered", buffer: TextIO) -> int:  # type: ignore[override]
        context.budget.spend(1 + len(self.nodes))
        if self.blank:  # a block that only assigns names has no output
            buffer = NullIO()
        written = 0
        for node in self.nodes:
            written += node.render_to_output(context, buffer)
        return 0 if self.blank else written


class ConditionCost(Node):
    """The cost of the conditions of a block, charged each time it is rendered."""

    __slots__ = ("steps",)

    def __init__(self, token: Token, steps: int) -> None:
        super().__init__(Token("", "", token.start_index, token.source))
        self.steps = steps

    def render_to_output(self, context: "Metered", buffer: TextIO) -> int:  # type: ignore[override]
        context.budget.spend(self.steps)
        return 0


class MeteredRange(RangeLiteral):
    """A range whose length is checked before it is iterated."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> range:
        numbers = super().evaluate(context)
        size_of(numbers)
        return numbers


class Output(StringIO):
    """The output of a field, charged to the budget of its copy."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self.budget = budget

    def write(self, text: str) -> int:
        if text:
            self.budget.room -= len(text) if text.isascii() else len(text.encode())
            if self.budget.room < 0:
                self.budget.refuse_output()
        return StringIO.write(self, text)


class Metered(RenderContext):
    """The context of a field; reading, assigning and filtering a value is charged by its size."""

    __slots__ = ("budget",)

    def __init__(self, template: BoundTemplate, values: Mapping[str, object], budget: Budget) -> None:
        super().__init__(template, globals=template.make_globals(values))
        self.budget = budget

    def get(self, path: list[object], *, token: Token | None, default: object = UNDEFINED) -> object:
        value = RenderContext.get(self, path, token=token, default=default)
        if type(value) is str and len(value) <= SHORT:
            self.budget.left -= 1  # the block around it checks the clock
        else:
            self.budget.pay(value)
        return value

    def filter(self, name: str, token: Token | None = None) -> Callable[..., object]:
        return partial(apply, name, super().filter(name, token), self.budget)

    def assign(self, key: str, val: Any) -> None:
        self.budget.pay(val)
        super().assign(key, val)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        return Output(self.budget)


class Limited(Environment):
    context_depth_limit = 100  # blocks within one another are fewer

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for tag in ("include", "render", "tablerow"):  # no access to other templates, and only one kind of loop
            del self.tags[tag]
        self.add_tag(UnknownTag)
        self.add_filter("strip_html", strip_html)
        self.add_filter("date", short_dates(self.filters["date"]))

    def error(self, exc: Any, msg: str | None = None, token: Token | None = None) -> None:
        if isinstance(exc, LiquidError) and token and (exc.token is None or exc.token.start_index < 0):
            exc.token = token  # at the end of an expression only the caller knows the position
        super().error(exc, msg, token)


TEXT = Limited()
HTML = Limited(autoescape=True)


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """The parsed template of one field: in Liquid, or a program of expressions; with neither it is plain text.

    One with islands of Liquid has parts, each a template of its own, which are rendered one after another; its program
    has the expressions of all others.
    """

    field: str
    source: str
    liquid: BoundTemplate | None
    tags: int = 0
    program: Program | None = None
    parts: "tuple[CompiledTemplate, ...]" = ()
    lines_before: int = 0  # of a part

    @property
    def is_constant(self) -> bool:
        return self.liquid is None and self.program is None and not self.parts

    def in_liquid(self) -> "tuple[CompiledTemplate, ...]":
        """Return what of it is Liquid: itself, its islands, or nothing."""
        return tuple(one for one in self.parts or (self,) if one.liquid is not None)

    def render(self, values: Mapping[str, object], budget: Budget) -> str:
        """Render the template; raises RenderError or OverBudget that names field and line."""
        if self.parts:
            return "".join([part.render(values, budget) for part in self.parts])
        if self.program is not None:
            return self.program.render(cast(Person, values[SCOPE]), budget)
        if self.liquid is None:
            return self.source
        output = Output(budget)
        try:
            budget.spend(len(self.liquid.nodes))
            self.liquid.render_with_context(Metered(self.liquid, values, budget), output)
        except Exception as error:  # a filter may raise anything; it concerns only this recipient
            raise self.failure(error) from None
        return output.getvalue()

    def text_of(self, html: str, budget: Budget) -> str:
        """Return the text part for rendered HTML of this template, for messages that were written as HTML only."""
        try:
            return html_to_text(html, budget)
        except Exceeded as error:
            raise self.failure(error) from None

    def failure(self, error: Exception, token: Token | None = None) -> RenderError:
        """Return an error as RenderError or OverBudget; `token` is its position if it has none."""
        if not isinstance(error, LiquidError):
            return RenderError(f"{self.field}: {str(error)[:LONGEST_WORDS]}")
        error.token = error.token or token
        kind = OverBudget if isinstance(error, Exceeded) else RenderError
        return kind(f"{self.field}, {describe(error, self.source, self.lines_before)}")

    def uses(self, name: str) -> bool:
        return any(name in one.liquid.analyze(include_partials=False).globals for one in self.in_liquid() if one.liquid)


def compile_template(field: str, source: str, syntax: str, *, html: bool = False, longer: int = 0) -> CompiledTemplate:
    """Parse a template; raises InvalidInput that names the line.

    longer: how many characters we added to what its author wrote.
    """
    if syntax not in AVAILABLE:
        raise InvalidInput({"syntax": UNKNOWN_SYNTAX.format(syntax)})
    if len(source) - longer > LONGEST_SOURCE:
        most = formats.number(LONGEST_SOURCE)
        raise InvalidInput({field: f"This is longer than {most} characters; link to what is large."})
    if html and has_islands(source, syntax):
        return _with_islands(field, source, syntax)
    return _compiled(field, source, syntax, html=html)


def _with_islands(field: str, source: str, syntax: str) -> CompiledTemplate:
    parts, others = [], []
    for text, part_syntax, start in syntax_parts(source, syntax):
        parts.append(_compiled(field, text, part_syntax, html=True, lines_before=source.count("\n", 0, start)))
        others.append(text if part_syntax == syntax else "")
    program = compile_program("".join(others), html=True) if syntax == Syntax.EXPRESSIONS else None
    return CompiledTemplate(field, source, None, sum(part.tags for part in parts), program, tuple(parts))


def _compiled(field: str, source: str, syntax: str, *, html: bool, lines_before: int = 0) -> CompiledTemplate:
    if syntax == Syntax.EXPRESSIONS and "@" in source:
        program = compile_program(source, html=html)
        tags = len(program.expressions) // EXPRESSIONS_OF_A_TAG
        return CompiledTemplate(field, source, None, tags, program)
    if syntax != Syntax.LIQUID or not ("{{" in source or "{%" in source):
        return CompiledTemplate(field, source, None)
    try:
        tags = measure(source)
        template = (HTML if html else TEXT).from_string(source)
        _prepare(template.nodes)
    except LiquidError as error:
        if isinstance(error, BlockNestingError):
            deepest = Limited.block_nesting_limit
            error = LiquidSyntaxError(f"blocks are nested more than {deepest} deep; nest fewer", token=error.token)
        if isinstance(error.__cause__, RecursionError):
            error = LiquidSyntaxError("a tag is nested too deeply; split it up", token=None)
        raise InvalidInput({field: describe(error, source, lines_before)}) from None
    return CompiledTemplate(field, source, template, tags, lines_before=lines_before)


def add_tags(total: int, template: CompiledTemplate) -> int:
    """Return the total number of tags with those of a template; raises InvalidInput if there are too many."""
    if total + template.tags > MOST_TAGS_TOGETHER:
        words = f"All languages together have more than {formats.number(MOST_TAGS_TOGETHER)} tags; use fewer."
        raise InvalidInput({template.field: words})
    return total + template.tags


BEGUN = re.compile(r"\{\{|\{%-?\s*(?:(raw|doc)\s*-?%\})?")


def measure(source: str) -> int:
    """Return the number of tags; raises LiquidSyntaxError for templates that Liquid would take long to parse.

    Liquid's regular expressions search the rest of the text again at each unclosed tag.
    """
    count = position = characters = 0
    while begun := BEGUN.search(source, position):
        count += 1
        start = begun.start()
        if count > MOST_TAGS:
            _refuse(start, f"there are more than {formats.number(MOST_TAGS)} tags; use fewer")
        if name := begun[1]:
            end = re.compile(rf"\{{%-?\s*end{name}\s*-?%\}}").search(source, begun.end())
            if end is None:
                _refuse(start, f"the tag “{name}” is never closed; end it with {{% end{name} %}}")
            position = end.end()
            continue
        mark = "}}" if begun[0] == "{{" else "%}"
        end_of_tag = source.find(mark, start, start + LONGEST_TAG + 2)
        if end_of_tag < 0:
            if len(source) - start > LONGEST_TAG:
                _refuse(start, f"a tag is longer than {formats.number(LONGEST_TAG)} characters, or misses its “{mark}”")
            return count  # Liquid reports what is missing
        tag = source[start:end_of_tag]
        if tag.count("(") + tag.count("[") > MOST_BRACKETS:
            _refuse(start, f"a tag has more than {MOST_BRACKETS} brackets; split it up")
        characters += len(tag)
        if characters > LONGEST_TAGS:
            _refuse(start, f"all tags together are longer than {formats.number(LONGEST_TAGS)} characters; use fewer")
        position = end_of_tag + 2
    return count


def _refuse(start: int, words: str) -> NoReturn:
    raise LiquidSyntaxError(words, token=Token("", "", start, ""))


def _prepare(nodes: Iterable[Node]) -> int:
    """Replace blocks and ranges by metered ones; return how many parts the expressions of nodes have.

    The classes that Liquid's parser uses cannot be configured. All conditions of an “if” are charged in front of it.
    """
    parts = 0
    for node in nodes:
        parts += sum(_prepare_expression(expression, node.token) for expression in node.expressions())
        below = _prepare(node.children(None))  # type: ignore[arg-type]
        if type(node) is BlockNode:
            node.__class__ = MeteredBlock
            if below > SHORT:
                node.nodes.insert(0, ConditionCost(node.token, below))
        else:
            parts += below
    return parts


def _prepare_expression(expression: Expression, token: Token, depth: int = 0) -> int:
    if depth > DEEPEST:
        raise LiquidSyntaxError(f"a condition or path has more than {DEEPEST} parts; split it up", token=token)
    if type(expression) is RangeLiteral:
        expression.__class__ = MeteredRange
    return 1 + sum(_prepare_expression(child, token, depth + 1) for child in expression.children())


def describe(error: LiquidError, source: str, lines_before: int = 0) -> str:
    """Return the message of an error, with its line."""
    said = str(error.message or "it cannot be read as Liquid")[:LONGEST_WORDS]
    index = error.token.start_index if error.token else -1
    return f"line {lines_before + line_of(source, index if index >= 0 else len(source))}: {said}"


def line_of(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1
