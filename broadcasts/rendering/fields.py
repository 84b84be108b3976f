"""The templates of fields as pieces: what is constant, and placeholders for what differs between recipients.

Simple outputs such as `{{ contact.name | upcase }}` are computed directly, with Liquid's own filters and string
conversion, so that the result is what Liquid renders. All other nodes are rendered by Liquid, within one context per
field.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any, cast

from liquid import RenderContext, Token
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import Literal, Nil
from liquid.builtin.output import OutputNode
from liquid.stringify import to_liquid_string
from liquid.template import BoundTemplate

from .budget import Budget, Exceeded
from .expressions import Expression, ExpressionScope, Program, whole
from .filters import apply
from .names import CONTACT, LINKS, VALUES
from .placeholders import (
    CachedFunction,
    Columns,
    CopyContext,
    Filled,
    FillMany,
    NotCompilable,
    Piece,
    Placeholders,
    merged,
)
from .templates import SCOPE, CompiledTemplate, Output

ReadMany = Callable[[Sequence[CopyContext]], list[Any]]
Filter = Callable[[Budget, Any], Any]

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TEXT = {str}
_SPECIAL = re.compile(r"[&<>\"']")
# Values must not contain a body tag, or its beginning, where the position of the footer depends on body tags.
_BODY_TAG = re.compile(r"</?(?:body|[body]*\s*\Z)", re.IGNORECASE)
COMPUTED = {"size", "first", "last"}  # Liquid computes these for values without such a key
CLOCK = {"now", "today"}


class FieldCompiler:
    """Compiles the template of one field into pieces."""

    def __init__(
        self,
        compiled: CompiledTemplate,
        placeholders: Placeholders,
        shared: Mapping[str, object],
        budget: Budget,
        *,
        clean: bool,
    ) -> None:
        self.compiled = compiled
        self.placeholders = placeholders
        self.budget = budget  # for constants, which are rendered once
        self.shared = shared
        self.clean = clean  # remove control characters, as bodies need; header fields turn them into spaces
        self.has_logic = False
        self.own: set[str] = set()  # names that the template assigns
        self.html = False

    def pieces(self) -> list[Piece]:
        if self.compiled.parts:
            given = self.placeholders, self.shared, self.budget
            parts = [FieldCompiler(part, *given, clean=self.clean).pieces() for part in self.compiled.parts]
            return merged([piece for pieces in parts for piece in pieces])
        template = self.compiled.liquid
        if self.compiled.program is not None:
            return merged([self._part(self.compiled.program, part) for part in self.compiled.program.parts])
        if template is None:
            return merged([self.compiled.source])
        self.html = template.env.autoescape
        self.own = set(template.analyze(include_partials=False).locals)
        self.has_logic = any(type(node) not in (ContentNode, OutputNode) for node in template.nodes)
        pieces: list[Piece] = []
        waiting: list[Node] = []
        for node in template.nodes:
            piece = self._piece(template, node)
            if piece is None:
                waiting.append(node)
                continue
            if waiting:
                pieces.append(self._logic(template, waiting))
                waiting = []
            pieces.append(piece)
        if waiting:
            pieces.append(self._logic(template, waiting))
        return merged(pieces)

    def _part(self, program: Program, part: str | Expression) -> Piece:
        """Return a literal text or a constant expression as it is, another one as its placeholder."""
        if isinstance(part, str):
            return part
        if part.is_constant:
            known, source = self.placeholders.constants, (program.html, part.found.inner)
            if source not in known:
                known[source] = program.fill(part, self._scope().person(None), self.budget)
            return self._safe(known[source])
        key = (program.html, self.clean, part.found.inner) if part.is_steady else None
        return self.placeholders.add_many(self._expression(program, part), key)

    def _expression(self, program: Program, part: Expression) -> FillMany:  # the texts of plain names are cached
        def fill(copy: CopyContext) -> str:
            return self._safe(program.fill(part, copy.person, copy.budget))

        def show(text: str) -> str:
            return self._safe(program.written(whole(text)))

        scope, read, field = self._scope(), part.compiled.read, part.compiled.field
        if read is None:
            return lambda copies, columns: list(map(fill, copies))
        number = self.placeholders.count
        texts = CachedFunction(show, number)
        if field and field not in scope.attributes:
            return lambda copies, columns: [""] * len(copies)  # an error
        if not field:

            def shown(copy: CopyContext) -> str:
                value = read(copy.person)
                return texts[value] if type(value) is str else fill(copy)

            return lambda copies, columns: list(map(shown, copies))
        stored: dict[type, CachedFunction] = {
            kind: CachedFunction(lambda raw: show(scope.field_text(field, raw)), number) for kind in (str, int)
        }

        def shown_field(copy: CopyContext) -> str:
            raw = copy.attributes.get(field)
            cached = stored.get(type(raw))
            return fill(copy) if cached is None else cached[raw]

        return lambda copies, columns: list(map(shown_field, copies))

    def _scope(self) -> ExpressionScope:
        return cast(ExpressionScope, self.shared[SCOPE])

    def _piece(self, template: BoundTemplate, node: Node) -> Piece | None:
        """Return a node as a constant or as its own placeholder; None if Liquid has to render it."""
        if type(node) is ContentNode:
            return node.text
        if type(node) is not OutputNode or not isinstance(node.expression, FilteredExpression):
            return None
        path = node.expression.left
        if type(path) is not Path or not all(isinstance(segment, str) for segment in path.path):
            return None
        filters = _filters(template, node.expression)
        root, *rest = (str(segment) for segment in path.path)
        if filters is None or root in self.own or root in CLOCK:
            return None
        key = (self.html, self.clean, str(node.expression))
        if root in LINKS and not rest and not filters:
            url = url_placeholder(self.placeholders, root)
            shown = lambda address: self._safe(self._shown(address))  # noqa: E731
            return self.placeholders.add_many(lambda copies, columns: list(map(shown, columns[url])), key)
        if root == "contact":
            read = _value_getter(rest, template.env.undefined(root, token=path.token))
            if read is None:
                return None
            fill = self._filtered(read, filters, path.token) if filters else self._fill(read)
            return self.placeholders.add_many(fill, key, raw=bool(filters))
        if root in LINKS or (root not in self.shared and self.has_logic):
            return None
        constant = replace(self.compiled, liquid=BoundTemplate(template.env, [node]))
        return constant.render(self.shared, self.budget)

    def _fill(self, read: ReadMany) -> FillMany:
        def show(value: Any) -> str:
            return self._safe(self._shown(value))

        # One cache per type: equal values of two types, such as 1 and True, are rendered differently. Other types are
        # not cached, since even two equal values of one type may be.
        texts, numbers = CachedFunction(show, self.placeholders.count), CachedFunction(show, self.placeholders.count)
        text = texts.__getitem__

        def shown(value: Any) -> str:
            if type(value) is str:
                return text(value)
            return numbers[value] if type(value) is int else show(value)

        def fill(copies: Sequence[CopyContext], columns: Columns) -> list[str]:
            values = read(copies)
            return list(map(text if set(map(type, values)) == _TEXT else shown, values))

        return fill

    def _filtered(self, read: ReadMany, filters: Sequence[Filter], token: Token) -> FillMany:
        def show(value: Any, budget: Budget) -> str:
            try:
                for one in filters:
                    value = one(budget, value)
            except Exceeded as error:
                raise self.compiled.failure(error, token) from None
            return self._safe(self._shown(value))

        known = {kind: CachedFunction(show, self.placeholders.count) for kind in (str, int)}

        def shown(copy: CopyContext, value: Any) -> str:
            remembered = known.get(type(value))
            if remembered is None:
                return show(value, copy.budget)
            text = remembered.get(value)
            if text is None:
                text = show(value, copy.budget)
                if len(remembered) < remembered.most:
                    remembered.keep(value, text)
            return text

        return lambda copies, columns: list(map(shown, copies, read(copies)))

    def _logic(self, template: BoundTemplate, nodes: Sequence[Node]) -> int:
        nodes = tuple(nodes)

        def fill(copy: CopyContext, filled: Filled) -> str:
            context = copy.liquid_context(template)
            buffer = Output(copy.budget)
            copy.budget.spend(len(nodes))
            try:
                for node in nodes:
                    node.render(context, buffer)
            except Exceeded as error:
                raise self.compiled.failure(error, node.token) from None
            return self._safe(buffer.getvalue())

        return self.placeholders.add(fill, raw=True)

    def _shown(self, value: Any) -> str:
        if type(value) is str:
            return str.__str__(to_liquid_string(value, True)) if self.html and _SPECIAL.search(value) else value
        return str.__str__(to_liquid_string(value, self.html))

    def _safe(self, value: str) -> str:
        if not value.isascii():
            value.encode()  # Liquid refuses half a surrogate pair too
        return cleaned(value) if self.clean and _ODD.search(value) else value


def cleaned(value: str) -> str:
    """Clean one piece of a body as `clean_body` would clean it in the whole."""
    value = _CONTROL.sub("", value)
    if value.endswith("\r"):  # one line end with a newline that follows, or a line end by itself
        raise NotCompilable
    return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value


def is_odd(value: str) -> bool:
    return _ODD.search(value) is not None


def may_be_tag(value: str) -> bool:
    return "<" in value and _BODY_TAG.search(value) is not None


def url_placeholder(placeholders: Placeholders, name: str) -> int:
    """Return the placeholder of a link's unescaped URL, computed once per copy."""
    before, _, after = LINKS[name]("\0").partition("\0")
    return placeholders.add_many(
        lambda copies, columns: [f"{before}{copy.key}{after}" for copy in copies], ("url", name)
    )


def link_placeholder(placeholders: Placeholders, name: str) -> int:
    """Return the placeholder of a link's URL, escaped for HTML."""
    url = url_placeholder(placeholders, name)
    return placeholders.add_many(lambda copies, columns: list(map(escape, columns[url])), ("footer", name))


def _filters(template: BoundTemplate, expression: FilteredExpression) -> list[Filter] | None:
    """Return an expression's filters with their arguments bound; None if an argument is not a literal."""
    context = RenderContext(template)
    bound = []
    for one in expression.filters or ():
        if not all(isinstance(argument.value, Literal | Nil) for argument in one.args) or one.name == "date":
            return None  # a date may be "now"
        if one.name not in template.env.filters or getattr(template.env.filters[one.name], "with_context", False):
            return None
        function = context.filter(one.name, token=one.token)
        bound.append(_bound(one.name, function, *one.evaluate_args(context)))
    return bound


def _bound(name: str, function: Callable[..., Any], args: Sequence[object], kwargs: Mapping[str, Any]) -> Filter:
    return lambda budget, value: apply(name, function, budget, value, *args, **kwargs)


def _value_getter(path: Sequence[str], missing: object) -> ReadMany | None:
    """Return a function that gets a path below `contact`, as `contact_values` defines it; None if Liquid has to."""
    match path:
        case [name] if name in VALUES:
            value = VALUES[name]
            return lambda copies: [value(copy.contact) for copy in copies]
        case ["attributes", key] if key not in COMPUTED:
            return lambda copies: [copy.attributes.get(key, missing) for copy in copies]
        case [key] if key not in COMPUTED and key not in CONTACT:
            return lambda copies: [copy.attributes.get(key, missing) for copy in copies]
    return None
