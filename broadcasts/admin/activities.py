from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from broadcasts.models import Activity, Attendance, Contact

from .base import OrganizationAdmin, list_url
from .filters import choice_filter, row_filter
from .search import by_contact


@admin.register(Activity)
class ActivityAdmin(OrganizationAdmin):
    list_display = ["name", "series", "kind", "starts_at", "place", "organization"]
    list_select_related = ["organization"]
    search_fields = ["name", "series", "external_id__exact"]
    ordering = ["-starts_at"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "name", "series", "kind", "starts_at", "ends_at", "place", "external_id"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.fields, *(["attendances"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), "attendances"]

    @admin.display(description="attendances")
    def attendances(self, activity: Activity) -> str:
        return format_html('<a href="{}">Who booked and came</a>', list_url(Attendance, activity=activity.pk))


@admin.register(Attendance)
class AttendanceAdmin(OrganizationAdmin):
    list_display = ["contact", "activity", "status", "at"]
    list_select_related = ["contact", "activity"]
    list_filter = [choice_filter("status", Attendance.Status), row_filter(Activity), row_filter(Contact)]
    search_fields = ["contact__email_key"]
    search_help_text = "The contact's whole address or id, or how its name or e-mail address begins."
    sortable_by: Any = []
    autocomplete_fields = ["activity", "contact"]
    fields = ["activity", "contact", "status", "at"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return by_contact(request, queryset, search_term)
