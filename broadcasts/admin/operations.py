from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from broadcasts import health
from broadcasts.models import AuditEntry, Heartbeat, IdempotencyKey, User

from .access import Access
from .base import ReadOnlyAdmin
from .filters import choice_filter, row_filter

AUDITED = (
    "apitoken",
    "broadcast",
    "channel",
    "contact",
    "delivery",
    "importjob",
    "invitation",
    "member",
    "organization",
    "segment",
    "suppression",
    "user",
)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    """What a repeated request was answered; an answer may hold people's data, so only managers see it."""

    view_act = "manage"
    list_display = ["key", "status_code", "organization", "created"]
    list_select_related = ["organization"]
    search_fields = ["key__exact"]
    sortable_by = []


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Signs of life of the workers, which serve every organization alike."""

    by_organization = False
    list_display = ["name", "host", "enqueued_at", "beaten_at"]
    search_fields = ["name", "host"]

    def may(self, request: HttpRequest, act: str, obj: Any = None) -> bool:
        return super().may(request, act)

    def get_queryset(self, request: HttpRequest) -> Any:
        return health.signs_of_life()


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what; sign-ins and what else is about accounts only where one may manage members."""

    list_display = ["created", "actor", "act", "model", "label", "organization"]
    list_select_related = ["organization"]
    list_filter = [choice_filter("model", [(name, name) for name in AUDITED]), row_filter(User)]
    search_fields = ["object_id__exact"]
    search_help_text = "The id of the row that was acted on."
    sortable_by = []

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        managed = Access.of(request).organizations("manage")
        return rows if managed is None else rows.exclude(~Q(organization__in=managed), model__in=AuditEntry.ACCOUNTS)
