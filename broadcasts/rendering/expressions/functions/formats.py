"""Functions that format values for reading, and those of URNs and attachments."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

import phonenumbers

from .. import layouts
from ..moments import moved, shown, shown_day, to_date, to_datetime, to_time
from ..running import Evaluation, Failure
from ..values import Object, as_it_is, each_text, number_text, to_integer, to_number, to_text, to_truth
from .dates import chosen_zone
from .numbers import rounded
from .registry import define

_URN = re.compile(r"([^:]+):([^?#]+)(?:\?[^#]*)?(?:#(.*))?", re.DOTALL)
_ESCAPED = re.compile(r"%(23|25|3[Ff])")
_ATTACHMENT = re.compile(r"(image|audio|video|application|geo|unavailable|[^/:]+/[^/:]+):(.*)", re.DOTALL)


@define(as_it_is, keeps_errors=True, name="format")
def format_(run: Evaluation, value: Any) -> str:
    return formatted(run, value)


def formatted(run: Evaluation, value: Any) -> str:
    """Return a value as people read it; null and errors are empty."""
    run.spend(1)
    if value is None or isinstance(value, Failure):
        return ""
    if isinstance(value, Decimal):
        return grouped(value)
    if isinstance(value, datetime):
        return shown(run, value)
    if isinstance(value, date):
        return shown_day(run, value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, list):
        return run.limited(_formatted_items([*each_text(run, value, formatted)]))
    if isinstance(value, Object):
        if value.has_default:
            return formatted(run, value.default)
        return run.limited("\n".join(_formatted_properties(run, value)))
    return to_text(run, value)


def _formatted_items(items: list[str]) -> str:
    if not any("\n" in item for item in items):
        return ", ".join(items)
    return "\n".join("- " + item.replace("\n", "\n  ") for item in items)


def _formatted_properties(run: Evaluation, value: Object) -> Iterator[str]:
    names, values = [*zip(*value.items(), strict=True)] or ((), ())
    for name, text in zip(names, each_text(run, values, formatted), strict=True):
        yield f"{name}:\n  " + text.replace("\n", "\n  ") if "\n" in text else f"{name}: {text}"


def grouped(number: Decimal, text: str = "") -> str:
    """Return a number with commas between its thousands."""
    sign, whole, rest = re.fullmatch(r"(-?)(\d+)(.*)", text or number_text(number)).groups()  # type: ignore[union-attr]
    return f"{sign}{int(whole):,}{rest}"


@define(to_date, to_text, optional=1)
def format_date(run: Evaluation, day: date, layout: str | None = None) -> str:
    if layout is None:
        return shown_day(run, day)
    return layouts.formatted(day, layout, layouts.DATE, run.places.names)


@define(to_datetime, to_text, to_text, optional=2)
def format_datetime(run: Evaluation, at: datetime, layout: str | None = None, zone: str | None = None) -> str:
    there = moved(at, chosen_zone(run, zone))
    if layout is None:
        return f"{shown_day(run, there)} {there:%H:%M}"
    return layouts.formatted(there, layout, layouts.DATETIME, run.places.names)


@define(to_time, to_text, optional=1)
def format_time(run: Evaluation, clock: time, layout: str = "tt:mm") -> str:
    return layouts.formatted(clock, layout, layouts.TIME, run.places.names)


@define(to_number, to_integer, to_truth, optional=2)
def format_number(run: Evaluation, number: Decimal, places: int | None = None, separators: bool = True) -> str:
    if places is None:
        return grouped(number) if separators else number_text(number)
    if not 0 <= places <= 9:
        raise Failure(f"must take 0-9 places, got {places}")
    shown = format(rounded(number, places, ROUND_HALF_UP), f".{places}f")
    if not shown.strip("-0."):
        shown = shown.removeprefix("-")
    return grouped(number, shown) if separators else shown


@define(to_text)
def format_location(run: Evaluation, path: str) -> str:
    return path.rpartition(">")[2].strip()


def parts_of(urn: str) -> tuple[str, str, str]:
    """Return (scheme, path, display) of a URN; raises Failure."""
    match = _URN.fullmatch(urn)
    if match is None:
        raise Failure(f"{urn[:100]} is not a valid URN")
    return match[1].lower(), _decoded(match[2]), _decoded(match[3] or "")


def _decoded(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


@define(to_text)
def urn_parts(run: Evaluation, urn: str) -> Object:
    scheme, path, display = parts_of(urn)
    return Object({"scheme": scheme, "path": path, "display": display})


@define(to_text)
def format_urn(run: Evaluation, urn: str) -> str:
    return shown_urn(urn)


def shown_urn(urn: str) -> str:
    """Return a URN as people write it; a phone number in the national form of its country. Raises Failure."""
    scheme, path, display = parts_of(urn)
    if display:
        return display
    return _national(path) if scheme == "tel" else path


@lru_cache(1024)
def _national(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number[:50], None)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)


@define(to_text)
def attachment_parts(run: Evaluation, attachment: str) -> Object:
    match = _ATTACHMENT.fullmatch(attachment)
    kind, url = match.groups() if match else ("", attachment)
    return Object({"content_type": kind, "url": url})
