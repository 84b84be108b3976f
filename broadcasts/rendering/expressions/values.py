"""The types of values, and their conversions to text, number, truth, integer, array and object.

A value is a str, Decimal, bool, date, aware datetime, time, list (array), Object, Function, or None (null). An error is
raised as a Failure; within an array it can also stand as a value.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Clamped, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from ..budget import LONGEST_TEXT, SHORT, Exceeded
from .running import TOO_COMPLEX, Evaluation, Failure

MOST_DIGITS = 36
LARGEST = 100  # exponent of ten
ARGUMENTS = 4  # of a call, that cost one step
ITEM = 10  # characters that take as long as an item of an array
OUT_OF_RANGE = "number value out of range"

# Enough digits for the exact result of any two numbers within the limits.
EXACT = Context(prec=300, Emin=-999999, Emax=999999, traps=[InvalidOperation, DivisionByZero, Overflow, Clamped])
NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
_SPACE = (
    " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


class Object:
    """Named values; `default` is what it stands for as a text, number or truth, if it has one.

    default: a value, or a function that computes it when it is needed first.
    """

    __slots__ = ("_by_lower", "_default", "has_default", "properties")

    def __init__(self, properties: Mapping[str, Any], default: Any = ...) -> None:
        self.properties: Mapping[str, Any] = properties
        self.has_default = default is not ...
        self._default = default if self.has_default else None
        self._by_lower: dict[str, str] | None = None

    @property
    def default(self) -> Any:
        if callable(self._default):
            self._default = self._default()
        return self._default

    def find(self, name: str) -> Any:
        """Return a property, whatever the case of its name; raises KeyError."""
        found = self.properties
        if name in found:
            return found[name]
        if self._by_lower is None:
            self._by_lower = {key.lower(): key for key in reversed(list(found))}
        return found[self._by_lower.get(name.lower(), name)]

    def items(self) -> list[tuple[str, Any]]:
        """Return names and values in the order of the names."""
        return [(name, self.properties[name]) for name in sorted(self.properties)]


class Function:
    """A function with the number of its arguments, how each is converted, and what it does with them."""

    __slots__ = ("body", "keeps_errors", "kinds", "least", "more", "most", "name")

    def __init__(
        self,
        name: str,
        body: Callable[..., Any],
        kinds: tuple[Callable[[Evaluation, Any], Any], ...],
        optional: int,
        more: Callable[[Evaluation, Any], Any] | None,
        keeps_errors: bool,
    ) -> None:
        self.name = name
        self.body = body
        self.kinds = kinds
        self.least = len(kinds) - optional
        self.most = None if more else len(kinds)
        self.more = more
        self.keeps_errors = keeps_errors  # whether it takes errors as arguments, as `default` does

    def wrong_count(self, count: int) -> str:
        """Return what is wrong with a number of arguments; "" if nothing is."""
        if self.least <= count and (self.most is None or count <= self.most):
            return ""
        if self.most is None:
            return f"need at least {self.least} argument(s), got {count}"
        most = f"{self.least} to {self.most}" if self.least < self.most else str(self.least)
        return f"need {most} argument(s), got {count}"

    def apply(self, run: Evaluation, values: list[Any]) -> Any:
        """Call it; raises Failure. The steps of its arguments are those of reading each once."""
        run.spend(len(values) // ARGUMENTS)
        if wrong := self.wrong_count(len(values)):
            raise Failure(wrong)
        kinds = self.kinds
        converted = [kind(run, value) for kind, value in zip(kinds, values, strict=False)]
        if self.more is not None:
            more = self.more
            converted += [more(run, value) for value in values[len(kinds) :]]
        for value in converted:
            if type(value) is str and len(value) >= SHORT:
                run.spend(len(value) // SHORT)
        result = self.body(run, *converted)
        run.pay(result)
        return result


def anything(run: Evaluation, value: Any) -> Any:
    if isinstance(value, Failure):
        raise value
    return value


def as_it_is(run: Evaluation, value: Any) -> Any:
    return value


def to_text(run: Evaluation, value: Any) -> str:
    kind = type(value)
    if kind is str:
        return value
    if value is None:
        return ""
    if kind is Decimal:
        return number_text(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is list:
        return run.limited("[" + ", ".join(each_text(run, value)) + "]")
    if isinstance(value, Object):
        if value.has_default:
            return to_text(run, value.default)
        names, values = [*zip(*value.items(), strict=True)] or ((), ())
        texts = [f"{name}: {text}" for name, text in zip(names, each_text(run, values), strict=True)]
        return run.limited("{" + ", ".join(texts) + "}")
    if isinstance(value, Failure):
        raise value
    return moment_text(value) if isinstance(value, date | time) else value.name


def each_text(
    run: Evaluation, values: Iterable[Any], write: Callable[[Evaluation, Any], str] = to_text
) -> Iterator[str]:
    """Yield the text of each value of an array or object; raises Exceeded where they are too long together."""
    size = unpaid = 0
    for value in values:
        text = write(run, value)
        size += len(text)
        unpaid += len(text) + ITEM
        if size > LONGEST_TEXT:
            raise Exceeded(TOO_COMPLEX)
        if unpaid >= SHORT:
            run.spend(unpaid // SHORT)
            unpaid %= SHORT
        yield text


def moment_text(value: date | time) -> str:
    """Return a date, datetime or time as text; a datetime in its own zone."""
    if isinstance(value, time):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, datetime):
        text = value.isoformat(timespec="microseconds")
        return f"{text[:26]}Z" if text.endswith("+00:00") else text[:32]
    return value.isoformat()


def number_text(number: Decimal) -> str:
    if not number:
        return "0"
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def checked(number: Decimal, reason: str = OUT_OF_RANGE) -> Decimal:
    """Return a number that is within the limits; raises Failure for another one."""
    if not number.is_finite():
        raise Failure(reason)
    if not number:
        return Decimal(0)
    exponent = number.adjusted()
    if exponent > LARGEST or exponent < -LARGEST or (exponent == LARGEST and abs(number) > _LARGEST_NUMBER):
        raise Failure(reason)
    if len(number.as_tuple().digits) > MOST_DIGITS and len(number.normalize(EXACT).as_tuple().digits) > MOST_DIGITS:
        raise Failure(reason)
    return number


_LARGEST_NUMBER = Decimal(10) ** LARGEST


def to_number(run: Evaluation, value: Any) -> Decimal:
    kind = type(value)
    if kind is Decimal:
        return value
    if kind is str:
        run.spend(len(value) // SHORT)
        text = value.strip(_SPACE)
        if len(text) <= 2 * LARGEST + 3 and NUMBER.fullmatch(text):
            return checked(Decimal(text))
    elif isinstance(value, Object) and value.has_default:
        return to_number(run, value.default)
    raise unconvertible(value, "a number")


def to_integer(run: Evaluation, value: Any) -> int:
    number = to_number(run, value)
    if not -(2**31) - 1 < number < 2**31:
        raise Failure(f"number value {number_text(number)} is out of range for an integer")
    return int(number)


def to_truth(run: Evaluation, value: Any) -> bool:
    kind = type(value)
    if kind is bool:
        return value
    if kind is str:
        return value != "" and (len(value) != len("false") or value.lower() != "false")
    if isinstance(value, Failure):
        raise value
    if isinstance(value, Object):
        return to_truth(run, value.default) if value.has_default else bool(value.properties)
    if kind is time:
        return value != time(0)
    return bool(value) if kind in (Decimal, list) else value is not None


def to_array(run: Evaluation, value: Any) -> list[Any]:
    if type(value) is list:
        return value
    if value is None:
        return []
    raise unconvertible(value, "an array")


def to_object(run: Evaluation, value: Any) -> Object:
    if isinstance(value, Object):
        return value
    if value is None:
        return Object({})
    raise unconvertible(value, "an object")


def to_function(run: Evaluation, value: Any) -> Function:
    if isinstance(value, Function):
        return value
    raise unconvertible(value, "a function")


def unconvertible(value: Any, kind: str) -> Failure:
    """Return the error of a conversion; of an error, that error."""
    if isinstance(value, Failure):
        return value
    return Failure(f"unable to convert {described(value)} to {kind}")


def described(value: Any) -> str:
    """Return a value as errors show it."""
    if isinstance(value, str):
        shown = value[:100].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{shown}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, Function):
        return f"{value.name}(...)"
    names: dict[type, str] = {list: "array", datetime: "datetime", date: "date", time: "time", type(None): "null"}
    if isinstance(value, Object):
        return described(value.default) if value.has_default else "object"
    return names.get(type(value), "error")


def frozen(value: Any) -> Any:
    """Return a value that can be a key, different for each type."""
    if isinstance(value, list):
        return "array", tuple(map(frozen, value))
    if isinstance(value, Object):
        return "object", tuple((name, frozen(one)) for name, one in value.items())
    if isinstance(value, datetime):
        return "datetime", value.astimezone(UTC)
    return type(value), value
