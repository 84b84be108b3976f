"""Count the recipients once for all questions: in each time zone and language, and those who got something lately."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from broadcasts import audience, rendering
from broadcasts.audience import Audience, Estimate, Route
from broadcasts.models import Broadcast, Contact, Delivery, Message
from broadcasts.rendering import LackingField

LATELY = timedelta(days=2)


@dataclass
class People:
    """The recipients of a broadcast that has not begun.

    zones and languages: for each message in its order, how many of its recipients have each of these.
    recent: how many of all recipients were sent one of the broadcasts of `lately` since then.
    """

    estimate: Estimate
    zones: list[Counter[str]] = field(default_factory=list)
    languages: list[Counter[str]] = field(default_factory=list)
    lately: Sequence[Broadcast] = ()
    recent: int = 0
    lacking: Sequence[LackingField] = ()

    @property
    def number(self) -> int:
        """How many people get at least one copy, as far as each is counted once."""
        return max((sum(counted.values()) for counted in self.zones), default=0)


def count(broadcast: Broadcast, estimate: Estimate | None = None) -> People:
    """Count the recipients, but for an estimate that is there already.

    Raises BroadcastsError where the audience cannot be read.
    """
    wanted, routes = replace(Audience.of(broadcast), of_all=True), audience.routes_of(broadcast)
    found = People(estimate or audience.estimate(wanted, routes))
    if not found.estimate.will_receive:
        return found
    since = max(timezone.now(), broadcast.scheduled_at or timezone.now()) - LATELY
    found.lately = _sent_since(broadcast, since)
    clause = _got(found.lately, since)
    for rows in _by_message(broadcast, wanted, routes):
        zones, languages = Counter[str](), Counter[str]()
        recent = 0
        counts = {"n": Count("pk")} | ({"lately": Count("pk", filter=clause)} if found.lately else {})
        grouped: Any = rows.order_by().values("time_zone", "language").annotate(**counts)
        for row in grouped:
            zones[row["time_zone"]] += row["n"]
            languages[row["language"]] += row["n"]
            recent += row.get("lately", 0)
        found.zones.append(zones)
        found.languages.append(languages)
        found.recent = max(found.recent, recent)
    _, found.lacking = rendering.lacking(broadcast)
    return found


def _by_message(broadcast: Broadcast, wanted: Audience, routes: Sequence[Route]) -> list[QuerySet[Contact]]:
    """Return the recipients of each message."""
    if len(routes) == 1:  # by the clauses that are made for all contacts at once
        query = {"recipient_of": str(broadcast.uuid)}
        return [audience.compile_query(query, broadcast.organization, of_all=True)]
    return [audience.recipients(wanted, route, routes).filter(skip_reason="") for route in routes]


def _sent_since(broadcast: Broadcast, since: datetime) -> list[Broadcast]:
    """Return the organization's other broadcasts that sent copies since then, the newest first."""
    others = Broadcast.objects.for_organization(broadcast.organization_id).filter(Broadcast.BEGUN)
    at_work = Q(completed_at=None) | Q(completed_at__gte=since)
    return list(others.filter(at_work).exclude(pk=broadcast.pk).order_by("-started_at"))


def _got(broadcasts: Sequence[Broadcast], since: datetime) -> Q:
    """Return the clause for contacts that were sent one of these broadcasts since then."""
    messages = list(Message.objects.filter(broadcast__in=broadcasts).values_list("pk", flat=True))
    sent = Q(status=Delivery.Status.SENT, sent_at__gte=since) | Q(status=Delivery.Status.UNKNOWN, created__gte=since)
    copies = Delivery.objects.filter(sent, message__in=messages, contact__isnull=False)
    return Q(pk__in=copies.values("contact"))
