"""Dates, times and datetimes: read from values, moved to zones, and formatted in the organization's way."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ..budget import SHORT
from .running import Evaluation, Failure
from .values import Object, unconvertible

_COMPLETE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_SEPARATOR = r"[-.\\/_ ]"
_YEAR_LAST = re.compile(rf"\b(\d{{1,2}}){_SEPARATOR}(\d{{1,2}}){_SEPARATOR}(\d{{4}}|\d{{2}})\b", re.ASCII)
_YEAR_FIRST = re.compile(rf"\b(\d{{4}}|\d{{2}}){_SEPARATOR}(\d{{1,2}}){_SEPARATOR}(\d{{1,2}})\b", re.ASCII)
_CLOCK = re.compile(r"\b(\d{1,2})(?::?(\d{2})(?::(\d{2})(?:\.(\d+))?)?)?(?:\s*(am|pm))?\b", re.ASCII | re.IGNORECASE)
MIDNIGHT = time(0)
CLOCK_UNITS = {"h": 3600, "m": 60, "s": 1}  # seconds


def to_datetime(run: Evaluation, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return local(datetime.combine(value, MIDNIGHT), run.places.zone)
    if isinstance(value, Object) and value.has_default:
        return to_datetime(run, value.default)
    if isinstance(value, str):
        run.spend(len(value) // SHORT)
        if (found := find_datetime(run, value, MIDNIGHT)) is not None:
            return found
    raise unconvertible(value, "a datetime")


def find_datetime(run: Evaluation, text: str, otherwise: time) -> datetime | None:
    """Return the date in a text with the time after it; `otherwise` is the time if there is none."""
    text = text.strip()
    if (found := complete(text, run.places.zone)) is not None:
        return found
    if (day := _find_day(run, text)) is None:
        return None
    clock = next(_find_clocks(text, day[1]), otherwise)
    return local(datetime.combine(day[0], clock), run.places.zone)


def to_date(run: Evaluation, value: Any) -> date:
    if isinstance(value, datetime):
        return moved(value, run.places.zone).date()
    if isinstance(value, date):
        return value
    if isinstance(value, Object) and value.has_default:
        return to_date(run, value.default)
    if isinstance(value, str):
        run.spend(len(value) // SHORT)
        if (day := _find_day(run, value.strip())) is not None:
            return day[0]
    raise unconvertible(value, "a date")


def to_time(run: Evaluation, value: Any) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, datetime):
        return value.time()
    if isinstance(value, Object) and value.has_default:
        return to_time(run, value.default)
    if isinstance(value, Decimal) and 0 <= int(value) <= 24:
        return time(int(value) % 24)
    if isinstance(value, str):
        run.spend(len(value) // SHORT)
        if (clock := find_time(value)) is not None:
            return clock
    raise unconvertible(value, "a time")


def find_time(text: str) -> time | None:
    """Return the first time in a text."""
    return next(_find_clocks(text, 0), None)


def complete(text: str, zone: ZoneInfo) -> datetime | None:
    """Return a complete ISO datetime in its own zone; in `zone` if its offset is the one that has then."""
    match = _COMPLETE.fullmatch(text)
    if match is None:
        return None
    *numbers, fraction, offset = match.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    try:
        naive = datetime(year, month, day, hour, minute, second, microseconds(fraction))
        return at_offset(naive, offset, zone)
    except (ValueError, OverflowError):
        return None


def at_offset(naive: datetime, offset: str, zone: tzinfo) -> datetime:
    """Return a datetime at an offset such as +02:00; in a zone if that is the zone's offset at that moment."""
    if offset == "Z":
        return naive.replace(tzinfo=UTC)
    sign = -1 if offset[0] == "-" else 1
    distance = sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6]))
    fixed = naive.replace(tzinfo=timezone(distance))
    there = fixed.astimezone(zone)
    return there if there.utcoffset() == distance else fixed


def microseconds(fraction: str | None) -> int:
    return int(f"{fraction:0<6.6}") if fraction else 0


def _find_day(run: Evaluation, text: str) -> tuple[date, int] | None:
    """Return the date in a text, and where it ends."""
    if (match := _DAY.match(text)) and (found := _day(*map(int, match.groups()))):
        return found, match.end()
    style = run.places.date_style
    for match in (_YEAR_FIRST if style == "year_first" else _YEAR_LAST).finditer(text):
        one, two, three = match.groups()
        year, month, day = {
            "year_first": (one, two, three),
            "month_first": (three, one, two),
        }.get(style, (three, two, one))
        if found := _day(_full_year(run, year), int(month), int(day)):
            return found, match.end()
    return None


def _full_year(run: Evaluation, year: str) -> int:
    if len(year) == 4:
        return int(year)
    this = run.places.now().astimezone(run.places.zone).year % 100
    return int(year) + (1900 if int(year) > this else 2000)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _find_clocks(text: str, start: int) -> Iterator[time]:
    """Yield the times after a position of a text."""
    for match in _CLOCK.finditer(text, start):
        hour, minute, second = (int(number or 0) for number in match.groups()[:3])
        half = (match[5] or "").lower()
        if half == "pm" and hour < 12:
            hour += 12
        elif (half == "am" and hour == 12) or (hour == 24 and not minute and not second):
            hour = 0
        if hour < 24 and minute < 60 and second < 60:
            yield time(hour, minute, second, microseconds(match[4]))


def local(naive: datetime, zone: tzinfo) -> datetime:
    """Return the moment at which clocks of a zone show a time; what summer time skips is an hour earlier."""
    try:
        there = naive.replace(tzinfo=zone, fold=0)
        if there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
            there = naive.replace(tzinfo=zone, fold=1).astimezone(UTC).astimezone(zone)
        return there
    except (OverflowError, ValueError):
        raise Failure("date out of range") from None


def moved(at: datetime, zone: tzinfo) -> datetime:
    try:
        return at.astimezone(zone)
    except (OverflowError, ValueError):
        raise Failure("date out of range") from None


def shown_day(run: Evaluation, value: date) -> str:
    """Return a date in the organization's format."""
    return run.places.day(value)


def shown(run: Evaluation, value: datetime) -> str:
    """Return a datetime in the organization's zone and format."""
    there = moved(value, run.places.zone)
    return f"{shown_day(run, there)} {there:%H:%M}"


def shifted(at: datetime, unit: str, count: int) -> datetime:
    """Return a datetime moved by years, months, weeks, days, hours, minutes or seconds: Y, M, W, D, h, m or s."""
    zone = at.tzinfo
    assert zone is not None
    try:
        if unit in CLOCK_UNITS:
            return (at.astimezone(UTC) + timedelta(seconds=count * CLOCK_UNITS[unit])).astimezone(zone)
        naive = at.replace(tzinfo=None)
        if unit in ("D", "W"):
            return local(naive + timedelta(days=count * (7 if unit == "W" else 1)), zone)
        if unit in ("M", "Y"):
            months = naive.year * 12 + naive.month - 1 + count * (12 if unit == "Y" else 1)
            first = naive.replace(year=months // 12, month=months % 12 + 1, day=1)
            return local(first + timedelta(days=naive.day - 1), zone)
    except (OverflowError, ValueError):
        raise Failure("date out of range") from None
    raise unknown_unit(unit)


def unknown_unit(unit: str) -> Failure:
    return Failure(f"unknown unit: {unit[:20]}, must be one of s, m, h, D, W, M, Y")
