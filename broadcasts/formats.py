"""How durations, days and moments are written, on every page and in every sentence."""

import math
from datetime import date, datetime, tzinfo

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float) -> str:
    """Write a duration in the two largest units that it has: 2 h 5 min; less than a second as 1 s, none as ""."""
    rest, parts = math.ceil(seconds), []
    for size, unit in UNITS:
        n, rest = divmod(rest, size)
        parts.append((n, unit))
    first = next((i for i, (n, _) in enumerate(parts) if n), len(parts))
    return " ".join(f"{n} {unit}" for n, unit in parts[first : first + 2] if n)


def day(at: date) -> str:
    """Write a day: 29 Nov 2026."""
    return f"{at.day} {at:%b} {at.year}"


def moment(at: datetime, zone: tzinfo) -> str:
    """Write a moment as the clocks of a zone show it: 29 Nov 2026, 15:11 Europe/Madrid.

    Where they show it twice, their distance from UTC says which of the two it is.
    """
    local = at.astimezone(zone)
    words = f"{day(local)}, {local:%H:%M} {zone}"
    is_shown_twice = local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset()
    return f"{words} (UTC{local.isoformat()[-6:]})" if is_shown_twice else words
