"""Functions of numbers."""

import random
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import reduce
from typing import Any

from ..operators import divided
from ..running import Evaluation, Failure
from ..values import EXACT, checked, to_array, to_integer, to_number
from .registry import define

MOST_PLACES = 110  # more than any number has


def rounded(number: Decimal, places: int, mode: str) -> Decimal:
    """Return a number with so many decimals; negative places are tens, hundreds and so on."""
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and places >= -exponent:
        return number
    return checked(
        number.quantize(
            Decimal(1).scaleb(max(-places, -MOST_PLACES) if places > 0 else min(-places, MOST_PLACES)), mode, EXACT
        )
    )


@define(to_number, to_integer, optional=1, name="round")
def round_(run: Evaluation, number: Decimal, places: int = 0) -> Decimal:
    return rounded(number, places, ROUND_HALF_UP)


@define(to_number, to_integer, optional=1)
def round_up(run: Evaluation, number: Decimal, places: int = 0) -> Decimal:
    return rounded(number, places, ROUND_CEILING)


@define(to_number, to_integer, optional=1)
def round_down(run: Evaluation, number: Decimal, places: int = 0) -> Decimal:
    return rounded(number, places, ROUND_FLOOR)


@define(to_number, name="abs")
def abs_(run: Evaluation, number: Decimal) -> Decimal:
    return EXACT.abs(number)


@define(to_number, more=to_number, name="max")
def max_(run: Evaluation, *numbers: Decimal) -> Decimal:
    return max(numbers)


@define(to_number, more=to_number, name="min")
def min_(run: Evaluation, *numbers: Decimal) -> Decimal:
    return min(numbers)


@define(to_number, more=to_number)
def mean(run: Evaluation, *numbers: Decimal) -> Decimal:
    return divided(total(numbers), Decimal(len(numbers)))


@define(to_number, to_number)
def mod(run: Evaluation, number: Decimal, divisor: Decimal) -> Decimal:
    if not divisor:
        raise Failure("division by zero")
    return checked(EXACT.remainder(number, divisor))


@define()
def rand(run: Evaluation) -> Decimal:
    return Decimal(random.randrange(10**16)).scaleb(-16)  # noqa: S311  (nothing secret depends on it)


@define(to_integer, to_integer)
def rand_between(run: Evaluation, low: int, high: int) -> Decimal:
    if low > high:
        raise Failure("the first number is larger than the second")
    return Decimal(random.randint(low, high))  # noqa: S311


@define(to_array, name="sum")
def sum_(run: Evaluation, items: list[Any]) -> Decimal:
    run.spend(len(items))
    return total([to_number(run, item) for item in items])


def total(numbers: "tuple[Decimal, ...] | list[Decimal]") -> Decimal:
    return reduce(lambda one, other: checked(EXACT.add(one, other)), numbers, Decimal(0))
