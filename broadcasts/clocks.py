"""Clock times where people live, as moments; all of it pure, by PEP 495.

A clock time that a change of the clocks leaves out comes as much later as they are put forward; one that comes twice
is the first of the two. A zone that is blank or that nobody knows is the one at home.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

from broadcasts import formats

CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
GRACE = timedelta(minutes=5)  # so long ago a moment may be that somebody gives: forms and clocks are slow
TOO_FAR = "This is too far away."

Answer = TypeVar("Answer", bound=Hashable)


@cache
def zones() -> dict[str, ZoneInfo]:
    """Return every zone there is, by name."""
    return {name: ZoneInfo(name) for name in sorted(available_timezones())}


def zone_of(name: str, home: ZoneInfo) -> ZoneInfo:
    return zones().get(name, home)


def local_moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return when it is that time of that day in a zone."""
    return datetime.combine(day, clock.replace(fold=0), tzinfo=zone).astimezone(UTC)


def is_near(day: date) -> bool:
    """Tell whether a day or moment is far enough from the ends of the calendar to exist in every time zone."""
    return date.min.year < day.year < date.max.year


def refusal(moment: datetime, zone: tzinfo, now: datetime) -> str:
    """Return why a moment cannot be chosen: it has passed, or is too far away; "" when it can."""
    if not is_near(moment):
        return TOO_FAR
    if moment < now - GRACE:
        return f"{formats.moment(moment, zone)} has passed: choose a time that is still to come."
    return ""


def in_utc(value: object) -> object:
    """Return the text of a moment that has an offset from UTC as the same moment in UTC, all else as it is."""
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]
        return moment.astimezone(UTC).isoformat() if moment.utcoffset() else value
    except (TypeError, ValueError, OverflowError):
        return value


def quiet_until(now: datetime, zone: ZoneInfo, hours: Sequence[str]) -> datetime | None:
    """Return when the quiet hours end that a zone is in, or None; ("21:00", "08:00") go over midnight."""
    begin, end = (time.fromisoformat(clock) for clock in hours)
    local = now.astimezone(zone)
    clock = local.time()
    if not (begin <= clock < end if begin < end else clock >= begin or clock < end):
        return None
    day = local.date() + timedelta(days=clock >= end)
    first = local_moment(day, end, zone)
    # Past already: their end comes twice, and this is the hour between.
    return first if first > now else datetime.combine(day, end.replace(fold=1), tzinfo=zone).astimezone(UTC)


def send_time(now: datetime, zone: ZoneInfo, local: tuple[date, time] | None, quiet: Sequence[str] | None) -> datetime:
    """Return the first moment from now on that is not before a clock time in a zone, nor in its quiet hours."""
    moment = max(now, local_moment(*local, zone)) if local else now
    return (quiet_until(moment, zone, quiet) if quiet else None) or moment


def zones_by_value(ask: Callable[[ZoneInfo], Answer], home: ZoneInfo) -> tuple[dict[Answer, list[str]], Answer]:
    """Return the names of the zones by what `ask` says of them, less those where it says what it says at home."""
    elsewhere: dict[Answer, list[str]] = defaultdict(list)
    at_home = ask(home)
    for name, zone in zones().items():
        answer = ask(zone)
        if answer != at_home:
            elsewhere[answer].append(name)
    return dict(elsewhere), at_home
