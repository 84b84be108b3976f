"""Limit how fast a channel sends: one row for all workers on all hosts, by the database's clock.

The algorithm is GCRA: the row holds the moment at which all permitted messages would have been sent at the channel's
rate. A permit for n messages moves it by n / rate, and is granted while it is no further ahead than the burst.
"""

import time
from collections.abc import Collection, Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest, Now

from broadcasts.models import Channel, ChannelRate

WAIT_SECONDS = 2.0  # the longest wait for a permit; the slowest rate grants one per second


def window_limit(channel: Channel, seconds: float) -> int | None:
    """Return the most messages to request a permit for, so that it is used within `seconds`; None if unlimited."""
    if not channel.top_rate:
        return None
    return max(1, min(int(channel.top_rate * seconds), channel.top_burst or channel.top_rate))


def _row(channel: Channel):
    return ChannelRate.objects.filter(channel=channel, domain="")


def _ahead(rate: int, burst: int | None, n: int) -> timedelta:
    """Return how far ahead of now the row may be when n messages are requested."""
    return timedelta(seconds=((burst or rate) - n) / rate)


def reserve(channel: Channel, n: int, patience: float) -> float | None:
    """Take a permit for n messages and return in how many seconds it is valid; None if later than `patience`.

    The permit reserves its place, so that later requests come after it.
    """
    if not channel.top_rate:
        return 0
    soon = Now() + _ahead(channel.top_rate, channel.top_burst, n) + timedelta(seconds=patience)
    from_now = Greatest(Coalesce(F("arrival"), Now()), Now())
    with transaction.atomic():
        rows = _row(channel).filter(Q(arrival=None) | Q(arrival__lte=soon))
        if rows.transition(arrival=from_now + timedelta(seconds=n / channel.top_rate)):
            lead = _leads(channel=channel, domain="").values_list("lead", flat=True).first() or timedelta()
            return max(0.0, (lead - _ahead(channel.top_rate, channel.top_burst, 0)).total_seconds())
    _, is_new = ChannelRate.objects.get_or_create(channel=channel, domain="")
    return reserve(channel, n, patience) if is_new else None


def locked(channel: Channel, domains: Iterable[str]) -> QuerySet[ChannelRate]:
    """Lock rows, "" for the channel's own, in a fixed order against deadlocks, with the database's time as `now`."""
    rows = ChannelRate.objects.select_for_update(of=("self",)).filter(channel=channel, domain__in=domains)
    return rows.order_by("domain").annotate(now=Now())


def give_back(channel: Channel, n: int) -> None:
    """Give back a permit for n messages that was not used."""
    if channel.top_rate and n > 0:
        _row(channel).update(arrival=F("arrival") - timedelta(seconds=n / channel.top_rate))


def wait(channel: Channel, n: int, until: float) -> bool:
    """Wait for a permit until it is valid; return False if that is later than `until` (of time.monotonic())."""
    seconds = reserve(channel, n, max(0.0, until - time.monotonic()))
    if seconds is None:
        return False
    if seconds:
        time.sleep(seconds)
    return True


def used_up(channels: Collection[int]) -> set[int]:
    """Return those channels that cannot grant a permit within WAIT_SECONDS."""
    # And none of its secrets.
    known = ("channel__kind", "channel__rate", "channel__burst", "channel__slowed_to", "channel__slowed_until")
    rows = _leads(domain="", channel__in=channels).select_related("channel").only("arrival", *known)
    patience = timedelta(seconds=WAIT_SECONDS)
    return {
        row.channel_id
        for row in rows
        if (rate := row.channel.top_rate) and row.lead - _ahead(rate, row.channel.top_burst, 1) > patience
    }


def _leads(**filters: object):
    """Return rows that are ahead of now, annotated with the difference as `lead`."""
    return ChannelRate.objects.filter(arrival__gt=Now(), **filters).annotate(lead=F("arrival") - Now())
