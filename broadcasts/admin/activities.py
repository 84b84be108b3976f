from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from broadcasts.models import Activity, Attendance, Contact

from .base import OrganizationAdmin, list_url
from .by_contact import ByContact
from .filters import choice_filter, row_filter


@admin.register(Activity)
class ActivityAdmin(OrganizationAdmin):
    list_display = ["name", "series", "kind", "starts_at", "place", "organization"]
    list_select_related = ["organization"]
    search_fields = ["name", "series", "external_id__exact"]
    ordering = ["-starts_at"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "name", "series", "kind", "starts_at", "ends_at", "place", "external_id"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.fields, *(["attendances"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), "attendances"]

    @admin.display(description="attendances")
    def attendances(self, activity: Activity) -> str:
        return format_html('<a href="{}">Who booked and came</a>', list_url(Attendance, activity=activity.pk))


@admin.register(Attendance)
class AttendanceAdmin(ByContact, OrganizationAdmin):
    list_display = ["contact", "activity", "status", "at"]
    list_select_related = ["contact", "activity"]
    list_filter = [choice_filter("status", Attendance.Status), row_filter(Activity), row_filter(Contact)]
    autocomplete_fields = ["activity", "contact"]
    fields = ["activity", "contact", "status", "at"]
