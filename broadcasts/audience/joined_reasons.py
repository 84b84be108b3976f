"""The skip reasons of many contacts at once: joins instead of a subquery for each contact."""

from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Count, IntegerField, Min, Q, QuerySet, Value, When, lookups

from broadcasts.models import Broadcast, Contact, Message, UseCase

from .audience import Audience, matched
from .joins import Joined, left_join
from .reasons import CAUSES, ORDER, RANK, Reasons, address_in, case
from .routes import Route

RANKED = {ORDER.index(reason): reason for _, reason in CAUSES}
WORD_OF_RANK = Case(*(When(rank=rank, then=Value(reason)) for rank, reason in RANKED.items()), output_field=CharField())


class JoinedReasons(Reasons):
    """The clauses for all contacts at once, or for a chunk of them; apply `join` to the queryset."""

    def __init__(
        self, audience: Audience, route: Route, siblings: int = 0, between: tuple[int, int] | None = None
    ) -> None:
        super().__init__(audience.organization, audience.use_case, route)
        self.siblings = siblings  # other messages that the same contact may get by the same broadcast
        self.between = between  # the contacts with an id above the first of these, up to the second; None: all
        self.joins: dict[str, tuple[QuerySet[Any, Any], str, str]] = {}

    def join(self, people: QuerySet[Contact]) -> QuerySet[Contact]:
        """Join the tables that the clauses refer to, each of them once."""
        for name, (rows, on, key) in self.joins.items():
            people = left_join(people, name, rows, on, key)
        return people

    def _among(self, rows: QuerySet[Any], contact: str = "contact") -> QuerySet[Any]:
        """Keep the rows of the contacts that are asked about."""
        if self.between is None:
            return rows.filter(**{f"{contact}__isnull": False})
        above, up_to = self.between
        return rows.filter(**{f"{contact}__gt": above, f"{contact}__lte": up_to})

    def suppression(self) -> Any:
        """Return the strongest skip reason of the address's suppressions; NULL for none."""
        rows = self.suppressions()
        if self.between:
            people = self._among(Contact.objects.for_organization(self.organization), "pk")
            rows = rows.filter(address_hash__in=people.values(self.hash))
        ranked = rows.values("address_hash").annotate(rank=Min(RANK)).annotate(word=WORD_OF_RANK)
        name = f"noes_{self.hash}_{self.route.medium}"
        self.joins[name] = ranked.values("address_hash", "word").order_by(), self.hash, "address_hash"
        return Joined(name, "word")

    def consent(self) -> Any:
        name = f"consents_{self.route.medium}"
        self.joins[name] = self._among(self.consents()).values("contact_id", "state"), "id", "contact_id"
        return Joined(name, "state")

    def has_written(self, since: datetime) -> Q:
        rows = self._among(self.written(since)).values("contact_id").annotate(n=Count("pk"))
        name = f"written_{self.route.channel.pk if self.route.channel else 0}"
        self.joins[name] = rows.values("contact_id", "n").order_by(), "id", "contact_id"
        return Q(lookups.IsNull(Joined(name, "n", IntegerField()), False))

    def is_capped(self, cap: int, row: str) -> Q:
        rows = self._among(self.counted()).values("contact_id").annotate(n=Count("pk"))
        # Contacts with fewer cannot reach the cap.
        enough = rows.filter(n__gte=cap - self.siblings).values("contact_id", "n").order_by()
        self.joins["lately"] = enough, "id", "contact_id"
        return Q(lookups.GreaterThanOrEqual(self.received(), cap))

    def may_fall_back(self, since: datetime) -> bool:
        # One subquery for each row, and PostgreSQL runs none of this in parallel: only where it matters.
        broadcasts = Broadcast.objects.for_organization(self.organization).filter(use_case=UseCase.MARKETING)
        under_way = Q(completed_at=None) | Q(completed_at__gte=since)
        return broadcasts.filter(under_way, channel_policy=Broadcast.Policy.FALLBACK).exists()

    def received(self) -> Joined:
        """Return the number of messages that count towards the cap, as SQL; NULL for too few to matter."""
        return Joined("lately", "n", IntegerField())


def recipients_between(audience: Audience, message: Message | Route, above: int, up_to: int) -> QuerySet[Any, Any]:
    """Return what `recipients` returns for a message, of the contacts with ids above one, up to another.

    The queryset cannot be used as a subquery of another.
    """
    route = Route.of(message)
    reasons = JoinedReasons(audience, route, between=(above, up_to))
    annotations = {
        "skip_reason": case(reasons.of(audience), audience.expires_at),
        "send_address": address_in(route.contact_field),
        "send_language": reasons.language(),
    }
    people = matched(audience).filter(pk__gt=above, pk__lte=up_to)
    return reasons.join(people).annotate(**annotations)
