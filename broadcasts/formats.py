"""How numbers, durations, days and moments are written, on every page and in every sentence.

Templates use them as filters ({% load formats %}), live pages their twin in static/broadcasts/formats.js. What machines
read (CSV, the API's values, logs) is written as its own format wants it.
"""

import math
from datetime import date, datetime, time, tzinfo
from decimal import Decimal

from django.utils import timezone

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
DISTANCES = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def number(n: float | Decimal, digits: int | None = None) -> str:
    """Write a number: 12,830; with so many decimals, or up to three of those that it has: 0.25."""
    if digits is not None:
        return f"{n:,.{digits}f}"
    return f"{n:,}" if isinstance(n, int) else f"{n:,.3f}".rstrip("0").rstrip(".")


def rate(n: float) -> str:
    """Write how many there are in a second: 9.5, 120."""
    return number(n, 1 if n < 10 else 0)


def percent(share: float, digits: int = 0) -> str:
    """Write a share of 1: 12 % as 12%."""
    return f"{share:.{digits}%}"


def duration(seconds: float) -> str:
    """Write a duration in the two largest units that it has: 2 h 5 min; less than a second as 1 s, none as ""."""
    rest, parts = max(0, math.ceil(seconds)), []
    for size, unit in UNITS:
        n, rest = divmod(rest, size)
        parts.append((n, unit))
    first = next((i for i, (n, _) in enumerate(parts) if n), len(parts))
    return " ".join(f"{n} {unit}" for n, unit in parts[first : first + 2] if n)


def seconds(n: int) -> str:
    """Write a number of seconds in words, in minutes where it is whole minutes from two on: 60 seconds, 5 minutes."""
    n, unit = (n // 60, "minute") if n >= 120 and n % 60 == 0 else (n, "second")
    return _units(n, unit)


def _units(n: int, unit: str) -> str:
    return f"{number(n)} {unit}{'' if n == 1 else 's'}"


def day(at: date) -> str:
    """Write a day: 29 Nov 2026."""
    return f"{at.day} {at:%b} {at.year}"


def clock(at: datetime | time) -> str:
    """Write what a clock shows: 15:11."""
    return f"{at:%H:%M}"


def moment(at: datetime, zone: tzinfo | None = None) -> str:
    """Write a moment as the clocks of a zone show it, by default of the page's: 29 Nov 2026, 15:11 Europe/Madrid.

    Where they show it twice, their distance from UTC says which of the two it is.
    """
    local = at.astimezone(zone or timezone.get_current_timezone())
    return f"{day(local)}, {_clock_in_zone(local)}"


def planned(at: datetime, zone: tzinfo | None = None, now: datetime | None = None) -> str:
    """Write when something is planned, and how far that is: tomorrow 09:00 Europe/Madrid, in 17 hours.

    Days beyond tomorrow, and before today, are written as `moment` does. zone: by default that of the page.
    """
    now = now or timezone.now()
    local = at.astimezone(zone or timezone.get_current_timezone())
    days = (local.date() - now.astimezone(local.tzinfo).date()).days
    named = {0: "today ", 1: "tomorrow "}.get(days, f"{day(local)}, ")
    return f"{named}{_clock_in_zone(local)}, {_distance((at - now).total_seconds())}"


def _clock_in_zone(local: datetime) -> str:
    is_shown_twice = local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset()
    return f"{clock(local)} {local.tzinfo}{f' (UTC{local.isoformat()[-6:]})' if is_shown_twice else ''}"


def _distance(seconds: float) -> str:
    """Write how far ahead, or behind, something is, in one unit of which there are at least two where that can be."""
    size, unit = next(((size, unit) for size, unit in DISTANCES if abs(seconds) >= 2 * size), (1, "second"))
    n = round(abs(seconds) / size)
    words = _units(n, unit)
    return "now" if n == 0 else f"in {words}" if seconds > 0 else f"{words} ago"
