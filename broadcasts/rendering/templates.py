"""The template language: Liquid, within limits that keep one template from exhausting a worker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TextIO

from liquid import Environment, RenderContext, Token, TokenStream
from liquid.ast import IllegalNode
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.illegal import Illegal
from liquid.builtin.tags.for_tag import ForNode, ForTag
from liquid.exceptions import LiquidError, LiquidSyntaxError, ResourceLimitError
from liquid.template import BoundTemplate

from broadcasts.exceptions import InvalidInput, RenderError
from broadcasts.models import Syntax

LOOP_LIMIT = 10_000
OUTPUT_LIMIT = 2_000_000  # bytes
AVAILABLE = (Syntax.LIQUID, Syntax.PLAIN)


class UnknownTag(Illegal):
    """Whatever tag is not registered, an end without its beginning included."""

    def parse(self, stream: TokenStream) -> IllegalNode:
        name = stream.current.value
        known = ", ".join(sorted({*self.env.tags, "raw"} - {"#", "content", "illegal", "output"}))
        raise LiquidSyntaxError(f"the tag “{name}” is not known here; known: {known}", token=stream.current)


class BoundedForNode(ForNode):
    """Measure a range before `reversed` would write it out."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        if isinstance(self.expression.iterable, RangeLiteral):
            context.raise_for_loop_limit(_length(self.expression.iterable.evaluate(context)))
        return super().render_to_output(context, buffer)


class BoundedForTag(ForTag):
    node_class = BoundedForNode


def _length(value: object) -> int:
    try:
        return len(value)  # type: ignore[arg-type]
    except OverflowError:
        return LOOP_LIMIT + 1


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse what would grow past the limits before a filter writes it out."""

    @wraps(function)
    def guarded(value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, range) and _length(value) > LOOP_LIMIT:
            raise ResourceLimitError(f"the range is longer than {LOOP_LIMIT}", token=None)
        growth = max((len(arg) for arg in args if isinstance(arg, str)), default=0)
        if name in GROWING and isinstance(value, str | list | tuple) and len(value) * growth > OUTPUT_LIMIT:
            raise ResourceLimitError(f"the result of “{name}” would be too long", token=None)
        return function(value, *args, **kwargs)

    return guarded


GROWING = {"replace", "join"}
READ_WHOLE = {"compact", "concat", "find", "find_index", "has", "map", "reject", "reverse", "sort"}
READ_WHOLE |= {"sort_natural", "sum", "uniq", "where", "slice"}


class Limited(Environment):
    loop_iteration_limit = LOOP_LIMIT
    output_stream_limit = OUTPUT_LIMIT
    local_namespace_limit = 500_000
    context_depth_limit = 30

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for tag in ("include", "render", "tablerow"):  # no other templates, no second kind of loop
            del self.tags[tag]
        self.add_tag(UnknownTag)
        self.add_tag(BoundedForTag)
        for name in GROWING | READ_WHOLE:
            self.filters[name] = _bounded(name, self.filters[name])

    def error(self, exc: Any, msg: str | None = None, token: Token | None = None) -> None:
        if isinstance(exc, LiquidError) and token and (exc.token is None or exc.token.start_index < 0):
            exc.token = token  # at the end of an expression the library knows no place, but its caller does
        super().error(exc, msg, token)


TEXT = Limited()
HTML = Limited(autoescape=True)


@dataclass(frozen=True, slots=True)
class Compiled:
    """One field's template, ready to render; without placeholders it is just its text."""

    field: str
    source: str
    liquid: BoundTemplate | None

    def render(self, context: Mapping[str, object]) -> str:
        """Return the text whole, or raise RenderError that names field and line."""
        if self.liquid is None:
            return self.source
        try:
            return self.liquid.render(context)
        except LiquidError as error:
            raise RenderError(f"{self.field}, {describe(error, self.source)}") from None
        except Exception as error:  # whatever a filter trips over concerns this one recipient
            raise RenderError(f"{self.field}: {error}") from None

    def uses(self, name: str) -> bool:
        return self.liquid is not None and name in self.liquid.analyze(include_partials=False).globals


def compile_template(field: str, source: str, syntax: str, *, html: bool = False) -> Compiled:
    """Parse a template, or raise InvalidInput that names the line."""
    if syntax not in AVAILABLE:
        raise InvalidInput({"syntax": f"{syntax} are not available yet; use {' or '.join(AVAILABLE)}"})
    if syntax == Syntax.PLAIN or not ("{{" in source or "{%" in source):
        return Compiled(field, source, None)
    try:
        return Compiled(field, source, (HTML if html else TEXT).from_string(source))
    except LiquidError as error:
        raise InvalidInput({field: describe(error, source)}) from None


def describe(error: LiquidError, source: str) -> str:
    """Say what is wrong, and in which line."""
    said = str(error.message or "it cannot be read as Liquid")
    index = error.token.start_index if error.token else -1
    return f"line {line_of(source, index if index >= 0 else len(source))}: {said}"


def line_of(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1
