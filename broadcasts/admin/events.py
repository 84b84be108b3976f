from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest

from broadcasts import tracking
from broadcasts.models import Delivery, DeliveryEvent, Link, Message, ProviderRef

from .base import ReadOnlyAdmin, number_column
from .by_contact import is_list
from .facts import EventFilter
from .filters import row_filter

NEWEST = 100_000


class NewestFirst(ReadOnlyAdmin):
    """A log without an index by organization: only its newest rows are read, unless filtered by delivery."""

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        if not is_list(request) or request.GET.get("delivery"):
            return rows
        newest = self.model._base_manager.aggregate(newest=Max("pk"))["newest"] or 0
        return rows.filter(pk__gt=newest - NEWEST)


@admin.register(DeliveryEvent)
class DeliveryEventAdmin(NewestFirst):
    list_display = ["at", "type", "delivery", "machine", "decided_by", "created"]
    list_display_links = ["at", "type"]
    list_select_related = ["delivery"]
    list_filter = [EventFilter, row_filter(Delivery)]
    search_fields = ["delivery__exact"]
    search_help_text = "The id of a delivery. Without one, the newest events are shown."
    sortable_by = []

    @admin.display(description="why it is a machine's", empty_value="")
    def decided_by(self, event: DeliveryEvent) -> str:
        rule = event.detail.get("rule", "")
        return tracking.RULES.get(rule, rule)


@admin.register(ProviderRef)
class ProviderRefAdmin(NewestFirst):
    list_display = ["provider_id", "channel", "delivery"]
    list_select_related = ["channel", "delivery"]
    list_filter = [row_filter(Delivery)]
    search_fields = ["provider_id__exact"]
    search_help_text = "The provider's whole id."
    sortable_by = []


@admin.register(Link)
class LinkAdmin(ReadOnlyAdmin):
    list_display = [
        "url",
        "message",
        *(number_column(Link, name) for name in ("people", "clicks", "machine_clicks")),
        "created",
    ]
    list_select_related = ["message__broadcast", "message__channel"]
    list_filter = [row_filter(Message)]
    search_fields = ["url__exact"]
    search_help_text = "A whole address."
    sortable_by = []
