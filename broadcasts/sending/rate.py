"""How fast a channel may send: one row for all workers on all hosts, on the database's clock.

GCRA: the row holds the moment at which everything permitted so far would have been sent at the channel's rate. A
permit for n messages moves it by n / rate, and is given while it lies no further ahead than the burst.
"""

import time
from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest, Now

from broadcasts.models import Channel, ChannelRate

NAP = 0.05


def window_limit(channel: Channel, seconds: float) -> int | None:
    """The most messages to ask a permit for at once, so that it is used within some seconds; None: no limit."""
    if not channel.rate:
        return None
    return max(1, min(int(channel.rate * seconds), channel.burst or channel.rate))


def permit(channel: Channel, n: int) -> bool:
    """Take a permit for n messages, or find that it is too early."""
    if not channel.rate:
        return True
    ahead = timedelta(seconds=(channel.burst or channel.rate) / channel.rate)
    rows = ChannelRate.objects.filter(channel=channel, domain="")
    if not rows.exists():
        ChannelRate.objects.get_or_create(channel=channel, domain="")
    due = Q(arrival=None) | Q(arrival__lte=Now() + ahead - timedelta(seconds=n / channel.rate))
    from_now = Greatest(Coalesce(F("arrival"), Now()), Now())
    return rows.filter(due).transition(arrival=from_now + timedelta(seconds=n / channel.rate))


def wait(channel: Channel, n: int, until: float) -> bool:
    """Wait for a permit, until a moment of time.monotonic() at most; False when it did not come."""
    while not permit(channel, n):
        if time.monotonic() + NAP > until:
            return False
        time.sleep(NAP)
    return True
