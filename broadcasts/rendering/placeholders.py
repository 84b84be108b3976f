"""The placeholders of compiled content: values that differ between recipients, each computed once per copy.

A template becomes a list of pieces: constant text, and indexes of placeholders (`fields.py`). Those are filled for
several copies at once.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeAlias, cast

from liquid.template import BoundTemplate

from broadcasts.models import Contact

from .budget import Budget
from .expressions import ExpressionScope, Person
from .mime import quoted_key, quoted_lines
from .names import LINKS, ContactSnapshot, contact_values
from .templates import SCOPE, Metered

Piece = str | int
Filled: TypeAlias = "Sequence[str] | CopyValues"
Fill = Callable[["CopyContext", Filled], str]
Columns = list[list[str]]  # of each placeholder, its values in all copies
FillMany = Callable[[Sequence["CopyContext"], Columns], list[str]]
Encoder = Callable[[str], bytes]


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


class NotCompilable(Exception):
    """The reference has to compose this copy, or all of this content: the compiled result could differ."""


class CopyValues:
    """The values of one copy among those of many, by the numbers of placeholders."""

    __slots__ = ("columns", "place")

    def __init__(self, columns: Columns, place: int) -> None:
        self.columns = columns
        self.place = place

    def __getitem__(self, number: int) -> str:
        return self.columns[number][self.place]


class CopyContext:
    """What the placeholders of one copy are computed from."""

    __slots__ = ("_contexts", "_person", "_values", "attributes", "budget", "contact", "key", "shared")

    def __init__(
        self,
        contact: Contact | ContactSnapshot,
        key: str,
        shared: Mapping[str, object],
        budget: Budget,
    ) -> None:
        self.contact = contact
        self.attributes: Mapping[str, Any] = contact.attributes if type(contact.attributes) is dict else {}
        self.key = key  # the token of the delivery, which its links contain
        self.shared = shared  # the values that are equal for every recipient of this language
        self.budget = budget
        self._contexts: dict[int, Metered] | None = None
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
        if self._contexts is None:
            self._contexts = {}
        if (context := self._contexts.get(id(template))) is None:
            if self._values is None:
                contact = contact_values(self.contact)
                urls = {name: make(self.key) for name, make in LINKS.items()}
                self._values = {**self.shared, "contact": contact, **urls}
            context = Metered(template, self._values, self.budget)
            context.scope.push({"partial": False})  # as BoundTemplate.render does
            self._contexts[id(template)] = context
        return context


class Placeholders:
    """The placeholders of one language's content, in the order in which they are filled; each may use earlier ones.

    Each is filled for several copies at once: a loop over copies takes a fraction of the time of so many loops over
    placeholders.
    """

    def __init__(self) -> None:
        self.fills: list[FillMany] = []
        self.raw: set[int] = set()  # placeholders whose value may contain HTML
        self.constants: dict[tuple[bool, str], str] = {}  # of expressions, by (is HTML, source)
        self.encoders: dict[int, Encoder] = {}  # what makes bytes of a body from their values
        self._known: dict[object, int] = {}

    @property
    def count(self) -> int:
        return len(self.fills)

    def add(self, fill: Fill, key: object = None, *, raw: bool = False) -> int:
        """Add a placeholder by a function that fills it in for one copy; return its number."""
        return self.add_many(_each(fill), key, raw=raw)

    def add_many(self, fill: FillMany, key: object = None, *, raw: bool = False) -> int:
        """Add a placeholder by a function that fills it in for several copies; return its number."""
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
        self.encoders[number] = quoted_key
        return number

    def joined(self, pieces: Sequence[Piece], finish: Callable[[str], str]) -> int:
        """Add a placeholder that joins pieces and applies a function to the result."""
        fixed = tuple(pieces)
        return self.add_many(lambda copies, columns: [finish(text) for text in join_many(fixed, columns, len(copies))])

    def encoder(self, number: int) -> Encoder:
        """Return what encodes a placeholder's values for a body: in quoted-printable where nothing else is known."""
        if number not in self.encoders:
            self.encoders[number] = CachedFunction(quoted_lines, number).__getitem__
        return self.encoders[number]


def _each(fill: Fill) -> FillMany:
    """Return a function that fills in several copies by one that fills in one."""
    return lambda copies, columns: [fill(copy, CopyValues(columns, place)) for place, copy in enumerate(copies)]


def join(pieces: Sequence[Piece], filled: Filled) -> str:
    return "".join([piece if isinstance(piece, str) else filled[piece] for piece in pieces])


def join_many(pieces: Sequence[Piece], columns: Columns, n: int) -> list[str]:
    """Return what `join` does for each of n copies."""
    if len(pieces) == 1 and isinstance(pieces[0], int):
        return columns[pieces[0]]
    parts = [repeat(piece, n) if isinstance(piece, str) else columns[piece] for piece in pieces]
    return ["".join(row) for row in zip(*parts, strict=True)] if parts else [""] * n


def merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Join neighbouring constants."""
    result: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and result and isinstance(result[-1], str):
            result[-1] += piece
        elif piece != "":
            result.append(piece)
    return result
