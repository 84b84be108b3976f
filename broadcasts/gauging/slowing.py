"""Slow a whole channel to half, for as long as its share is too high."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q, Sum
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import formats
from broadcasts.models import AuditEntry, Channel

from . import totals
from .gauge import Gauge, percent_of
from .notices import tell

SLOWED = timedelta(hours=24)  # then it ends by itself, unless the share is still too high
RENEWED = timedelta(hours=23)  # it is prolonged once no more than this is left
LATELY = 10  # minutes in which it sent


@transaction.atomic
def slow(channel: Channel, gauge: Gauge) -> None:
    """Slow a channel to half of its rate, or prolong that."""
    rows = Channel.objects.filter(pk=channel.pk)
    if channel.slowed_to is not None:
        rows.filter(slowed_to__isnull=False, slowed_until__lt=Now() + RENEWED).update(slowed_until=Now() + SLOWED)
        return
    to = max(1, int(lately(channel) / 2))
    limit = percent_of(gauge.worst.slow)
    why = (
        f"It sends {formats.number(to)} a second, half as fast: {gauge.fact(channel)}, more than {limit}. "
        f"{gauge.advice} It speeds up again by itself once the share is lower."
    )
    as_read = Q(slowed_to=None, slowed_until=channel.slowed_until)  # staff may have lifted it meanwhile
    if rows.filter(as_read).transition(slowed_to=to, slowed_until=Now() + SLOWED, slowed_why=why):
        tell(channel, "slow", why)


def lately(channel: Channel) -> float:
    """Return the messages per second of a channel: its rate, or else what it sent in its last minutes."""
    if rate := channel.rate or channel.transport_class.default_rate:
        return rate
    told = totals.told_since([channel.pk], totals.window_start()).filter(fact="sent")
    minutes = told.values_list("minute").annotate(n=Sum("count")).order_by("-minute")[: LATELY + 1]
    # The minute that has not ended yet would make it seem slower.
    ended = [n for minute, n in minutes if minute <= timezone.now() - timedelta(minutes=1)][:LATELY]
    counted = ended or [n for _, n in minutes]
    return sum(counted) / 60 / len(counted) if counted else 0.0


def lift_by_itself(channel: Channel) -> None:
    """End the slowness of a channel whose share is low again."""
    if channel.slowed_to is None:
        return
    slowed = Channel.objects.filter(pk=channel.pk, slowed_to__isnull=False)
    with transaction.atomic():
        if slowed.transition(slowed_to=None, slowed_until=None, slowed_why=""):
            AuditEntry.write(channel, "speed up", organization=channel.organization)
