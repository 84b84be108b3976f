"""Begin a broadcast to people that a page shows: a segment, chosen contacts, an activity, or those of an import."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import NoReverseMatch, path, reverse

from broadcasts import formats, importing, starting
from broadcasts.database import as_id
from broadcasts.models import Activity, Attendance, Broadcast, Contact, ImportJob, Organization, Segment

from .access import Access, chosen_organization, scoped
from .base import row_url

MOST_NAMED = 100  # chosen contacts, as many as the form of a broadcast edits one by one


class BeginPage(admin.ModelAdmin):
    """The address that makes a draft and opens its steps; for the admin of broadcasts."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.begin_view)
        return [path("begin/", view, name="broadcasts_broadcast_begin"), *super().get_urls()]

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        """Make a draft to `segment`, `contacts`, `activity` (with `attendance_status`) or `import`; or to nobody."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        organization, name, who = _asked(request)
        return begin(request, organization, name, **who)


def begin(request: HttpRequest, organization: Organization, name: str, **who: Any) -> HttpResponse:
    """Make a draft to these people and open it where its audience is chosen."""
    if not Access.of(request).may("write", organization.pk):
        raise PermissionDenied
    broadcast = starting.broadcast_to(organization, who, name=name, by=Access.of(request).user)
    return HttpResponseRedirect(step_url(broadcast, "who"))


def step_url(broadcast: Broadcast, step: str) -> str:
    """Return the address of a step of composing a broadcast."""
    try:
        return reverse("admin:broadcasts_broadcast_compose", args=[broadcast.pk, step])
    except NoReverseMatch:
        return row_url(Broadcast, broadcast.pk)


def _asked(request: HttpRequest) -> tuple[Organization, str, dict[str, Any]]:
    """Return the organization, the name and the audience of the draft that a form asks for."""
    asked = request.POST
    if pk := asked.get("segment"):
        segment = _one(request, Segment, pk)
        return segment.organization, f"To {segment}", {"segments": [segment]}
    if pks := asked.getlist("contacts"):
        return _to_contacts(request, pks)
    if pk := asked.get("activity"):
        return _to_activity(_one(request, Activity, pk), asked.get("attendance_status", ""))
    if pk := asked.get("import"):
        segment = importing.segment_of(_one(request, ImportJob, pk))
        if segment is None:
            raise Http404("The people of this import are in no segment.")
        return segment.organization, f"To {segment}", {"segments": [segment]}
    return chosen_organization(request, asked), "", {}


def _to_contacts(request: HttpRequest, pks: list[str]) -> tuple[Organization, str, dict[str, Any]]:
    rows = scoped(Contact.objects.select_related("organization"), Access.of(request), "write")
    contacts = list(rows.filter(pk__in=[as_id(pk) or 0 for pk in pks[:MOST_NAMED]]))
    if not contacts or len(pks) > MOST_NAMED or len({one.organization_id for one in contacts}) > 1:
        raise Http404
    return contacts[0].organization, name_for(len(contacts)), {"contacts": contacts}


def _to_activity(activity: Activity, status: str) -> tuple[Organization, str, dict[str, Any]]:
    if status and status not in Attendance.Status.values:
        raise Http404
    words = f" ({Attendance.Status(status).label.lower()})" if status else ""
    who = {"activity": activity, "attendance_status": status or None}
    return activity.organization, f"To {activity}{words}", who


def name_for(n: int) -> str:
    """Return the name of a broadcast to chosen people, without theirs: erasing a person leaves names as they are."""
    return "To 1 person" if n == 1 else f"To {formats.number(n)} people"


def _one(request: HttpRequest, model: Any, pk: str) -> Any:
    rows = scoped(model.objects.select_related("organization"), Access.of(request), "write")
    row = rows.filter(pk=as_id(pk) or 0).first()
    if row is None:
        raise Http404
    return row
