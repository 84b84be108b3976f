"""The numbers that gauges judge, from counters: deliveries are never counted.

A channel's numbers are the counters of the batches of broadcasts that began within the window, as they stand now; of
those that began before it, what was told within it, minute by minute. So a late complaint about an old broadcast counts
when it is told. A domain's numbers have no minutes: they are those of broadcasts that were under way in the window.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from broadcasts.models import GAUGED, Batch, GroupCount, MinuteCount

ANY = Q(complained__gt=0) | Q(undelivered__gt=0)


@dataclass(frozen=True)
class Numbers:
    """How many mails were sent, and of these bounced and complained about; and how many servers refused."""

    sent: int = 0
    failed: int = 0
    bounced: int = 0
    complained: int = 0

    def __add__(self, other: "Numbers") -> "Numbers":
        return Numbers(*(getattr(self, name) + getattr(other, name) for name in GAUGED))

    def __sub__(self, other: "Numbers") -> "Numbers":
        return Numbers(*(max(0, getattr(self, name) - getattr(other, name)) for name in GAUGED))


def window_start() -> datetime:
    """Return when the rolling window began."""
    return timezone.now() - timedelta(days=settings.GAUGE_DAYS)


def of_channels(channels: Collection[int], since: datetime) -> dict[int, Numbers]:
    """Return {channel id: its numbers since the window began}, in two queries; channels without any are absent."""
    begun = Batch.objects.filter(message__channel__in=channels, message__broadcast__started_at__gte=since)
    sums = begun.values_list("message__channel").annotate(*(Sum(name) for name in GAUGED)).order_by()
    found = {pk: Numbers(*told) for pk, *told in sums}
    older = told_since(channels, since).filter(message__broadcast__started_at__lt=since)
    for pk, fact, n in older.values_list("message__channel", "fact").annotate(n=Sum("count")).order_by():
        found[pk] = found.get(pk, Numbers()) + Numbers(**{fact: n})
    return found


def of_channel_after(channel: int, moment: datetime) -> Numbers:
    """Return the numbers of a channel in the minutes that began after a moment."""
    rows = told_since([channel], moment).values_list("fact").annotate(Sum("count")).order_by()
    return Numbers(**dict(rows))


def told_since(channels: Collection[int], moment: datetime) -> QuerySet[MinuteCount]:
    """Return the counts of minutes after a moment."""
    return MinuteCount.objects.filter(message__channel__in=channels, minute__gt=moment, fact__in=GAUGED)


def of_domains(
    channels: Collection[int], since: datetime, having: Q, top: int | None = None
) -> dict[int, dict[str, Numbers]]:
    """Return {channel id: {receiving domain: its numbers}}, the most troubled domains first, in two queries.

    having: what must hold of `complained` and `undelivered`; top: so many domains at most.
    """
    begun = Q(message__broadcast__started_at__gte=since) | Q(message__broadcast__completed_at__gte=since)
    under_way = begun | Q(message__broadcast__started_at__isnull=False, message__broadcast__completed_at=None)
    rows = GroupCount.objects.filter(
        under_way, message__channel__in=channels, dimension=GroupCount.Dimension.DOMAIN
    ).order_by()
    told: dict[str, Any] = {name: Sum("count", filter=Q(fact=name), default=0) for name in GAUGED[1:]}
    bad: Any = rows.filter(fact__in=GAUGED[1:]).values("message__channel", "value").annotate(**told)
    bad = bad.annotate(undelivered=F("failed") + F("bounced")).filter(having)
    bad = bad.order_by("-complained", "-undelivered", "value")[:top]
    found: dict[int, dict[str, Numbers]] = {}
    for one in bad:
        numbers = Numbers(0, one["failed"], one["bounced"], one["complained"])
        found.setdefault(one["message__channel"], {})[one["value"]] = numbers
    if names := {name for domains in found.values() for name in domains}:
        sent = rows.filter(fact="sent", value__in=names).values_list("message__channel", "value")
        for pk, name, n in sent.annotate(Sum("count")):
            if name in found.get(pk, {}):
                found[pk][name] += Numbers(sent=n)
    return found
