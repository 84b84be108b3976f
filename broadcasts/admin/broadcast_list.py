"""The list of broadcasts: its columns, its filters, and where its rows lead."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from broadcasts import formats, stats
from broadcasts.models import Broadcast, Delivery, UseCase

from .base import list_url, number
from .filters import choice_filter
from .paginator import PagedList
from .search import as_uuid

COMPOSED = {Broadcast.Status.DRAFT, Broadcast.Status.FAILED}  # a list leads from these to their steps


class BroadcastList(PagedList):
    """Reads the counts of all rows of a page by one query, and leads from drafts to their steps."""

    def url_for_result(self, result: Any) -> str:
        if result.status in COMPOSED and not self.is_popup:
            return reverse("admin:broadcasts_broadcast_compose_entry", args=[result.pk])
        return super().url_for_result(result)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        numbers = stats.counts(self.result_list)
        for broadcast in self.result_list:
            broadcast.numbers = numbers[broadcast.pk]


class BroadcastListing(admin.ModelAdmin):
    """The list; for the admin of broadcasts."""

    list_display = ["name", "shown_status", "via", "shown_time", "recipients", "sent", "failed", "organization"]
    list_select_related = ["organization"]
    list_filter = [choice_filter("status", Broadcast.Status), choice_filter("use_case", UseCase)]
    search_fields = ["name"]
    search_help_text = "A part of the name, or the uuid."
    sortable_by = ["name", "shown_time"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return BroadcastList

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("messages__channel")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        if uuid := as_uuid(search_term.strip()):
            return queryset.filter(uuid=uuid), False
        if request.GET.get("field_name") == "retarget_of":  # its autocomplete
            queryset = queryset.filter(Broadcast.BEGUN)
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="status", ordering="status")
    def shown_status(self, broadcast: Broadcast) -> str:
        return format_html(
            '<span class="status status-{}">{}</span>', broadcast.status.lower(), broadcast.get_status_display()
        )

    @admin.display(description="through")
    def via(self, broadcast: Broadcast) -> str:
        return ", ".join(str(message.channel) for message in broadcast.messages.all() if message.channel) or "-"

    @admin.display(description="time", ordering="scheduled_at", empty_value="-")
    def shown_time(self, broadcast: Broadcast) -> Any:
        if at := broadcast.completed_at or broadcast.started_at:
            return at
        at = broadcast.due_from if broadcast.status == Broadcast.Status.SCHEDULED else broadcast.scheduled_at
        return formats.planned(at, broadcast.organization.zone) if at else None

    @admin.display(description="recipients")
    def recipients(self, broadcast: Broadcast) -> str:
        return self._count(broadcast, "recipients")

    @admin.display(description="sent")
    def sent(self, broadcast: Broadcast) -> str:
        return self._count(broadcast, "sent", status="sent")

    @admin.display(description="failed")
    def failed(self, broadcast: Broadcast) -> str:
        return self._count(broadcast, "failed", status="failed")

    def _count(self, broadcast: Any, name: str, **params: str) -> str:
        if not broadcast.has_begun:
            return "-"
        address = list_url(Delivery, broadcast=broadcast.pk, **params)
        return format_html('<a href="{}">{}</a>', address, number(broadcast.numbers[name]))
