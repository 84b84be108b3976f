"""The few tests of flows that are of use in messages: each gives an object that stands for true or false."""

import re
from decimal import Decimal
from typing import Any

from ..running import Evaluation, Failure
from ..values import Object, as_it_is, checked, to_array, to_text
from .registry import define

_NUMBER = re.compile(r"-?[0-9]{1,36}(?:\.[0-9]{1,36})?", re.ASCII)


def _tested(*match: Any) -> Object:
    """Return the result of a test: true with what matched, or false."""
    return Object({"match": match[0]}, True) if match else Object({}, False)


@define(to_text)
def has_text(run: Evaluation, text: str) -> Object:
    return _tested(text.strip()) if text.strip() else _tested()


@define(to_text)
def has_number(run: Evaluation, text: str) -> Object:
    found = _NUMBER.search(text)
    return _tested(checked(Decimal(found[0]))) if found else _tested()


@define(to_array, to_text, to_text, optional=1)
def has_group(run: Evaluation, groups: list[Any], uuid: str, name: str = "") -> Object:
    run.spend(len(groups))
    for group in groups:
        if isinstance(group, Object) and group.properties.get("uuid") == uuid:
            return _tested(group)
    return _tested()


@define(as_it_is, keeps_errors=True)
def has_error(run: Evaluation, value: Any) -> Object:
    return _tested(value.reason) if isinstance(value, Failure) else _tested()
