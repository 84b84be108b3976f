"""Functions of conversion and logic."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from .. import moments, values
from ..running import Evaluation, Failure
from ..values import Object, anything, as_it_is, to_text, to_truth
from .registry import define


@define(to_text)
def text(run: Evaluation, value: str) -> str:
    return value


@define(to_truth)
def boolean(run: Evaluation, value: bool) -> bool:
    return value


@define(values.to_number)
def number(run: Evaluation, value: Decimal) -> Decimal:
    return value


@define(moments.to_date, name="date")
def as_date(run: Evaluation, value: date) -> date:
    return value


@define(moments.to_datetime, name="datetime")
def as_datetime(run: Evaluation, value: datetime) -> datetime:
    return value


@define(moments.to_time, name="time")
def as_time(run: Evaluation, value: time) -> time:
    return value


@define(more=anything)
def array(run: Evaluation, *items: Any) -> list[Any]:
    return list(items)


@define(more=anything, name="object")
def make_object(run: Evaluation, *pairs: Any) -> Object:
    if len(pairs) % 2:
        raise Failure("requires an even number of arguments")
    return Object({to_text(run, key): value for key, value in zip(pairs[::2], pairs[1::2], strict=True)})


@define(as_it_is, more=as_it_is, keeps_errors=True, name="and")
def and_(run: Evaluation, *tests: Any) -> bool:
    return all(to_truth(run, test) for test in tests)


@define(as_it_is, more=as_it_is, keeps_errors=True, name="or")
def or_(run: Evaluation, *tests: Any) -> bool:
    return any(to_truth(run, test) for test in tests)


@define(to_truth, as_it_is, as_it_is, keeps_errors=True, name="if")
def if_(run: Evaluation, test: bool, then: Any, otherwise: Any) -> Any:
    return anything(run, then if test else otherwise)


@define(as_it_is, as_it_is, keeps_errors=True)
def default(run: Evaluation, value: Any, other: Any) -> Any:
    is_missing = isinstance(value, Failure) or (type(value) is not list and to_text(run, value) == "")
    return anything(run, other if is_missing else value)


@define(as_it_is, keeps_errors=True)
def is_error(run: Evaluation, value: Any) -> bool:
    return isinstance(value, Failure)


@define(anything)
def count(run: Evaluation, value: Any) -> Decimal:
    if value is None:
        return Decimal(0)
    if isinstance(value, Object):
        return Decimal(len(value.properties))
    if isinstance(value, list):
        return Decimal(len(value))
    raise Failure(f"value {values.described(value)} can't be counted")


@define(to_text, more=anything)
def prompt(run: Evaluation, name: str, *arguments: Any) -> str:
    raise Failure(f'no prompt with the name "{name[:100]}"')


@define(anything, anything)
def legacy_add(run: Evaluation, one: Any, other: Any) -> Any:
    """Add numbers, or days to a date."""
    moment, days = _moment(run, one), other
    if moment is None:
        moment, days = _moment(run, other), one
    elif _moment(run, other) is not None:
        raise Failure("two dates cannot be added")
    if moment is None:
        return values.checked(values.EXACT.add(values.to_number(run, one), values.to_number(run, other)))
    return moments.shifted(moment, "D", values.to_integer(run, days))


def _moment(run: Evaluation, value: Any) -> datetime | None:
    if isinstance(value, Decimal):
        return None
    try:
        return moments.to_datetime(run, value)
    except Failure:
        return None
