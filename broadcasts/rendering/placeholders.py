"""The placeholders of compiled content: values that differ between recipients, each computed once per copy.

A template becomes a list of pieces: constant text, and indexes of placeholders. Simple outputs such as
`{{ contact.name | upcase }}` are computed directly, with Liquid's own filters and string conversion, so that the result
is what Liquid renders. All other nodes are rendered by Liquid, within one context per field.
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

from broadcasts.models import Contact

from .budget import Budget, Exceeded
from .expressions import Expression, ExpressionScope, Person, Program, whole
from .filters import apply
from .mime import quoted_key
from .names import CONTACT, LINKS, VALUES, ContactSnapshot, attributes_of, contact_values
from .templates import SCOPE, CompiledTemplate, Metered, Output

Piece = str | int
Fill = Callable[["CopyContext", list[str]], str]
Read = Callable[["CopyContext"], Any]
Filter = Callable[[Budget, Any], Any]

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPECIAL = re.compile(r"[&<>\"']")
# Values must not contain a body tag, or its beginning, where the position of the footer depends on body tags.
_BODY_TAG = re.compile(r"</?(?:body|[body]*\s*\Z)", re.IGNORECASE)
COMPUTED = {"size", "first", "last"}  # Liquid computes these for values without such a key
CLOCK = {"now", "today"}


class CachedFunction(dict[Any, Any]):
    """A cache of a function's results for short values: many people share a plan, a city or a first name.

    Only the first 50 placeholders of a template cache, at most 1,024 values each, so that its memory is bounded.
    """

    MOST = 1024
    SHORT = 64
    SHORT_RESULT = 256
    PLACEHOLDERS = 50

    def __init__(self, make: Callable[..., Any], number: int) -> None:
        self.make = make
        self.most = self.MOST if number < self.PLACEHOLDERS else 0

    def __missing__(self, value: Any) -> Any:
        made = self.make(value)
        if len(self) < self.most:
            self.keep(value, made)
        return made

    def keep(self, value: Any, made: Any) -> None:
        is_short = type(value) is not str or len(value) <= self.SHORT
        if is_short and len(made) <= self.SHORT_RESULT:
            self[value] = made


class LatestResult(dict[str, bytes]):
    """The latest result of a function, for a value that stands in several places of one copy and in no other copy."""

    def __init__(self, make: Callable[[str], bytes]) -> None:
        self.make = make

    def __missing__(self, value: str) -> bytes:
        self.clear()
        self[value] = made = self.make(value)
        return made


class NotCompilable(Exception):
    """The reference has to compose this copy, or all of this content: the compiled result could differ."""


class CopyContext:
    """What the placeholders of one copy are computed from."""

    __slots__ = ("_person", "_values", "attributes", "budget", "contact", "contexts", "key", "shared")

    def __init__(
        self, contact: Contact | ContactSnapshot, key: str, shared: Mapping[str, object], budget: Budget
    ) -> None:
        self.contact = contact
        self.attributes: Mapping[str, Any] = attributes_of(contact)
        self.key = key  # the token of the delivery, which its links contain
        self.shared = shared  # the values that are equal for every recipient of this language
        self.budget = budget
        self.contexts: dict[int, Metered] = {}
        self._values: dict[str, object] | None = None
        self._person: Person | None = None

    @property
    def person(self) -> Person:
        """The recipient as expressions see it."""
        if self._person is None:
            self._person = cast(ExpressionScope, self.shared[SCOPE]).person(self.contact)
        return self._person

    def liquid_context(self, template: BoundTemplate) -> Metered:
        """Return Liquid's context of a field; all nodes share it, since one may assign a name that another one uses."""
        if (context := self.contexts.get(id(template))) is None:
            if self._values is None:
                contact = contact_values(self.contact)
                urls = {name: make(self.key) for name, make in LINKS.items()}
                self._values = {**self.shared, "contact": contact, **urls}
            context = Metered(template, self._values, self.budget)
            context.scope.push({"partial": False})  # as BoundTemplate.render does
            self.contexts[id(template)] = context
        return context


class Placeholders:
    """The placeholders of one language's content, in the order in which they are filled; each may use earlier ones."""

    def __init__(self) -> None:
        self.fills: list[Fill] = []
        self.raw: set[int] = set()  # placeholders whose value may contain HTML
        self.constants: dict[tuple[bool, str], str] = {}  # of expressions, by (is HTML, source)
        self.encoders: dict[int, LatestResult] = {}  # of keys, in quoted-printable
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

    def of_copy(self, name: str, fill: Fill) -> int:
        """Add a placeholder whose value is a key of one copy: a few letters and digits."""
        number = self.add(fill, ("of copy", name))
        self.encoders.setdefault(number, LatestResult(quoted_key))
        return number

    def joined(self, pieces: Sequence[Piece], finish: Callable[[str], str]) -> int:
        """Add a placeholder that joins pieces and applies a function to the result."""
        fixed = tuple(pieces)
        return self.add(lambda copy, filled: finish(join(fixed, filled)))


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
        return self.placeholders.add(self._expression(program, part), key)

    def _expression(self, program: Program, part: Expression) -> Fill:  # the texts of plain names are cached
        def fill(copy: CopyContext, filled: list[str]) -> str:
            return self._safe(program.fill(part, copy.person, copy.budget))

        def show(text: str) -> str:
            return self._safe(program.written(whole(text)))

        scope, read, field = self._scope(), part.compiled.read, part.compiled.field
        if read is None:
            return fill
        texts = CachedFunction(show, self.placeholders.count)
        if field and field not in scope.attributes:
            return lambda copy, filled: ""  # an error
        if not field:
            return lambda copy, filled: texts[value] if type(value := read(copy.person)) is str else fill(copy, filled)
        number = self.placeholders.count
        stored: dict[type, CachedFunction] = {
            kind: CachedFunction(lambda raw: show(scope.field_text(field, raw)), number) for kind in (str, int)
        }

        def fill_field(copy: CopyContext, filled: list[str]) -> str:
            raw = copy.attributes.get(field)
            cached = stored.get(type(raw))
            return fill(copy, filled) if cached is None else cached[raw]

        return fill_field

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
            return self.placeholders.add(lambda copy, filled: self._safe(self._shown(filled[url])), key)
        if root == "contact":
            read = _value_getter(rest, template.env.undefined(root, token=path.token))
            if read is None:
                return None
            fill = self._filtered(read, filters, path.token) if filters else self._fill(read)
            return self.placeholders.add(fill, key, raw=bool(filters))
        if root in LINKS or (root not in self.shared and self.has_logic):
            return None
        constant = replace(self.compiled, liquid=BoundTemplate(template.env, [node]))
        return constant.render(self.shared, self.budget)

    def _fill(self, read: Read) -> Fill:
        def show(value: Any) -> str:
            return self._safe(self._shown(value))

        # One cache per type: equal values of two types, such as 1 and True, are rendered differently. Other types are
        # not cached, since even two equal values of one type may be.
        texts, numbers = CachedFunction(show, self.placeholders.count), CachedFunction(show, self.placeholders.count)

        def fill(copy: CopyContext, filled: list[str]) -> str:
            value = read(copy)
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

        known = {kind: CachedFunction(show, self.placeholders.count) for kind in (str, int)}

        def fill(copy: CopyContext, filled: list[str]) -> str:
            value = read(copy)
            remembered = known.get(type(value))
            if remembered is None:
                return show(value, copy.budget)
            shown = remembered.get(value)
            if shown is None:
                shown = show(value, copy.budget)
                if len(remembered) < remembered.most:
                    remembered.keep(value, shown)
            return shown

        return fill

    def _logic(self, template: BoundTemplate, nodes: Sequence[Node]) -> int:
        nodes = tuple(nodes)

        def fill(copy: CopyContext, filled: list[str]) -> str:
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
    make = LINKS[name]
    return placeholders.add(lambda copy, filled: make(copy.key), ("url", name))


def link_placeholder(placeholders: Placeholders, name: str) -> int:
    """Return the placeholder of a link's URL, escaped for HTML."""
    url = url_placeholder(placeholders, name)
    return placeholders.add(lambda copy, filled: escape(filled[url]), ("footer", name))


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


def _value_getter(path: Sequence[str], missing: object) -> Read | None:
    """Return a function that gets a path below `contact`, as `contact_values` defines it; None if Liquid has to."""
    match path:
        case [name] if name in VALUES:
            value = VALUES[name]
            return lambda copy: value(copy.contact)
        case ["attributes", key] if key not in COMPUTED:
            return lambda copy: copy.attributes.get(key, missing)
        case [key] if key not in COMPUTED and key not in CONTACT:
            return lambda copy: copy.attributes.get(key, missing)
    return None
