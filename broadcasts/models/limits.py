"""The limits of a channel that are more than a number: rates per receiving domain, and the warm-up ramp."""

import math
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError

from broadcasts import formats
from broadcasts.mediums import email_domain

SLOWEST, FASTEST = 0.001, 100_000  # per second
MOST = 1_000_000_000  # per day; a ramp that has grown so far limits nothing any more
MOST_HELD = 10_000  # days
HELD = ("held", "held_on")
RAMP = ("start", "growth", "since", *HELD)


def clean_domain_rates(rates: Any) -> dict[str, float]:
    """Return {domain in IDNA or "*": messages per second}, or raise ValidationError that names the wrong entry."""
    if not isinstance(rates, dict):
        raise ValidationError({"domain_rates": 'Give an object, such as {"gmail.com": 20, "*": 100}.'})
    cleaned = {}
    for domain, rate in rates.items():
        if not _is_between(rate, SLOWEST, FASTEST):
            bounds = f"from {formats.number(SLOWEST)} to {formats.number(FASTEST)}"
            raise ValidationError({"domain_rates": f"“{domain}”: give messages per second, {bounds}."})
        name = "*" if domain.strip() == "*" else email_domain(f"@{domain.strip()}")
        if name != "*" and ("." not in name or not name.isascii()):
            raise ValidationError({"domain_rates": f"“{domain}” is not a domain, such as gmail.com; * is all others."})
        cleaned[name] = rate
    return cleaned


def clean_ramp(ramp: Any) -> dict[str, Any]:
    """Return the warm-up, or raise ValidationError that names what is wrong; {} is none."""
    if not isinstance(ramp, dict):
        raise ValidationError({"ramp": 'Give an object, such as {"start": 200, "growth": 1.5}.'})
    if not ramp:
        return {}
    if unknown := sorted(set(ramp) - set(RAMP)):
        raise ValidationError({"ramp": f"{', '.join(unknown)}: unknown; accepted: {', '.join(RAMP)}."})
    start, growth = ramp.get("start"), ramp.get("growth")
    if not isinstance(start, int) or isinstance(start, bool) or not 1 <= start <= MOST:
        raise ValidationError({"ramp": "start: give the messages of the first day, a whole number of at least 1."})
    if not _is_between(growth, 1, 100):
        raise ValidationError({"ramp": "growth: give how many times as many each day is, such as 1.5; at least 1."})
    held = ramp.get("held", 0)
    if not isinstance(held, int) or isinstance(held, bool) or not 0 <= held <= MOST_HELD:
        raise ValidationError({"ramp": f"held: give the days held, a whole number from 0 to {MOST_HELD}."})
    for name, what in (("since", "the first day"), ("held_on", "the last day held")):
        if name in ramp:
            _check_day(name, ramp[name], what)
    return dict(ramp)


def _check_day(name: str, value: Any, what: str) -> None:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValidationError({"ramp": f"{name}: give {what}, such as 2026-11-01."}) from None


def _is_between(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def allowance(ramp: dict[str, Any], day: date) -> int | None:
    """Return how many messages a warm-up allows on a day; None if unlimited.

    `held` are the days after which it did not grow, and `held_on` the last of them.
    """
    if not ramp:
        return None
    days = (day - date.fromisoformat(ramp["since"])).days if "since" in ramp else 0
    days = max(0, days - _held_before(ramp, day))
    if math.log(ramp["start"]) + days * math.log(ramp["growth"]) > math.log(MOST):
        return None
    return int(ramp["start"] * ramp["growth"] ** days)


def _held_before(ramp: dict[str, Any], day: date) -> int:
    """Return after how many days before this one it did not grow: the last one held counts from the next day on."""
    held = int(ramp.get("held", 0))
    is_over = "held_on" not in ramp or day > date.fromisoformat(ramp["held_on"])
    return held if is_over else max(0, held - 1)


def hold(ramp: dict[str, Any], today: date) -> dict[str, Any]:
    """Return a warm-up that allows tomorrow what it allows today."""
    return {**ramp, "held": int(ramp.get("held", 0)) + 1, "held_on": today.isoformat()}


def is_slow(told: dict[str, Any], now: datetime) -> bool:
    """Tell whether what the gauges noted of a receiving domain slows it now."""
    return "to" in told and datetime.fromisoformat(told["until"]) > now
