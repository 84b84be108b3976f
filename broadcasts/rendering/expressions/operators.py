"""The operators: what each does with two values."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any

from .running import Evaluation, Failure
from .values import EXACT, LARGEST, MOST_DIGITS, OUT_OF_RANGE, checked, number_text, to_number, to_text

PLACES = Decimal("1e-16")  # of a quotient
ROUGH = Decimal("1e-7")  # of a fractional power
_POWERS = Context(prec=250, Emin=-9999, Emax=9999, traps=[Inexact, InvalidOperation, Overflow])
_ROUGH_POWERS = Context(prec=MOST_DIGITS, traps=[InvalidOperation, Overflow])


def divided(one: Decimal, other: Decimal) -> Decimal:
    """Return a quotient with 16 decimals; raises Failure."""
    if not other:
        raise Failure("division by zero")
    return checked(EXACT.divide(one, other).quantize(PLACES, ROUND_HALF_UP, EXACT))


def power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > LARGEST:
        raise Failure(OUT_OF_RANGE)
    if not base:
        return Decimal(0)
    try:
        if exponent == int(exponent):
            whole = _POWERS.power(base, abs(int(exponent)))
            return divided(Decimal(1), whole) if exponent < 0 else checked(whole)
        if base < 0:
            return Decimal(0)
        found = _ROUGH_POWERS.power(base, exponent)
        return checked(found.quantize(ROUGH, ROUND_HALF_UP, EXACT))
    except (Inexact, InvalidOperation, Overflow):
        raise Failure(OUT_OF_RANGE) from None


def negated(value: Decimal) -> Decimal:
    return EXACT.minus(value)


NUMERIC: dict[str, Callable[[Decimal, Decimal], Any]] = {
    "+": lambda one, other: checked(EXACT.add(one, other)),
    "-": lambda one, other: checked(EXACT.subtract(one, other)),
    "*": lambda one, other: checked(EXACT.multiply(one, other)),
    "/": divided,
    "^": power,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def operate(run: Evaluation, sign: str, one: Any, other: Any) -> Any:
    """Return the result of an operator; raises Failure."""
    if sign == "&":
        result = to_text(run, one) + to_text(run, other)
        run.pay(result)
        return result
    run.spend(1)
    if sign in ("=", "!="):
        return (_compared(run, one) == _compared(run, other)) == (sign == "=")
    return NUMERIC[sign](to_number(run, one), to_number(run, other))


def _compared(run: Evaluation, value: Any) -> str:
    if type(value) is Decimal:
        return number_text(value)
    text = to_text(run, value)
    if len(text) > 50:
        run.spend(len(text) // 50)
    return text
