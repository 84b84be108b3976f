"""The tests of flows: each gives an object that stands for true, with what matched, or for false.

`match` is what was found, `extra` the groups of a pattern. Words are compared in small letters.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib import import_module
from operator import eq, ge, gt, le, lt
from typing import Any

import phonenumbers

from ...budget import SHORT
from ..moments import find_datetime, find_time, moved, to_date
from ..running import Evaluation, Failure
from ..values import Object, as_it_is, checked, to_array, to_number, to_text
from .registry import define
from .texts import search
from .words import spans, words

MOST_PHONES = 10  # numbers of a text that are looked at
PHONE_CHARACTERS = 2  # that cost one step
# Also in the digits of other scripts, with commas between thousands; no number has more than 36 digits.
_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3}){1,12}+(?!\d)|\d++)(?:\.\d++)?|-?\.\d++")
_EMAIL = r"[\pL\p{Nd}_][\pL\p{Nd}_.%+-]*@(?:[\pL\p{Nd}][\pL\p{Nd}-]*\.)+\pL{2,}"
LONGEST_NUMBER = 200  # characters


@cache
def _email() -> Any:
    return import_module("re2").compile(_EMAIL)  # large, so only when used


def _tested(*match: Any, **more: Any) -> Object:
    """Return the result of a test: true with what matched, or false."""
    return Object({"match": match[0], **more}, True) if match else Object({}, False)


@define(as_it_is, keeps_errors=True)
def has_error(run: Evaluation, value: Any) -> Object:
    return _tested(value.reason) if isinstance(value, Failure) else _tested()


@define(to_array, to_text, to_text, optional=1)
def has_group(run: Evaluation, groups: list[Any], uuid: str, name: str = "") -> Object:
    run.spend(len(groups))
    for group in groups:
        if isinstance(group, Object) and group.properties.get("uuid") == uuid:
            return _tested(group)
    return _tested()


@define(to_text)
def has_text(run: Evaluation, text: str) -> Object:
    return _tested(text.strip()) if text.strip() else _tested()


@define(to_text, to_text)
def has_only_text(run: Evaluation, text: str, wanted: str) -> Object:
    return _tested(text) if text == wanted else _tested()


@define(to_text, to_text)
def has_beginning(run: Evaluation, text: str, beginning: str) -> Object:
    text, beginning = text.strip(), beginning.strip()
    start = text[: len(beginning)]
    return _tested(start) if beginning and start.lower() == beginning.lower() else _tested()


@define(to_text, to_text)
def has_phrase(run: Evaluation, text: str, phrase: str) -> Object:
    found, lower, wanted = _words(run, text, phrase)
    run.spend(len(found) * (1 + len(wanted)) // 25)
    for start in range(len(found) - len(wanted) + 1):
        if lower[start : start + len(wanted)] == wanted:
            return _tested(" ".join(found[start : start + len(wanted)]))
    return _tested()


@define(to_text, to_text)
def has_only_phrase(run: Evaluation, text: str, phrase: str) -> Object:
    found, lower, wanted = _words(run, text, phrase)
    return _tested(" ".join(found)) if lower == wanted else _tested()


@define(to_text, to_text)
def has_any_word(run: Evaluation, text: str, wanted: str) -> Object:
    found, lower, asked = _words(run, text, wanted)
    matched = _among(found, lower, set(asked))
    return _tested(" ".join(matched)) if matched else _tested()


@define(to_text, to_text)
def has_all_words(run: Evaluation, text: str, wanted: str) -> Object:
    found, lower, asked = _words(run, text, wanted)
    return _tested(" ".join(_among(found, lower, set(asked)))) if asked and set(asked) <= set(lower) else _tested()


def _words(run: Evaluation, text: str, wanted: str) -> tuple[list[str], list[str], list[str]]:
    """Return the words of a text, the same in small letters, and those that are wanted."""
    found = words(run, text)
    asked = _lower_words(wanted) if len(wanted) < SHORT else _lower(words(run, wanted))
    return found, _lower(found), asked


def _lower(found: list[str]) -> list[str]:
    return [word.lower() for word in found]


@lru_cache(512)
def _lower_words(text: str) -> list[str]:
    return [text[start:end].lower() for start, end in spans(text)]


def _among(found: list[str], lower: list[str], asked: set[str]) -> list[str]:
    return [word for word, key in zip(found, lower, strict=True) if key in asked]


@define(to_text, to_text)
def has_pattern(run: Evaluation, text: str, pattern: str) -> Object:
    match = search(run, text, pattern.strip())
    if match is None:
        return _tested()
    groups = {str(number): match[number] or "" for number in range(match.re.groups + 1)}
    return _tested(match[0], extra=Object(groups))


@define(to_text)
def has_email(run: Evaluation, text: str) -> Object:
    run.spend(len(text) // 10)
    match = _email().search(text)
    return _tested(match[0]) if match else _tested()


@define(to_text, to_text, optional=1)
def has_phone(run: Evaluation, text: str, country: str | None = None) -> Object:
    """Find a number as people of a country write it, the organization's by default."""
    region = (run.places.country if country is None else country).upper()
    if country and region not in phonenumbers.SUPPORTED_REGIONS:
        raise Failure(f"unknown country {country[:20]}")
    run.spend(len(text) // PHONE_CHARACTERS)
    for match in phonenumbers.PhoneNumberMatcher(text, region or None, max_tries=MOST_PHONES):
        return _tested(phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164))
    return _tested()


@define(to_text)
def has_number(run: Evaluation, text: str) -> Object:
    return _first(_numbers(run, text))


@define(to_text, to_number, to_number)
def has_number_between(run: Evaluation, text: str, least: Decimal, most: Decimal) -> Object:
    return _first(number for number in _numbers(run, text) if least <= number <= most)


def _define_number_test(name: str, fits: Callable[[Decimal, Decimal], bool]) -> None:
    @define(to_text, to_number, name=f"has_number_{name}")
    def tested(run: Evaluation, text: str, other: Decimal) -> Object:
        return _first(number for number in _numbers(run, text) if fits(number, other))


for _name, _fits in (("eq", eq), ("gt", gt), ("gte", ge), ("lt", lt), ("lte", le)):
    _define_number_test(_name, _fits)


def _first(numbers: Iterator[Decimal]) -> Object:
    return next(map(_tested, numbers), _tested())


def _numbers(run: Evaluation, text: str) -> Iterator[Decimal]:
    """Yield the numbers in a text; those that are out of range are passed over."""
    run.spend(len(text) // 10)
    for match in _NUMBER.finditer(text):
        run.spend(1)
        if len(match[0]) <= LONGEST_NUMBER:
            try:
                yield checked(Decimal(match[0].replace(",", "")))
            except Failure:
                continue


@define(to_text)
def has_date(run: Evaluation, text: str) -> Object:
    found = _date(run, text)
    return _tested(found) if found else _tested()


def _define_date_test(name: str, fits: Callable[[date, date], bool]) -> None:
    @define(to_text, to_date, name=f"has_date_{name}")
    def tested(run: Evaluation, text: str, other: date) -> Object:
        found = _date(run, text)
        return _tested(found) if found and fits(found.date(), other) else _tested()


for _name, _fits in (("eq", eq), ("gt", gt), ("lt", lt)):
    _define_date_test(_name, _fits)


def _date(run: Evaluation, text: str) -> datetime | None:
    """Return the date in a text, in the organization's zone; at this time of day if the text tells none."""
    zone = run.places.zone
    found = find_datetime(run, text, moved(run.places.now(), zone).time())
    return moved(found, zone) if found else None


@define(to_text)
def has_time(run: Evaluation, text: str) -> Object:
    found = find_time(text)
    return _tested(found) if found else _tested()
