"""Compile the tree of an expression to functions that evaluate it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..budget import Exceeded
from .context import DETAILS, PROPERTIES, ROOTS, SCHEMES, Person
from .functions import FUNCTIONS
from .operators import negated, operate
from .parser import CallNode, Chain, Lambda, Literal, Lookup, Minus, Name, Node, Property, parse
from .running import DEEPEST_CALLS, TOO_COMPLEX, Evaluation, Failure
from .values import ARGUMENTS, Function, Object, anything, described, to_integer, to_number, to_text

Evaluate = Callable[[Evaluation], Any]
Read = Callable[[Person], Any]
# Functions that give other results each time: a test of dates fills in the time of day.
VARYING = frozenset(["now", "today", "rand", "rand_between", "has_date", "has_date_eq", "has_date_gt", "has_date_lt"])


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled expression."""

    node: Node | None  # None for one that cannot be parsed
    evaluate: Evaluate
    failure: Failure | None = None  # why it cannot be parsed
    read: Read | None = None  # reads the value of a plain name, which needs no budget
    uses: frozenset[str] = frozenset()  # names of DETAILS
    field: str = ""  # the key, if it is the plain name of an attribute
    is_constant: bool = False
    is_steady: bool = True  # whether it gives the same each time for one recipient


def compile_source(source: str) -> Compiled:
    """Compile an expression; one that cannot be parsed gives its error."""
    try:
        return compile_node(parse(source))
    except Failure as failure:
        return unparsed(failure)
    except RecursionError:
        return unparsed(Failure(TOO_COMPLEX))


def compile_node(node: Node) -> Compiled:
    """Compile the tree of an expression; raises RecursionError for one that is too deep."""
    compiler = _Compiler()
    evaluate = compiler.compile(node, frozenset())
    read = compiler.reader(node, frozenset())
    if isinstance(node, Name) and node.text.lower() == "contact":
        read, compiler.uses = Person.shown, {"urns"}
    return Compiled(
        node, evaluate, None, read, frozenset(compiler.uses), compiler.field, compiler.is_constant, compiler.is_steady
    )


def unparsed(failure: Failure) -> Compiled:
    """Return the compiled form of an expression that cannot be parsed: it is empty."""
    return Compiled(None, _raising(failure), failure, is_constant=True)


def _raising(failure: Failure) -> Evaluate:
    reason = failure.reason

    def fail(run: Evaluation) -> Any:
        raise Failure(reason)

    return fail


class _Compiler:
    def __init__(self) -> None:
        self.uses: set[str] = set()
        self.field = ""  # the attribute that was read last
        self.is_constant = True
        self.is_steady = True

    def compile(self, node: Node, names: frozenset[str]) -> Evaluate:
        """Return what evaluates a node; `names` are the arguments of the anonymous functions around it."""
        match node:
            case Literal(_, value):
                return lambda run: value
            case Name(_, text):
                return self.name(text, names)
            case Property(_, of, name):
                return self.property(node, of, name, names)
            case Lookup(_, of, key):
                of_, key_ = self.compile(of, names), self.compile(key, names)
                return lambda run: looked_up(run, of_(run), key_(run))
            case CallNode(_, function, arguments):
                return self.call(function, arguments, names)
            case Minus(_, of, times):
                return self.minus(self.compile(of, names), times)
            case Chain(_, first, rest):
                return self.chain(self.compile(first, names), [(sign, self.compile(one, names)) for sign, one in rest])
            case Lambda(_, own, body):
                return _lambda(own, self.compile(body, names.union(own)))
        raise AssertionError(node)

    def name(self, text: str, names: frozenset[str]) -> Evaluate:
        name = text.lower()
        if name in names:
            return lambda run: run.locals[name]
        if root := ROOTS.get(name):
            self.is_constant = False
            if name in ("contact", "urns"):
                self.uses |= DETAILS if name == "contact" else {"urns"}
            return lambda run: root(run.person)
        if function := FUNCTIONS.get(name):
            if name in VARYING:
                self.is_constant = self.is_steady = False
            return lambda run: function
        return _raising(Failure(f"context has no property '{text}'"))

    def property(self, node: Node, of: Node, name: str, names: frozenset[str]) -> Evaluate:
        if read := self.reader(node, names):
            self.is_constant = False
            return lambda run: read(run.person)
        value = self.compile(of, names)
        return lambda run: property_of(run, value(run), name)

    def reader(self, node: Node, names: frozenset[str]) -> Read | None:
        """Return a function that reads a name such as contact.fields.age; None for all else."""
        path: list[str] = []
        while isinstance(node, Property):
            path.insert(0, node.name)
            node = node.of
        if not isinstance(node, Name) or (root := node.text.lower()) in names or len(path) not in (1, 2):
            return None
        written, name = path[-1], path[-1].lower()
        if root == "contact" and len(path) == 2 and path[0].lower() == "fields":
            root, path = "fields", path[1:]
        if len(path) != 1:
            return None
        if root == "contact" and name in PROPERTIES:
            self.uses |= DETAILS & {name}
            return PROPERTIES[name]
        if root == "fields":
            self.field = name
            return _field(name, written)
        if root == "urns" and name in SCHEMES:
            self.uses.add("urns")
            return lambda person: person.urn_of(name)
        return None

    def call(self, node: Node, arguments: Sequence[Node], names: frozenset[str]) -> Evaluate:
        compiled = [self.compile(one, names) for one in arguments]
        function = self.compile(node, names)
        known = FUNCTIONS.get(node.text.lower()) if isinstance(node, Name) else None
        if known and isinstance(node, Name) and node.text.lower() not in names and node.text.lower() not in ROOTS:
            return _calling(known, compiled)
        spelled = _spelled(node)

        def call(run: Evaluation) -> Any:
            called = function(run)
            if not isinstance(called, Function):
                raise anything_else(called, f"{spelled} is not a function")
            return _calling(called, compiled)(run)

        return call

    def minus(self, value: Evaluate, times: int) -> Evaluate:
        def minus(run: Evaluation) -> Any:
            run.spend(1)
            number = to_number(run, value(run))
            return negated(number) if times % 2 else number

        return minus

    def chain(self, first: Evaluate, rest: Sequence[tuple[str, Evaluate]]) -> Evaluate:
        if len(rest) == 1:
            sign, second = rest[0]
            return lambda run: operate(run, sign, first(run), second(run))

        def chain(run: Evaluation) -> Any:
            value = first(run)
            for sign, other in rest:
                value = operate(run, sign, value, other(run))
            return value

        return chain


def _field(key: str, written: str) -> Read:
    def read(person: Person) -> Any:
        try:
            return person.field(key)
        except KeyError:
            raise Failure(f"object has no property '{written}'") from None

    return read


def anything_else(value: Any, reason: str) -> Failure:
    return value if isinstance(value, Failure) else Failure(reason)


def _calling(function: Function, arguments: Sequence[Evaluate]) -> Evaluate:
    keeps_errors, apply, title = function.keeps_errors, function.apply, function.name.upper()
    label = function.name if function.name.startswith("<") else title

    def call(run: Evaluation) -> Any:
        try:
            if keeps_errors:
                return apply(run, [caught(argument, run) for argument in arguments])
            return apply(run, [argument(run) for argument in arguments])
        except Failure as failure:
            raise Failure(f"error calling {label}(...): {failure.reason[:500]}") from None
        except (ArithmeticError, UnicodeError) as fault:  # what no conversion of an argument refuses
            raise Failure(f"error calling {label}(...): {str(fault)[:500]}") from None

    return call


def caught(evaluate: Evaluate, run: Evaluation) -> Any:
    """Return a value, or the error that evaluating it raises."""
    try:
        return evaluate(run)
    except Failure as failure:
        return failure


class Anonymous(Function):
    """A function written as “(x) => ...”; it sees the arguments of the functions around it."""

    __slots__ = ("evaluate", "names", "outer")

    def __init__(self, names: tuple[str, ...], evaluate: Evaluate, outer: dict[str, Any]) -> None:
        super().__init__("<anon>", evaluate, tuple(anything for _ in names), 0, None, False)
        self.names = names
        self.evaluate = evaluate
        self.outer = outer

    def apply(self, run: Evaluation, values: list[Any]) -> Any:
        run.spend((len(values) + len(self.outer)) // ARGUMENTS)
        if wrong := self.wrong_count(len(values)):
            raise Failure(wrong)
        if run.depth >= DEEPEST_CALLS:
            raise Exceeded(TOO_COMPLEX)
        before, run.locals = run.locals, {**self.outer, **dict(zip(self.names, values, strict=True))}
        run.depth += 1
        try:
            result = self.evaluate(run)
        finally:
            run.locals = before
            run.depth -= 1
        run.pay(result)
        return result


def _lambda(names: tuple[str, ...], body: Evaluate) -> Evaluate:
    return lambda run: Anonymous(names, body, run.locals)


def property_of(run: Evaluation, value: Any, name: str) -> Any:
    if isinstance(value, Object):
        try:
            return value.find(name)
        except KeyError:
            raise Failure(f"object has no property '{name}'") from None
    return looked_up(run, value, name)


def looked_up(run: Evaluation, value: Any, key: Any) -> Any:
    """Return an item of an array, or a property of an object, None if it has no such property."""
    run.spend(1)
    anything(run, key)
    if isinstance(value, Object):
        try:
            return value.find(to_text(run, key))
        except KeyError:
            return None
    if not isinstance(value, list):
        raise anything_else(value, f"{described(value)} doesn't support lookups")
    index = to_integer(run, key)
    if not -len(value) <= index < len(value):
        raise Failure(f"index {index} out of range for {len(value)} items")
    return value[index]


def _spelled(node: Node) -> str:
    match node:
        case Name(_, text):
            return text.lower()
        case Property(_, of, name):
            return f"{_spelled(of)}.{name.lower()}"
    return "value"
