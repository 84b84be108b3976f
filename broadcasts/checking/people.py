"""Count the recipients once for all questions: in each time zone and language, and those who got something lately."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from broadcasts import audience, pricing
from broadcasts.audience import Audience, Estimate, Route
from broadcasts.models import Broadcast, Delivery, Message
from broadcasts.pricing import Cost

from .draft import Draft

LATELY = timedelta(days=2)


@dataclass
class People:
    """The recipients of a broadcast that has not begun.

    number: how many people get at least one copy.
    zones and languages: for each message in its order, how many of its recipients have each of these.
    recent: how many of all recipients were sent one of the broadcasts of `lately` since then.
    cost: what its SMS cost, where it has any.
    """

    estimate: Estimate
    number: int = 0
    zones: list[Counter[str]] = field(default_factory=list)
    languages: list[Counter[str]] = field(default_factory=list)
    lately: Sequence[Broadcast] = ()
    recent: int = 0
    cost: Cost | None = None


def count(draft: Draft) -> People:
    """Count the recipients, by one query; raises BroadcastsError where the audience cannot be read."""
    broadcast, routes = draft.broadcast, [Route.of(message) for message in draft.messages]
    since = max(timezone.now(), broadcast.scheduled_at or timezone.now()) - LATELY
    lately = _sent_since(broadcast, since)
    estimate, reached = audience.survey(Audience.of(broadcast), routes, _copies(lately, since))
    found = People(estimate, reached.total(), lately=lately)
    found.zones, found.languages = [Counter() for _ in routes], [Counter() for _ in routes]
    for group, n in reached.items():
        for i in group.messages:
            found.zones[i][group.time_zone] += n
            found.languages[i][group.language] += n
        found.recent += n * group.was_sent
    found.cost = pricing.expected(broadcast, estimate, draft.messages, draft.compiled)
    return found


def _sent_since(broadcast: Broadcast, since: datetime) -> list[Broadcast]:
    """Return the organization's other broadcasts that sent copies since then, the newest first."""
    others = Broadcast.objects.for_organization(broadcast.organization_id).filter(Broadcast.BEGUN)
    at_work = Q(completed_at=None) | Q(completed_at__gte=since)
    return list(others.filter(at_work).exclude(pk=broadcast.pk).order_by("-started_at"))


def _copies(broadcasts: Sequence[Broadcast], since: datetime) -> QuerySet[Delivery] | None:
    """Return the copies of these broadcasts that were sent since then; None without broadcasts."""
    if not broadcasts:
        return None
    messages = Message.objects.filter(broadcast__in=broadcasts).values("pk")
    sent = Q(status=Delivery.Status.SENT, sent_at__gte=since) | Q(status=Delivery.Status.UNKNOWN, created__gte=since)
    return Delivery.objects.filter(sent, message__in=messages)
