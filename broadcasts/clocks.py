"""Convert local clock times to moments, without I/O, by the rules of PEP 495.

A clock time in the gap of a clock change is moved later by the length of the gap; of one that occurs twice, the first
is meant. A blank or unknown zone stands for the organization's (`home`).
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
GRACE = timedelta(minutes=5)  # how long ago a given moment may be, since filling in a form takes time and clocks differ
TOO_FAR = "This is too far away."

Answer = TypeVar("Answer", bound=Hashable)


@cache
def zones() -> dict[str, ZoneInfo]:
    """Return all time zones by name."""
    return {name: ZoneInfo(name) for name in sorted(available_timezones())}


def zone_of(name: str, home: ZoneInfo) -> ZoneInfo:
    """Return the zone of a name; `home` if it is blank or unknown."""
    return zones().get(name, home)


def local_moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the moment of a clock time on a day in a zone, in UTC."""
    return datetime.combine(day, clock.replace(fold=0), tzinfo=zone).astimezone(UTC)


def is_near(day: date) -> bool:
    """Tell whether a day or moment exists in every time zone, which those at the ends of the calendar do not."""
    return date.min.year < day.year < date.max.year


def refusal(moment: datetime, zone: tzinfo, now: datetime) -> str:
    """Return an error message if a moment has passed or is too far away; "" if not."""
    if not is_near(moment):
        return TOO_FAR
    if moment < now - GRACE:
        return f"{formats.moment(moment, zone)} has passed: choose a time that is still to come."
    return ""


def in_utc(value: object) -> object:
    """Return an ISO 8601 text with an offset as the same moment in UTC; any other value unchanged."""
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]
        return moment.astimezone(UTC).isoformat() if moment.utcoffset() else value
    except (TypeError, ValueError, OverflowError):
        return value


def quiet_until(now: datetime, zone: ZoneInfo, hours: Sequence[str]) -> datetime | None:
    """Return the end of the quiet hours that a zone is in now, or None; ("21:00", "08:00") go over midnight."""
    begin, end = (time.fromisoformat(clock) for clock in hours)
    local = now.astimezone(zone)
    clock = local.time()
    if not (begin <= clock < end if begin < end else clock >= begin or clock < end):
        return None
    day = local.date() + timedelta(days=clock >= end)
    first = local_moment(day, end, zone)
    # If `first` has passed, the end occurs twice and `now` is between both: the second one is meant.
    return first if first > now else datetime.combine(day, end.replace(fold=1), tzinfo=zone).astimezone(UTC)


def send_time(now: datetime, zone: ZoneInfo, local: tuple[date, time] | None, quiet: Sequence[str] | None) -> datetime:
    """Return the first moment from `now` on that is at or after a local time in a zone, and outside its quiet hours."""
    moment = max(now, local_moment(*local, zone)) if local else now
    return (quiet_until(moment, zone, quiet) if quiet else None) or moment


def zones_by_value(ask: Callable[[ZoneInfo], Answer], home: ZoneInfo) -> tuple[dict[Answer, list[str]], Answer]:
    """Return {value of `ask`: names of zones}, without zones that have the value of `home`, and that value."""
    elsewhere: dict[Answer, list[str]] = defaultdict(list)
    at_home = ask(home)
    for name, zone in zones().items():
        answer = ask(zone)
        if answer != at_home:
            elsewhere[answer].append(name)
    return dict(elsewhere), at_home
