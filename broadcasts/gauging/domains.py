"""Slow single receiving domains of a channel, for which the rest of its mail does not wait.

`Channel.slowed_domains` keeps which are slowed, and of those that staff have lifted the numbers that no longer count.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from broadcasts import formats
from broadcasts.models import Channel
from broadcasts.models.limits import is_slow

from . import totals
from .gauge import Gauge, percent_of
from .notices import tell
from .slowing import RENEWED, SLOWED, lately

SLOWEST = 0.01  # per second


def judge(channel: Channel, whole: Gauge, found: Mapping[str, totals.Numbers]) -> None:
    """Slow the domains whose share is too high, prolong that, and end it once the share is low again."""
    old = channel.slowed_domains
    if not (old or found):
        return
    new, told = {}, []
    for name in dict.fromkeys([*old, *found]):
        before = old.get(name, {})
        numbers = found.get(name, totals.Numbers()) - totals.Numbers(**before.get("forgiven", {}))
        gauge = Gauge(channel.organization, name, numbers)
        if (after := _after(channel, whole, gauge, before)) is None:
            continue
        new[name] = after
        if "to" in after and "to" not in before:
            told.append(after["why"])
    if new == old:
        return
    with transaction.atomic():
        if Channel.objects.filter(pk=channel.pk, slowed_domains=old).transition(slowed_domains=new):
            for why in told:
                tell(channel, "slow domain", why)


def _after(channel: Channel, whole: Gauge, gauge: Gauge, before: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is to be kept of a domain; None for nothing."""
    now = timezone.now()
    if gauge.level == "good":
        lifted = before.get("lifted")
        is_remembered = lifted and datetime.fromisoformat(lifted) > now - timedelta(days=settings.GAUGE_DAYS)
        return before if is_remembered else None
    if "to" in before:
        is_long = is_slow(before, now + RENEWED)
        return before if is_long else {**before, "until": (now + SLOWED).isoformat()}
    if whole.level != "good":
        return None if "lifted" not in before else before  # the whole channel is slowed
    own = channel.domain_rates.get(gauge.domain) or channel.domain_rates.get("*", 0)
    to = max(SLOWEST, round((own or lately(channel) * gauge.sent / max(whole.sent, gauge.sent, 1)) / 2, 2))
    limit = percent_of(gauge.worst.slow)
    why = (
        f"It sends {formats.number(to)} a second to {gauge.domain}, half as fast: {gauge.fact(channel)}, more than "
        f"{limit}. {gauge.advice} It speeds up again by itself once the share is lower."
    )
    return {"to": to, "until": (now + SLOWED).isoformat(), "why": why}


def lift(channel: Channel) -> bool:
    """Lift the slowness of all domains of a channel; return whether any was slowed.

    What was counted of them until now does not count any more.
    """
    slowed = Channel.objects.select_for_update(of=("self",), no_key=True).get(pk=channel.pk).slowed_domains
    names = [name for name, one in slowed.items() if "to" in one]
    if not names:
        return False
    found = totals.of_domains([channel.pk], totals.window_start(), totals.ANY).get(channel.pk, {})
    lifted = timezone.now().isoformat()
    for name in names:
        slowed[name] = {"lifted": lifted, "forgiven": asdict(found.get(name, totals.Numbers()))}
    return Channel.objects.filter(pk=channel.pk).transition(slowed_domains=slowed)
