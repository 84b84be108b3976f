"""List filters by facts: those that the channels report, and any other that was recorded."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Min, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

from broadcasts import stats
from broadcasts.database import as_id
from broadcasts.models import FACTS, OWN_FACTS, TRACKED, Batch, Broadcast, Channel, DeliveryEvent, reported_by

from .access import Access, scoped

DAYS = {"7": "The last 7 days", "30": "The last 30 days"}
OF_SENDING = (DeliveryEvent.Type.SENT, DeliveryEvent.Type.FAILED)


def offered(request: HttpRequest, broadcast: str = "") -> list[str]:
    """Return the facts to offer of one broadcast, or of all that the user sees."""
    access = Access.of(request)
    batches = scoped(Batch.objects.all(), access)
    if pk := as_id(broadcast):
        rows = scoped(Broadcast.objects.all(), access).filter(pk=pk).prefetch_related("messages__channel")
        reported = frozenset[str]().union(*(row.reports for row in rows))
        batches = batches.filter(message__broadcast=pk)
    else:
        kinds = scoped(Channel.objects.order_by(), access).values_list("kind", *TRACKED.values()).distinct()
        each = (reported_by(kind, opened=opens, clicked=clicks) for kind, opens, clicks in kinds)
        reported = OWN_FACTS.union(*each)
    return stats.shown_facts(reported, batches.aggregate(**{fact: Sum(fact) for fact in FACTS}))


class FactFilter(admin.SimpleListFilter):
    title = "what came back"
    parameter_name = "fact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        facts = offered(request, request.GET.get("broadcast", ""))
        return [(fact, fact.capitalize()) for fact in FACTS if fact in facts or fact == self.value()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(**{f"{self.value()}_at__isnull": False}) if self.value() in FACTS else queryset


class FallbackFilter(admin.SimpleListFilter):
    """The copies that replace one on an earlier channel; offered where there are any, or they are asked for."""

    title, parameter_name = "channel", "fallback"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        batches = scoped(Batch.objects.filter(fallbacks__gt=0), Access.of(request))
        return [("1", "Fallback copies")] if self.value() or batches.exists() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(replaces__isnull=False) if self.value() == "1" else queryset


class EventFilter(admin.SimpleListFilter):
    title = parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        types = dict.fromkeys([*OF_SENDING, *offered(request), self.value()])
        return [(value, str(label)) for value, label in DeliveryEvent.Type.choices if value in types]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(type=self.value()) if self.value() else queryset


class RecentFilter(admin.SimpleListFilter):
    """The rows behind the dashboard's sums, which are of batches: ids grow with them, and have an index."""

    title = "when it began"
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(DAYS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() not in DAYS:
            return queryset
        since = timezone.now() - timedelta(days=int(self.value() or 0))
        first = Batch.objects.filter(created__gte=since).aggregate(first=Min("first_id"))["first"]
        return queryset.filter(pk__gte=first) if first else queryset.none()
