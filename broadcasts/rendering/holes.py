"""The holes of compiled templates: what differs from one recipient to the next, each worked out once per copy.

A template becomes a list of pieces: constant text, and numbers of holes. A hole is filled by Liquid's own filters
and its own way of showing values, so that a compiled template reads as Liquid would render it; whatever is more
than a plain name is left to Liquid, piece by piece, within one context per field.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

from liquid import RenderContext, Token
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import Literal, Nil
from liquid.builtin.output import OutputNode
from liquid.stringify import to_liquid_string
from liquid.template import BoundTemplate

from broadcasts import links
from broadcasts.models import Contact

from .budget import Budget, Exceeded
from .filters import apply
from .names import CONTACT, VALUES, Reader, attributes_of, contact_values
from .templates import Compiled, Metered, Output

Piece = str | int
Fill = Callable[["Person", list[str]], str]
Read = Callable[["Person"], Any]
Filter = Callable[[Budget, Any], Any]

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPECIAL = re.compile(r"[&<>\"']")
# What a value may not hold where the body's tags are looked for: it could be one of them, or the beginning of one.
_BODY_TAG = re.compile(r"</?(?:body|[body]*\s*\Z)", re.IGNORECASE)
COMPUTED = {"size", "first", "last"}  # which Liquid finds in values that have no such key
CLOCK = {"now", "today"}
URLS = {"unsubscribe_url": links.unsubscribe_url, "preferences_url": links.preferences_url}


class Remembered(dict[Any, Any]):
    """What a function makes of its first short values: many people share a plan, a city or a first name.

    Of the first holes only: a template may have thousands, and each would remember a thousand values.
    """

    MOST = 1024
    SHORT = 64
    SHORT_RESULT = 256
    HOLES = 50

    def __init__(self, make: Callable[..., Any], number: int) -> None:
        self.make = make
        self.most = self.MOST if number < self.HOLES else 0

    def __missing__(self, value: Any) -> Any:
        made = self.make(value)
        if len(self) < self.most:
            self.keep(value, made)
        return made

    def keep(self, value: Any, made: Any) -> None:
        is_short = type(value) is not str or len(value) <= self.SHORT
        if is_short and len(made) <= self.SHORT_RESULT:
            self[value] = made


class TakeReference(Exception):
    """This copy, or this wording, is left to the plain way: its bytes could come out otherwise here."""


class Person:
    """One recipient while a copy is filled in."""

    __slots__ = ("_values", "attributes", "budget", "contact", "contexts", "key", "shared")

    def __init__(self, contact: Contact | Reader, key: str, shared: Mapping[str, object], budget: Budget) -> None:
        self.contact = contact
        self.attributes: Mapping[str, Any] = attributes_of(contact)
        self.key = key  # the delivery's, of which its links are made
        self.shared = shared  # what is the same for every reader of a wording
        self.budget = budget
        self.contexts: dict[int, Metered] = {}
        self._values: dict[str, object] | None = None

    def context(self, template: BoundTemplate) -> Metered:
        """Return the context of a field, the same for all its parts, since one may assign what another shows."""
        if (context := self.contexts.get(id(template))) is None:
            if self._values is None:
                contact = contact_values(self.contact)
                urls = {name: make(self.key) for name, make in URLS.items()}
                self._values = {**self.shared, "contact": contact, **urls}
            context = Metered(template, self._values, self.budget)
            context.scope.push({"partial": False})  # as rendering a template whole does
            self.contexts[id(template)] = context
        return context


class Holes:
    """All holes of one wording, in the order in which they are filled; each fill may use those before it."""

    def __init__(self) -> None:
        self.fills: list[Fill] = []
        self.raw: set[int] = set()  # those whose value may hold markup
        self._known: dict[object, int] = {}

    @property
    def count(self) -> int:
        return len(self.fills)

    def add(self, fill: Fill, key: object = None, *, raw: bool = False) -> int:
        if key is not None and key in self._known:
            return self._known[key]
        self.fills.append(fill)
        number = len(self.fills) - 1
        if raw:
            self.raw.add(number)
        if key is not None:
            self._known[key] = number
        return number

    def joined(self, pieces: Sequence[Piece], finish: Callable[[str], str]) -> int:
        """Add a hole that is made of pieces."""
        fixed = tuple(pieces)
        return self.add(lambda person, filled: finish(join(fixed, filled)))


def join(pieces: Sequence[Piece], filled: Sequence[str]) -> str:
    return "".join([piece if isinstance(piece, str) else filled[piece] for piece in pieces])


def merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Join neighbouring constants."""
    result: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and result and isinstance(result[-1], str):
            result[-1] += piece
        elif piece != "":
            result.append(piece)
    return result


class Field:
    """Turns one field's template into pieces."""

    def __init__(
        self, compiled: Compiled, holes: Holes, shared: Mapping[str, object], budget: Budget, *, clean: bool
    ) -> None:
        self.compiled = compiled
        self.holes = holes
        self.budget = budget  # of what is the same for everybody, rendered once
        self.shared = shared
        self.clean = clean  # a body, whose control characters are removed; in a line they become blanks
        self.has_logic = False
        self.own: set[str] = set()  # names that the template sets itself
        self.html = False

    def pieces(self) -> list[Piece]:
        template = self.compiled.liquid
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

    def _piece(self, template: BoundTemplate, node: Node) -> Piece | None:
        """Return a node as a constant or a hole of its own; None leaves it to Liquid."""
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
        if root in URLS and not rest and not filters:
            url = url_hole(self.holes, root)
            return self.holes.add(lambda person, filled: self._safe(self._shown(filled[url])), key)
        if root == "contact":
            read = _reader(rest, template.env.undefined(root, token=path.token))
            if read is None:
                return None
            fill = self._filtered(read, filters, path.token) if filters else self._fill(read)
            return self.holes.add(fill, key, raw=bool(filters))
        if root in URLS or (root not in self.shared and self.has_logic):
            return None
        constant = replace(self.compiled, liquid=BoundTemplate(template.env, [node]))
        return constant.render(self.shared, self.budget)

    def _fill(self, read: Read) -> Fill:
        def show(value: Any) -> str:
            return self._safe(self._shown(value))

        # Apart, since of several types two values may be equal and shown in two ways; of others two of one type may.
        texts, numbers = Remembered(show, self.holes.count), Remembered(show, self.holes.count)

        def fill(person: Person, filled: list[str]) -> str:
            value = read(person)
            if type(value) is str:
                return texts[value]
            return numbers[value] if type(value) is int else show(value)

        return fill

    def _filtered(self, read: Read, filters: Sequence[Filter], token: Token) -> Fill:
        def show(value: Any, budget: Budget) -> str:
            try:
                for one in filters:
                    value = one(budget, value)
            except Exceeded as error:
                raise self.compiled.failure(error, token) from None
            return self._safe(self._shown(value))

        known = {kind: Remembered(show, self.holes.count) for kind in (str, int)}

        def fill(person: Person, filled: list[str]) -> str:
            value = read(person)
            remembered = known.get(type(value))
            if remembered is None:
                return show(value, person.budget)
            shown = remembered.get(value)
            if shown is None:
                shown = show(value, person.budget)
                if len(remembered) < remembered.most:
                    remembered.keep(value, shown)
            return shown

        return fill

    def _logic(self, template: BoundTemplate, nodes: Sequence[Node]) -> int:
        nodes = tuple(nodes)

        def fill(person: Person, filled: list[str]) -> str:
            context = person.context(template)
            buffer = Output(person.budget)
            person.budget.spend(len(nodes))
            try:
                for node in nodes:
                    node.render(context, buffer)
            except Exceeded as error:
                raise self.compiled.failure(error, node.token) from None
            return self._safe(buffer.getvalue())

        return self.holes.add(fill, raw=True)

    def _shown(self, value: Any) -> str:
        if type(value) is str:
            return str.__str__(to_liquid_string(value, True)) if self.html and _SPECIAL.search(value) else value
        return str.__str__(to_liquid_string(value, self.html))

    def _safe(self, value: str) -> str:
        if not value.isascii():
            value.encode()  # Liquid refuses half a surrogate pair too
        return cleaned(value) if self.clean and _ODD.search(value) else value


def cleaned(value: str) -> str:
    """Return a piece of a body as `clean_body` would leave it among the others."""
    value = _CONTROL.sub("", value)
    if value.endswith("\r"):  # one line end with a newline that follows, or a line end by itself
        raise TakeReference
    return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value


def is_odd(value: str) -> bool:
    return _ODD.search(value) is not None


def may_be_tag(value: str) -> bool:
    return "<" in value and _BODY_TAG.search(value) is not None


def url_hole(holes: Holes, name: str) -> int:
    """Return the hole of a link's address as it is, made once a copy."""
    make = URLS[name]
    return holes.add(lambda person, filled: make(person.key), ("url", name))


def link_hole(holes: Holes, name: str) -> int:
    """Return the hole of a link as footers write it in HTML."""
    url = url_hole(holes, name)
    return holes.add(lambda person, filled: escape(filled[url]), ("footer", name))


def _filters(template: BoundTemplate, expression: FilteredExpression) -> list[Filter] | None:
    """Return an expression's filters with their arguments bound, or None where those are more than literals."""
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


def _reader(path: Sequence[str], missing: object) -> Read | None:
    """Return what reads a path below `contact`, by the rules of `contact_values`; None where Liquid has to."""
    match path:
        case [name] if name in VALUES:
            value = VALUES[name]
            return lambda person: value(person.contact)
        case ["attributes", key] if key not in COMPUTED:
            return lambda person: person.attributes.get(key, missing)
        case [key] if key not in COMPUTED and key not in CONTACT:
            return lambda person: person.attributes.get(key, missing)
    return None
