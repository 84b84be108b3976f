"""What is wrong with the expressions of a template: for its author, since they are empty in what people read."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple

from ..budget import LOOK_STEPS, STEPS, Budget, Exceeded
from .context import PROPERTIES, SCHEMES, ExpressionScope
from .elsewhere import INSTEAD, OF_CONTACTS, OF_FLOWS, WORDS_OF_FLOWS
from .functions import FUNCTIONS
from .parser import (
    DEEPEST,
    TOO_DEEP,
    TOO_MANY_LOOKUPS,
    CallNode,
    Chain,
    Lambda,
    Literal,
    Lookup,
    Minus,
    Name,
    Node,
    Property,
    SyntaxFailure,
)
from .program import Expression, Program
from .scanner import TOP, names_of_others, unclosed

MOST = 20  # marks of a template
MOST_NAMES = 2_000  # such as “@contct.name” that are compared with what is known
DEEP = f"this has brackets more than {DEEPEST} deep; split it up"
CURLY = "\u201c\u201d\u2018\u2019"  # quotes that text editors make of straight ones


class Mark(NamedTuple):
    """A fault at a place of a template."""

    line: int
    column: int
    words: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.words}"


def marks(source: str, program: Program, scope: ExpressionScope) -> list[Mark]:
    """Return the faults of a template's expressions in their order, MOST of them at most."""
    found = sorted(islice(_faults(source, program, scope), MOST))
    return [mark(source, index, words) for index, words in found]


def mark(source: str, index: int, words: str) -> Mark:
    return Mark(source.count("\n", 0, index) + 1, index - source.rfind("\n", 0, index), words)


def _faults(source: str, program: Program, scope: ExpressionScope) -> Iterator[tuple[int, str]]:
    known = {
        "contact": list(PROPERTIES),
        "fields": list(scope.attributes),
        "contact.fields": list(scope.attributes),
        "globals": list(scope.globals.properties),
        "urns": list(SCHEMES),
    }
    for index, name in islice(names_of_others(source), MOST_NAMES):
        if name.lower() in OF_FLOWS:
            yield index, f"@{name} {WORDS_OF_FLOWS}, so it is sent as it is"
        elif near := _near(name, TOP):
            yield index, f"@{name} is not known, so it is sent as it is{near}"
    if (index := unclosed(source)) >= 0:
        yield index, "the bracket of “@(” is never closed, so it is sent as it is; end it with “)”"
    for expression in program.expressions:
        yield from _faults_of(expression, known, scope)


def _faults_of(
    expression: Expression, known: Mapping[str, list[str]], scope: ExpressionScope
) -> Iterator[tuple[int, str]]:
    compiled, offset = expression.compiled, expression.found.offset
    if compiled.node is None:
        at = compiled.failure.at if isinstance(compiled.failure, SyntaxFailure) else 0
        yield offset + at, _unparsed(expression.found.inner, compiled.failure)
        return
    try:
        faults = [(offset + at, words) for at, words in _FaultFinder(known).faults(compiled.node, frozenset())]
    except RecursionError:
        faults = [(expression.found.start, DEEP)]
    if not faults and compiled.is_constant and (error := _error_of(expression, scope)):
        faults.append((expression.found.start, f"this is always empty: {error.rpartition('(...): ')[2]}"))
    yield from faults


def _error_of(expression: Expression, scope: ExpressionScope) -> str:
    """Return the error of a constant expression; "" if it has none, or if too much was tried out before it."""
    inner, tried = expression.found.inner, scope.tried
    if inner not in tried:
        try:
            tried[inner] = tried_out(expression, scope)[1]
        except Exceeded:
            return ""
    return tried[inner]


def tried_out(expression: Expression, scope: ExpressionScope) -> tuple[str, str]:
    """Return the text and error of a constant expression; raises Exceeded once the scope's trials are spent."""
    scope.trials.spend(LOOK_STEPS + 1)  # each trial looks at the clock
    budget = Budget()
    result = expression.result(scope.person(None), budget)
    scope.trials.left -= STEPS - budget.left
    return result


def _unparsed(inner: str, failure: Exception | None) -> str:
    if not isinstance(failure, SyntaxFailure):
        said = str(failure)
        return {TOO_DEEP: DEEP, TOO_MANY_LOOKUPS: f"this has {said}; split it up"}.get(said, f"this is empty: {said}")
    found = inner[failure.at : failure.at + 10]
    if not found:
        return "something is missing at the end of the expression" if inner.strip() else "there is nothing in “@()”"
    straight = '; texts stand in straight double quotes, as "yes"'
    advice = {
        **dict.fromkeys(CURLY, straight),
        "'": straight,
        "=": "; equality is a single =",
        "%": "; the remainder is mod(a, b)",
        "!": "; use if(value, false, true)",
        ">": "; inequality is !=" if inner[: failure.at].endswith("<") else "",
    }.get(found[0], "")
    return f"this cannot be read from “{found}” on{advice}"


class _FaultFinder:
    """Looks through the nodes of an expression for what is not known."""

    def __init__(self, known: Mapping[str, list[str]]) -> None:
        self.known = known

    def faults(self, node: Node, names: frozenset[str]) -> Iterator[tuple[int, str]]:
        match node:
            case Literal():
                return
            case Name(at, text):
                if text.lower() not in names and text.lower() not in FUNCTIONS and text.lower() not in TOP:
                    yield at, self.unknown(text)
            case Property(at, of, name):
                if path := self.path(of, names):
                    if name.lower() not in map(str.lower, self.known[path]):
                        yield at, f"{path}.{name} is not known{self.near_property(path, name)}"
                else:
                    yield from self.faults(of, names)
            case Lookup(_, of, key):
                yield from self.all([of, key], names)
            case Minus(_, of, _):
                yield from self.faults(of, names)
            case Chain(_, first, rest):
                yield from self.all([first, *(one for _, one in rest)], names)
            case Lambda(_, own, body):
                yield from self.faults(body, names.union(own))
            case CallNode(_, function, arguments):
                yield from self.call(function, len(arguments), names)
                yield from self.all(arguments, names)

    def all(self, nodes: Iterable[Node], names: frozenset[str]) -> Iterator[tuple[int, str]]:
        for node in nodes:
            yield from self.faults(node, names)

    def call(self, function: Node, count: int, names: frozenset[str]) -> Iterator[tuple[int, str]]:
        known = FUNCTIONS.get(function.text.lower()) if isinstance(function, Name) else None
        if known is None or (isinstance(function, Name) and function.text.lower() in names):
            yield from self.faults(function, names)
        elif known.wrong_count(count):
            most = known.most
            if most is None:
                wanted = f"at least {known.least}"
            elif known.least == most:
                wanted = str(most)
            else:
                wanted = f"{known.least} to {most}"
            noun = "argument" if wanted in ("1", "at least 1") else "arguments"
            yield function.at, f"{known.name} takes {wanted} {noun}, not {count}"

    def path(self, node: Node, names: frozenset[str]) -> str:
        """Return the path of a node whose properties are all known; "" for another node."""
        if isinstance(node, Name) and node.text.lower() not in names:
            return node.text.lower() if node.text.lower() in self.known else ""
        if isinstance(node, Property) and (above := self.path(node.of, names)):
            path = f"{above}.{node.name.lower()}"
            return path if path in self.known else ""
        return ""

    def unknown(self, text: str) -> str:
        """Return what is wrong with a name, and the nearest one: here, in another system, or behind a dot."""
        name = text.lower()
        if name in OF_FLOWS:
            return f"{text} {WORDS_OF_FLOWS}"
        if name in INSTEAD:
            return f"{text} is not known; {INSTEAD[name]}"
        dotted = [f"{root}.{one}" for root in ("contact", "fields", "globals", "urns") for one in self.known[root]]
        last_words = {one.rpartition(".")[2]: one for one in reversed(dotted)}
        if close := _closest(name, [*FUNCTIONS, *TOP, *INSTEAD]):
            near = f"for {close}, {INSTEAD[close]}" if close in INSTEAD else f"did you mean {close}?"
            return f"{text} is not known; {near}"
        if close := _closest(name, last_words):
            return f"{text} is not known; did you mean {last_words[close]}?"
        return f"{text} is not known"

    def near_property(self, path: str, name: str) -> str:
        """Return the nearest name below a path; of a contact also a field, or its address by another name."""
        if near := _near(name, self.known[path], f"{path}."):
            return near
        if path == "contact":
            if close := _closest(name.lower(), OF_CONTACTS):
                return f"; did you mean {OF_CONTACTS[close]}?"
            if near := _near(name, self.known["fields"], "fields."):
                return near
        return _listed(self.known[path])


def _near(wrong: str, names: Iterable[str], path: str = "") -> str:
    close = _closest(wrong.lower(), names)
    return f"; did you mean {path}{close}?" if close else ""


def _closest(wrong: str, names: Iterable[str]) -> str:
    return next(iter(get_close_matches(wrong, list(names), n=1, cutoff=0.75)), "")


def _listed(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:10]) or "nothing yet"
    return f"; known: {shown} and {len(names) - 10} more" if len(names) > 10 else f"; known: {shown}"
