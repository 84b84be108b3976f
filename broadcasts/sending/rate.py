"""How fast a channel may send: one row for all workers on all hosts, on the database's clock.

GCRA: the row holds the moment at which everything permitted so far would have been sent at the channel's rate. A
permit for n messages moves it by n / rate, and is given while it lies no further ahead than the burst.
"""

import time
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest, Now

from broadcasts.models import Channel, ChannelRate

WAIT_SECONDS = 2.0  # longer than this nobody waits for a permit; the slowest rate gives one a second


def window_limit(channel: Channel, seconds: float) -> int | None:
    """The most messages to ask a permit for at once, so that it is used within some seconds; None: no limit."""
    if not channel.rate:
        return None
    return max(1, min(int(channel.rate * seconds), channel.burst or channel.rate))


def _row(channel: Channel):
    return ChannelRate.objects.filter(channel=channel, domain="")


def _ahead(rate: int, burst: int | None, n: int) -> timedelta:
    """How far ahead of now the row may lie when n messages are asked for."""
    return timedelta(seconds=((burst or rate) - n) / rate)


def reserve(channel: Channel, n: int, patience: float) -> float | None:
    """Take a permit for n messages that is good within some seconds, and return in how many; None: not so soon.

    Who waits has a place in the queue, so that nobody who asks later comes first.
    """
    if not channel.rate:
        return 0
    soon = Now() + _ahead(channel.rate, channel.burst, n) + timedelta(seconds=patience)
    from_now = Greatest(Coalesce(F("arrival"), Now()), Now())
    with transaction.atomic():
        rows = _row(channel).filter(Q(arrival=None) | Q(arrival__lte=soon))
        if rows.transition(arrival=from_now + timedelta(seconds=n / channel.rate)):
            lead = _leads(channel=channel, domain="").values_list("lead", flat=True).first() or timedelta()
            return max(0.0, (lead - _ahead(channel.rate, channel.burst, 0)).total_seconds())
    _, is_new = ChannelRate.objects.get_or_create(channel=channel, domain="")
    return reserve(channel, n, patience) if is_new else None


def give_back(channel: Channel, n: int) -> None:
    """Return what was permitted and not used."""
    if channel.rate and n > 0:
        _row(channel).update(arrival=F("arrival") - timedelta(seconds=n / channel.rate))


def wait(channel: Channel, n: int, until: float) -> bool:
    """Wait for a permit, until a moment of time.monotonic() at most; False when it will not come."""
    seconds = reserve(channel, n, max(0.0, until - time.monotonic()))
    if seconds is None:
        return False
    if seconds:
        time.sleep(seconds)
    return True


def used_up(channels: Collection[int]) -> set[int]:
    """Return which of these channels cannot give a permit within the time that one waits for it."""
    rows = _leads(domain="", channel__in=channels, channel__rate__gt=0)
    patience = timedelta(seconds=WAIT_SECONDS)
    return {
        channel
        for channel, rate, burst, lead in rows.values_list("channel", "channel__rate", "channel__burst", "lead")
        if lead - _ahead(rate or 1, burst, 1) > patience
    }


def _leads(**filters: object):
    """Rows that lie ahead of now, each with by how much."""
    return ChannelRate.objects.filter(arrival__gt=Now(), **filters).annotate(lead=F("arrival") - Now())
