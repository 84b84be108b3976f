"""Functions of dates and times."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from .. import layouts
from ..moments import CLOCK_UNITS, local, moved, shifted, to_date, to_datetime, to_time, unknown_unit
from ..places import zone_named
from ..running import Evaluation, Failure
from ..values import checked, to_integer, to_number, to_text
from .registry import define

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NANOSECONDS = 2**63


@define()
def now(run: Evaluation) -> datetime:
    return moved(run.places.now(), run.places.zone)


@define()
def today(run: Evaluation) -> date:
    return moved(run.places.now(), run.places.zone).date()


@define(to_datetime, to_integer, to_text)
def datetime_add(run: Evaluation, at: datetime, count: int, unit: str) -> datetime:
    return shifted(at, unit, count)


@define(to_datetime, to_datetime, to_text)
def datetime_diff(run: Evaluation, start: datetime, end: datetime, unit: str) -> Decimal:
    if unit == "Y":
        return Decimal(end.year - start.year)
    if unit == "M":
        return Decimal((end.year - start.year) * 12 + end.month - start.month)
    days = (end.date() - start.date()).days
    if unit == "D":
        return Decimal(days)
    if unit == "W":
        return Decimal(int(Decimal(days) / 7))
    if unit not in CLOCK_UNITS:
        raise unknown_unit(unit)
    # In UTC, since the difference of two times of one zone is that of its clocks.
    elapsed = (end.astimezone(UTC) - start.astimezone(UTC)) // timedelta(microseconds=1)
    whole = abs(elapsed) // (CLOCK_UNITS[unit] * 1_000_000)
    return Decimal(whole if elapsed >= 0 else -whole)


@define(to_datetime, to_time)
def replace_time(run: Evaluation, at: datetime, clock: time) -> datetime:
    assert at.tzinfo is not None
    return local(datetime.combine(at.date(), clock), at.tzinfo)


@define(to_datetime)
def epoch(run: Evaluation, at: datetime) -> Decimal:
    return checked(Decimal((at - EPOCH) // timedelta(microseconds=1)).scaleb(-6))


@define(to_number)
def datetime_from_epoch(run: Evaluation, seconds: Decimal) -> datetime:
    if abs(seconds * 10**9) >= NANOSECONDS:
        raise Failure("number of seconds is out of range")
    return moved(EPOCH + timedelta(microseconds=int(seconds * 10**6)), run.places.zone)


@define(to_datetime)
def tz(run: Evaluation, at: datetime) -> str:
    if isinstance(at.tzinfo, ZoneInfo):
        return at.tzinfo.key
    return "UTC" if at.tzinfo is UTC else ""


@define(to_datetime)
def tz_offset(run: Evaluation, at: datetime) -> str:
    return f"{at:%z}"[:5]


@define(to_integer, to_integer, to_integer)
def date_from_parts(run: Evaluation, year: int, month: int, day: int) -> date:
    if not 1 <= month <= 12:
        raise Failure("invalid value for month, must be 1-12")
    try:
        return date(year, month, 1) + timedelta(days=day - 1)
    except (ValueError, OverflowError):
        raise Failure("date out of range") from None


@define(to_integer, to_integer, to_integer)
def time_from_parts(run: Evaluation, hour: int, minute: int, second: int) -> time:
    try:
        return time(hour, minute, second)
    except (ValueError, OverflowError):
        raise Failure("invalid value for hour, minute or second") from None


@define(to_date)
def weekday(run: Evaluation, day: date) -> Decimal:
    return Decimal(day.isoweekday() % 7)


@define(to_date)
def week_number(run: Evaluation, day: date) -> Decimal:
    first = date(day.year, 1, 1)
    return Decimal(((day - first).days + first.isoweekday() % 7) // 7 + 1)


@define(to_text, to_text, to_text, optional=1)
def parse_datetime(run: Evaluation, text: str, layout: str, zone: str | None = None) -> datetime:
    return layouts.parsed(text, layout, chosen_zone(run, zone))


@define(to_text, to_text)
def parse_time(run: Evaluation, text: str, layout: str) -> time:
    return layouts.parsed_time(text, layout)


def chosen_zone(run: Evaluation, name: str | None) -> Any:
    """Return a zone by its name, the organization's by default, UTC for an empty name; raises Failure."""
    if name is None:
        return run.places.zone
    if not name:
        return UTC
    if (zone := zone_named(name)) is None:
        raise Failure(f"unknown time zone {name[:100]}")
    return zone
