"""Parse an expression into a tree of nodes; operators of one precedence are one node, however many they are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from .running import Failure
from .scanner import text_end
from .values import checked

LONGEST = 10_000  # characters of an expression
DEEPEST = 100  # brackets that are open at a time, those in texts included
TOO_DEEP = "expression nesting too deep"
TOO_MANY_LOOKUPS = f"more than {DEEPEST} lookups and calls in a row"
WORDS = {"true": True, "false": False, "null": None}
LEVELS = {"&": 1, "=": 2, "!=": 2, "<": 3, "<=": 3, ">": 3, ">=": 3, "+": 4, "-": 4, "*": 5, "/": 5, "^": 6}
TIGHTEST = 7

_TOKEN = re.compile(
    r"[ \t\r\n\f\v]*(?:(\d+(?:\.\d+)?)|([^\W\d]\w*)|(=>|!=|<=|>=|[-+*/^&=<>()\[\],.])|(\")|(\Z)|.)", re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:([\"\\nrtabfv])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|)")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", '"': '"', "\\": "\\"}


class SyntaxFailure(Failure):
    """An expression that cannot be parsed; `at` is the offset of what is wrong in it."""

    def __init__(self, source: str, at: int) -> None:
        found = source[at : at + 10]
        super().__init__(f"syntax error at {found}")
        self.at = at


@dataclass(frozen=True, slots=True)
class Node:
    at: int  # its offset in the expression


@dataclass(frozen=True, slots=True)
class Literal(Node):
    value: object


@dataclass(frozen=True, slots=True)
class Name(Node):
    text: str


@dataclass(frozen=True, slots=True)
class Property(Node):
    """The lookup of a name or index with a dot."""

    of: Node
    name: str


@dataclass(frozen=True, slots=True)
class Lookup(Node):
    """The lookup of a name or index in square brackets."""

    of: Node
    key: Node


@dataclass(frozen=True, slots=True)
class CallNode(Node):
    function: Node
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Minus(Node):
    of: Node
    times: int


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Operators of one precedence, from left to right."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Lambda(Node):
    names: tuple[str, ...]  # in lower case
    body: Node


class Token(NamedTuple):
    kind: str  # "number", "name", "sign", "text" or "end"
    text: str
    at: int


def parse(source: str) -> Node:
    """Return the tree of an expression; raises Failure."""
    if _is_too_deep(source):
        raise Failure(TOO_DEEP)
    try:
        return _Parser(source).whole()
    except RecursionError:
        raise Failure(TOO_DEEP) from None


def _is_too_deep(source: str) -> bool:
    depth = 0
    for sign in re.findall(r"[(\[{)\]}]", source):
        depth += 1 if sign in "([{" else -1
        if depth > DEEPEST:
            return True
    return False


def tokens(source: str) -> Iterator[Token]:
    """Yield the tokens of an expression and an end; raises SyntaxFailure."""
    position = 0
    while match := _TOKEN.match(source, position):
        position = match.end()
        kind = match.lastindex
        if kind is None:
            raise SyntaxFailure(source, position - 1)
        at = match.start(kind)
        if kind == 4:
            position = text_end(source, position)
            if position < 0:
                raise SyntaxFailure(source, at)
            yield Token("text", unescaped(source[at + 1 : position - 1]), at)
        else:
            yield Token(("number", "name", "sign", "", "end")[kind - 1], match[kind], at)
        if kind == 5:
            return


def unescaped(text: str) -> str:
    """Process the escapes of a text, unless one of them is not known, or the text has a line break."""
    if "\\" not in text or "\n" in text or "\r" in text:
        return text
    try:
        return _ESCAPE.sub(_unescape, text)
    except ValueError:
        return text


def _unescape(match: re.Match[str]) -> str:
    simple, byte, octal, short, long = match.groups()
    if simple:
        return _SIMPLE[simple]
    code = int(octal, 8) if octal else int(byte or short or long, 16) if byte or short or long else -1
    if code < 0 or (octal and code > 255) or 0xD800 <= code < 0xE000:
        raise ValueError
    return chr(code)


class _Parser:
    """A Pratt parser."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = list(tokens(source))
        self.place = 0
        self.lambdas = 0

    def whole(self) -> Node:
        node = self.expression(1)
        if self.tokens[self.place].kind != "end":
            raise self.wrong()
        return node

    def wrong(self) -> SyntaxFailure:
        return SyntaxFailure(self.source, self.tokens[self.place].at)

    def take(self, sign: str) -> bool:
        token = self.tokens[self.place]
        if token.kind == "sign" and token.text == sign:
            self.place += 1
            return True
        return False

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise self.wrong()

    def expression(self, lowest: int) -> Node:
        """Parse operators that bind at least as tightly as `lowest`."""
        left = self.operand()
        while (level := self.level()) >= lowest:
            at, rest = left.at, []
            while self.level() == level:
                sign = self.tokens[self.place].text
                self.place += 1
                rest.append((sign, self.expression(level + 1)))
            left = Chain(at, left, tuple(rest))
        return left

    def level(self) -> int:
        token = self.tokens[self.place]
        return LEVELS.get(token.text, 0) if token.kind == "sign" else 0

    def operand(self) -> Node:
        token = self.tokens[self.place]
        times = 0
        while self.take("-"):
            times += 1
        if times:
            return Minus(token.at, self.operand(), times)
        if token.kind == "number":
            self.place += 1
            return Literal(token.at, checked(Decimal(token.text), f"number {token.text} is out of range"))
        if token.kind == "text":
            self.place += 1
            return Literal(token.at, token.text)
        if token.kind == "name" and token.text.lower() in WORDS:
            self.place += 1
            return Literal(token.at, WORDS[token.text.lower()])
        if names := self.parameters():
            self.lambdas += 1
            if self.lambdas > DEEPEST:
                raise Failure(TOO_DEEP)
            return Lambda(token.at, names, self.expression(1))
        return self.atom(token)

    def atom(self, token: Token) -> Node:
        if token.kind == "name":
            self.place += 1
            node: Node = Name(token.at, token.text)
        elif self.take("("):
            node = self.expression(1)
            self.expect(")")
        else:
            raise self.wrong()
        for _ in range(DEEPEST + 1):
            at = self.tokens[self.place].at
            if self.take("("):
                node = CallNode(at, node, self.arguments())
            elif self.take("."):
                node = Property(self.tokens[self.place].at, node, self.property())
            elif self.take("["):
                node = Lookup(at, node, self.expression(1))
                self.expect("]")
            else:
                return node
        raise Failure(TOO_MANY_LOOKUPS)

    def arguments(self) -> tuple[Node, ...]:
        if self.take(")"):
            return ()
        found = [self.expression(1)]
        while self.take(","):
            found.append(self.expression(1))
        self.expect(")")
        return tuple(found)

    def property(self) -> str:
        token = self.tokens[self.place]
        is_name = token.kind == "name" and token.text.lower() not in WORDS
        if not is_name and not (token.kind == "number" and "." not in token.text):
            raise self.wrong()
        self.place += 1
        return token.text

    def parameters(self) -> tuple[str, ...]:
        """Return the names before “=>” in lower case, if a lambda begins here; else ()."""
        place, names = self.place, []
        if not self.take("("):
            return ()
        while (token := self.tokens[self.place]).kind == "name" and token.text.lower() not in WORDS:
            names.append(token.text.lower())
            self.place += 1
            if not self.take(","):
                break
        if names and self.take(")") and self.take("=>"):
            return tuple(names)
        self.place = place
        return ()
