"""The layouts of format_date, format_datetime, format_time, parse_datetime and parse_time, such as "DD/MM/YYYY"."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, tzinfo
from functools import lru_cache
from typing import Any

from .moments import at_offset, local, microseconds
from .places import Names
from .running import Failure

LONGEST = 200  # characters of a layout
COPIED = frozenset(" :/.,T-_")

_RUN = re.compile(r"([YMDEthmsfaAZ])\1*|.", re.DOTALL)
_OFFSET = r"[+-][0-9]{2}:[0-9]{2}"

Write = Callable[[Any, Names], str]


def _hour(at: Any) -> int:
    return (at.hour - 1) % 12 + 1


def _weekday(at: Any) -> int:
    return at.isoweekday() % 7


def _offset(at: Any) -> str:
    return at.isoformat(timespec="microseconds")[26:32]


DATE: dict[str, Write] = {
    "YYYY": lambda at, names: f"{at.year:04}",
    "YY": lambda at, names: f"{at.year % 100:02}",
    "MM": lambda at, names: f"{at.month:02}",
    "M": lambda at, names: str(at.month),
    "MMM": lambda at, names: names.short_months[at.month - 1],
    "MMMM": lambda at, names: names.months[at.month - 1],
    "DD": lambda at, names: f"{at.day:02}",
    "D": lambda at, names: str(at.day),
    "EEE": lambda at, names: names.short_days[_weekday(at)],
    "EEEE": lambda at, names: names.days[_weekday(at)],
}
TIME: dict[str, Write] = {
    "tt": lambda at, names: f"{at.hour:02}",
    "t": lambda at, names: str(at.hour or ""),
    "hh": lambda at, names: f"{_hour(at):02}",
    "h": lambda at, names: str(_hour(at)),
    "mm": lambda at, names: f"{at.minute:02}",
    "m": lambda at, names: str(at.minute),
    "ss": lambda at, names: f"{at.second:02}",
    "s": lambda at, names: str(at.second),
    "fff": lambda at, names: f"{at.microsecond:06}"[:3],
    "ffffff": lambda at, names: f"{at.microsecond:06}",
    "fffffffff": lambda at, names: f"{at.microsecond:06}000",
    "aa": lambda at, names: names.halves[at.hour >= 12],
    "AA": lambda at, names: names.halves[at.hour >= 12].upper(),
}
ZONE: dict[str, Write] = {
    "Z": lambda at, names: "Z" if _offset(at) == "+00:00" else _offset(at),
    "ZZZ": lambda at, names: _offset(at),
}
DATETIME = {**DATE, **TIME, **ZONE}

# How texts are parsed: (what the letters are of, its pattern).
PARSED = {
    "YYYY": ("year", r"[0-9]{4}"),
    "YY": ("short_year", r"[0-9]{2}"),
    **{one: ("month", r"[0-9]{2}" if len(one) == 2 else r"[0-9]{1,2}") for one in ("MM", "M")},
    **{one: ("day", r"[0-9]{2}" if len(one) == 2 else r"[0-9]{1,2}") for one in ("DD", "D")},
    "tt": ("hour", r"[0-9]{2}"),
    "t": ("hour", r"[0-9]{1,2}"),
    "hh": ("short_hour", r"[0-9]{2}"),
    "h": ("short_hour", r"[0-9]{1,2}"),
    "mm": ("minute", r"[0-9]{2}"),
    "m": ("minute", r"[0-9]{1,2}"),
    "ss": ("second", r"[0-9]{2}"),
    "s": ("second", r"[0-9]{1,2}"),
    "fff": ("fraction", r"[0-9]{3}"),
    "ffffff": ("fraction", r"[0-9]{6}"),
    "fffffffff": ("fraction", r"[0-9]{9}"),
    "aa": ("half", "am|pm"),
    "AA": ("half", "AM|PM"),
    "Z": ("offset", f"Z|{_OFFSET}"),
    "ZZZ": ("offset", _OFFSET),
}


def formatted(at: date | time, layout: str, letters: dict[str, Write], names: Names) -> str:
    """Write a date, datetime or time; raises Failure for a layout with other letters."""
    return "".join([letters[run](at, names) if run in letters else run for run in runs(layout, frozenset(letters))])


@lru_cache(500)
def runs(layout: str, letters: frozenset[str]) -> tuple[str, ...]:
    """Return the letters of a layout in runs, and what is copied; raises Failure for another letter or run."""
    if len(layout) > LONGEST:
        raise Failure(f'"{layout[:20]}..." is not a valid layout')
    found = tuple(match[0] for match in _RUN.finditer(layout))
    found = tuple(part for run in found for part in (run if run[0] in COPIED else [run]))
    for run in found:
        if run not in letters and run not in COPIED:
            raise Failure(f"'{run}' is not valid in a layout")
    return found


def parsed(text: str, layout: str, zone: tzinfo) -> datetime:
    """Read a datetime; raises Failure."""
    values = _values(text, layout, frozenset(PARSED))
    try:
        year = int(values.get("year", 0))
        if "short_year" in values:
            year = int(values["short_year"])
            year += 1900 if year >= 69 else 2000
        day = date(year, int(values.get("month", 1)), int(values.get("day", 1)))
        naive = datetime.combine(day, _clock(values))
        return at_offset(naive, values["offset"], zone) if "offset" in values else local(naive, zone)
    except (ValueError, OverflowError):
        raise _unreadable(text, layout) from None


def parsed_time(text: str, layout: str) -> time:
    """Read a time; raises Failure."""
    try:
        return _clock(_values(text, layout, frozenset(TIME)))
    except ValueError:
        raise _unreadable(text, layout) from None


def _unreadable(text: str, layout: str) -> Failure:
    return Failure(f'unable to parse "{text[:100]}" as "{layout}"')


def _values(text: str, layout: str, letters: frozenset[str]) -> dict[str, str]:
    pattern, kinds = _pattern(runs(layout, letters))
    match = pattern.match(text)
    if match is None:
        raise _unreadable(text, layout)
    return {kind: value for kind, value in zip(kinds, match.groups(), strict=True) if value is not None}


@lru_cache(500)
def _pattern(layout: tuple[str, ...]) -> tuple[re.Pattern[str], list[str]]:
    """Return the pattern of a layout: each part takes what it can and gives none of it back, as the vendor's does."""
    parts, kinds = [], []
    has_fraction = any(run.startswith("f") for run in layout)
    for run in layout:
        if run not in PARSED:
            parts.append(re.escape(run))
            continue
        kind, pattern = PARSED[run]
        parts.append(f"((?>{pattern}))")
        kinds.append(kind)
        if kind == "second" and not has_fraction:
            parts.append(r"(?>(?:\.([0-9]+))?)")
            kinds.append("fraction")
    return re.compile("".join(parts) + r"\Z"), kinds


def _clock(values: dict[str, str]) -> time:
    hour, half = int(values.get("hour", 0)), values.get("half", "").lower()
    if "short_hour" in values:
        hour = int(values["short_hour"])
        if hour > 12:
            raise ValueError
    if half == "pm" and hour < 12:
        hour += 12
    elif half == "am" and hour == 12:
        hour = 0
    second = int(values.get("second", 0))
    return time(hour, int(values.get("minute", 0)), second, microseconds(values.get("fraction")))
