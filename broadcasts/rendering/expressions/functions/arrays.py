"""Functions of arrays, objects and JSON."""

import json as standard
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from ...budget import LONGEST_TEXT, SHORT, Exceeded
from ..running import TOO_COMPLEX, Evaluation, Failure
from ..values import (
    Function,
    Object,
    anything,
    checked,
    each_text,
    frozen,
    moment_text,
    number_text,
    to_array,
    to_function,
    to_integer,
    to_object,
    to_text,
    to_truth,
)
from .registry import define

JSON_CHARACTERS = 5  # that cost one step to parse


@define(to_array, to_text)
def join(run: Evaluation, items: list[Any], separator: str) -> str:
    if len(items) * len(separator) > LONGEST_TEXT:
        raise Failure("text is too long")
    return separator.join(each_text(run, items))


@define(to_array, to_integer, to_integer, optional=1, name="slice")
def slice_(run: Evaluation, items: list[Any], start: int, end: int | None = None) -> list[Any]:
    return items[start:end]


@define(to_array, anything)
def contains(run: Evaluation, items: list[Any], value: Any) -> bool:
    wanted = _frozen(run, value)
    return any(_frozen(run, item) == wanted for item in items)


@define(to_array)
def reverse(run: Evaluation, items: list[Any]) -> list[Any]:
    return items[::-1]


@define(to_array)
def sort(run: Evaluation, items: list[Any]) -> list[Any]:
    if len(items) < 2:
        return items
    kind = type(items[0])
    if kind not in SORTED and not isinstance(items[0], date | time):
        raise Failure("items cannot be sorted")
    if any(type(item) is not kind for item in items):
        raise Failure("items are of different types")
    run.spend(len(items) + sum(len(item) for item in items if isinstance(item, str)) // SHORT)
    # The zone's clocks show some times twice.
    return sorted(items, key=lambda at: at.astimezone(UTC)) if kind is datetime else sorted(items)


SORTED = (str, Decimal, bool)


@define(to_array)
def unique(run: Evaluation, items: list[Any]) -> list[Any]:
    first: dict[Any, Any] = {}
    for item in items:
        first.setdefault(_frozen(run, item), item)
    return list(first.values())


def _frozen(run: Evaluation, value: Any) -> Any:
    """Return a value as a key; the steps are those of its text."""
    if isinstance(value, list | Object | str):
        to_text(run, value)
    run.spend(1)
    return frozen(anything(run, value))


@define(to_array, to_array)
def concat(run: Evaluation, one: list[Any], other: list[Any]) -> list[Any]:
    return one + other


@define(to_array, to_function, name="filter")
def filter_(run: Evaluation, items: list[Any], function: Function) -> list[Any]:
    return [item for item in items if to_truth(run, function.apply(run, [item]))]


@define(to_array, to_function, more=anything)
def foreach(run: Evaluation, items: list[Any], function: Function, *more: Any) -> list[Any]:
    return [function.apply(run, [item, *more]) for item in items]


@define(to_object, to_function, more=anything)
def foreach_value(run: Evaluation, value: Object, function: Function, *more: Any) -> Object:
    return Object({name: function.apply(run, [one, *more]) for name, one in value.items()})


@define(to_object, to_text)
def extract(run: Evaluation, value: Object, name: str) -> Any:
    try:
        return value.find(name)
    except KeyError:
        return None


@define(to_object, to_text, more=to_text)
def extract_object(run: Evaluation, value: Object, *names: str) -> Object:
    return Object({name: extract(run, value, name) for name in names})


@define(to_object)
def keys(run: Evaluation, value: Object) -> list[str]:
    return sorted(value.properties)


@define(anything)
def json(run: Evaluation, value: Any) -> str:
    parts, size = [], 0
    for part in _written(run, value):
        size += len(part)
        if size > LONGEST_TEXT:
            raise Exceeded(TOO_COMPLEX)
        parts.append(part)
    return "".join(parts)


def _written(run: Evaluation, value: Any) -> Iterable[str]:
    """Yield the parts of a value as compact JSON."""
    run.spend(1 + (len(value) // SHORT if isinstance(value, str) else 0))
    if isinstance(value, Decimal):
        yield number_text(value)
    elif isinstance(value, list):
        yield "["
        for place, item in enumerate(value):
            yield from ((",",) if place else ())
            yield from _written(run, item)
        yield "]"
    elif isinstance(value, Object):
        yield "{"
        for place, (name, one) in enumerate(value.items()):
            yield f"{',' if place else ''}{_quoted(name)}:"
            yield from _written(run, one)
        yield "}"
    elif isinstance(value, date | time):
        yield _quoted(moment_text(value))
    elif isinstance(value, Failure):
        raise value
    else:
        yield "null" if isinstance(value, Function) else _quoted(value)


def _quoted(value: Any) -> str:
    return standard.dumps(value, ensure_ascii=False)


@define(to_text)
def parse_json(run: Evaluation, text: str) -> Any:
    run.spend(len(text) // JSON_CHARACTERS)
    if not text:
        return None
    try:
        return standard.loads(text, parse_float=_number, parse_int=_number, parse_constant=_refused, object_hook=Object)
    except (ValueError, RecursionError):
        raise Failure("text is not valid JSON") from None


def _number(text: str) -> Any:
    try:
        return checked(Decimal(text))
    except Failure as failure:
        return failure
    except ArithmeticError:
        return Failure("number value out of range")


def _refused(text: str) -> Any:
    raise ValueError(text)
