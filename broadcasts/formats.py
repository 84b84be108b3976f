"""How numbers, durations, days and moments are written, on every page and in every sentence.

Templates use them as filters ({% load formats %}), live pages their twin in static/broadcasts/formats.js. What machines
read (CSV, the API's values, logs) is written as its own format wants it.
"""

import math
from datetime import date, datetime, time, tzinfo

from django.utils import timezone

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def number(n: float, digits: int | None = None) -> str:
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


def from_now(at: datetime) -> str:
    """Write how far ahead a moment is: in 2 h 5 min; now, if it has passed."""
    left = duration((at - timezone.now()).total_seconds())
    return f"in {left}" if left else "now"


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
    zone = zone or timezone.get_current_timezone()
    local = at.astimezone(zone)
    words = f"{day(local)}, {clock(local)} {zone}"
    is_shown_twice = local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset()
    return f"{words} (UTC{local.isoformat()[-6:]})" if is_shown_twice else words
