from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Model
from django.http import HttpRequest, HttpResponse

from broadcasts import audience
from broadcasts.database import as_id
from broadcasts.models import Activity, Attendance, Contact

from .base import OrganizationAdmin, OrganizationForm, list_url
from .begin import BeginInList
from .by_contact import ByContact
from .filters import choice_filter, row_filter

PAGE = 50


class ActivityForm(OrganizationForm):
    """Series and place are typed as names; new ones are made."""

    series = forms.CharField(max_length=255, required=False, help_text="What its occurrences have in common.")
    place = forms.CharField(max_length=255, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.update({name: str(getattr(self.instance, name) or "") for name in Activity.SHARED})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self.typed = {name: cleaned.pop(name, "") for name in Activity.SHARED}
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:  # no row is made for a form that is refused
            for name, model in Activity.SHARED.items():
                typed = self.typed[name]
                setattr(self.instance, name, model.named(self.instance.organization, [typed]).get(typed))


@admin.register(Activity)
class ActivityAdmin(BeginInList, OrganizationAdmin):
    list_display = ["name", "series", "kind", "starts_at", "place", "organization"]
    list_select_related = ["organization", "series", "place"]
    form = ActivityForm
    search_fields = ["name", "series__name", "external_id__exact"]
    ordering = ["-starts_at"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "name", "series", "kind", "starts_at", "ends_at", "place", "external_id"]
    change_form_template = "admin/broadcasts/activity/change_form.html"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        names = {name: request.GET[name] for name in Activity.SHARED if name in request.GET}
        return super().get_changeform_initial_data(request) | names

    def users_of(self, obj: Activity) -> list[Model]:
        return audience.references_to(obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        """Name what needs an activity once, though it may need it in two ways."""
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, needed, list(dict.fromkeys(protected))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        activity = self.get_object(request, object_id)
        shown = self.places(request, activity) if activity is not None else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def places(self, request: HttpRequest, activity: Activity) -> dict[str, Any]:
        """Who has a place: how many by status, and a page of them in the order of their index."""
        after = as_id(request.GET.get("after", "")) or 0
        rows = activity.attendances.select_related("contact").filter(contact__gt=after).order_by("contact_id")
        page = list(rows[: PAGE + 1])
        counts = dict(activity.attendances.order_by().values_list("status").annotate(people=Count("pk")))
        return {
            "counts": [
                {
                    "label": status.label,
                    "people": counts[status.value],
                    "list": list_url(Attendance, activity=activity.pk, status=status.value),
                    "status": status.value,
                }
                for status in Attendance.Status
                if counts.get(status.value)
            ],
            "everybody": sum(counts.values()),
            "places": page[:PAGE],
            "after": page[PAGE - 1].contact_id if len(page) > PAGE else None,
            "may_write": self.may(request, "write", activity),
        }


@admin.register(Attendance)
class AttendanceAdmin(ByContact, OrganizationAdmin):
    list_display = ["contact", "activity", "status", "at"]
    list_select_related = ["contact", "activity"]
    list_filter = [choice_filter("status", Attendance.Status), row_filter(Activity), row_filter(Contact)]
    autocomplete_fields = ["activity", "contact"]
    fields = ["activity", "contact", "status", "at"]
