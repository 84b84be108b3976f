"""The warm-up that a domain without history should have, as a calendar.

By what providers publish: begin with 50 to 200 mails a day, never more than double a day, and take two to six weeks
(docs/gauges.md names them). So ours begins with 50, or 200 where some mail was sent lately, and grows by half a day;
faster where that would take longer than MOST_DAYS, up to double.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone

from broadcasts.models import AuditEntry, Batch, Channel, Segment, User
from broadcasts.models.limits import allowance

LOOKED_BACK = timedelta(days=60)
FEW = 1000  # mails in that time: with fewer a domain is as good as new
NEW_START, KNOWN_START = 50, 200  # mails on the first day
LEAST_GROWTH, MOST_GROWTH = 1.5, 2.0
MOST_DAYS = 30
LONGEST = 120  # days of a calendar


@dataclass(frozen=True)
class Day:
    """One day of a warm-up: at most so many mails, and so many since it began."""

    day: date
    messages: int
    total: int


@dataclass(frozen=True)
class Advice:
    """What is proposed for a channel: its audience, what its domain sent lately, the ramp, and the ramp's days."""

    audience: int
    sent_lately: int
    ramp: dict[str, Any]
    days: list[Day]

    @property
    def is_new(self) -> bool:
        """Whether its domain has too little history to send to many at once."""
        return self.sent_lately < FEW

    @property
    def is_needed(self) -> bool:
        """Whether the audience is more than a domain with so little history may send to in a day."""
        return self.is_new and self.audience > self.ramp["start"]


def advise(channel: Channel, audience: int, today: date | None = None) -> Advice:
    """Propose the warm-up that ends with the whole audience in one day."""
    sent = sent_lately(channel)
    start = KNOWN_START if sent else NEW_START
    growth = LEAST_GROWTH
    if audience > start:
        needed = math.exp(math.log(audience / start) / (MOST_DAYS - 1))
        growth = min(MOST_GROWTH, max(LEAST_GROWTH, math.ceil(needed * 20) / 20))
    first = today or _today(channel)
    ramp = {"start": start, "growth": growth, "since": first.isoformat()}
    return Advice(audience, sent, ramp, calendar(ramp, audience, first))


def calendar(ramp: dict[str, Any], audience: int, first: date) -> list[Day]:
    """Return the days of a warm-up from `first` to the one on which the whole audience can get a mail."""
    days: list[Day] = []
    for n in range(LONGEST):
        day = first + timedelta(days=n)
        most = allowance(ramp, day)
        messages = audience if most is None else min(most, audience)
        days.append(Day(day, messages, (days[-1].total if days else 0) + messages))
        if messages >= audience:
            break
    return days


def sent_lately(channel: Channel) -> int:
    """Return how many mails the organization sent from the channel's domain lately."""
    own = Channel.objects.filter(organization=channel.organization_id, medium=channel.medium)
    if domain := channel.from_address.rpartition("@")[2]:
        own = own.filter(from_address__iendswith=f"@{domain}")
    since = timezone.now() - LOOKED_BACK
    batches = Batch.objects.filter(message__channel__in=own, message__broadcast__started_at__gte=since)
    return batches.aggregate(n=Sum("sent"))["n"] or 0


def audience_of(channel: Channel) -> int | None:
    """Return the size of the organization's largest segment or broadcast lately; None if nothing tells it."""
    segments = Segment.objects.filter(organization=channel.organization_id).aggregate(n=Max("contacts_count"))["n"]
    since = timezone.now() - LOOKED_BACK
    batches = Batch.objects.filter(
        message__broadcast__organization=channel.organization_id, message__broadcast__started_at__gte=since
    )
    totals = batches.order_by().values("message").annotate(n=Sum("total")).aggregate(most=Max("n"))["most"]
    return max(segments or 0, totals or 0) or None


@transaction.atomic
def begin_warmup(channel: Channel, ramp: dict[str, Any], by: User | None = None) -> None:
    """Have a channel warm up from today on; raises ValidationError if the ramp is wrong."""
    channel.ramp = {**ramp, "since": _today(channel).isoformat()}
    channel.clean()
    channel.save(update_fields=["ramp", "resting_until", "modified"])
    AuditEntry.write(channel, "begin warm-up", organization=channel.organization, user=by, ramp=channel.ramp)


def _today(channel: Channel) -> date:
    return timezone.localdate(timezone=channel.organization.zone)
