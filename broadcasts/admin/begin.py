"""Begin a broadcast to people that a page shows: a segment, chosen contacts, an activity, or those of an import."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from broadcasts import formats, importing, segmenting, starting
from broadcasts.database import as_id
from broadcasts.exceptions import BroadcastsError, InvalidInput
from broadcasts.models import (
    Activity,
    Attendance,
    AuditEntry,
    Broadcast,
    Contact,
    ImportJob,
    Organization,
    Segment,
)

from .access import Access, chosen_organization, scoped

FILTERS = ("status", "language", "segment")  # of the list of contacts, which conditions of rules are called too
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
        return begin(request, *_asked(request))


class BeginInList(admin.ModelAdmin):
    """A button in each row of a list that begins a broadcast to its people; goes before OrganizationAdmin."""

    change_list_template = "admin/broadcasts/begin_list.html"

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        offered = Access.of(request).may("write") and "_popup" not in request.GET
        return [columns[0], "send_to_them", *columns[1:]] if offered else columns

    @admin.display(description="send")
    def send_to_them(self, row: Any) -> str:
        button = '<button type="submit" form="begin" name="{}" value="{}" class="button" aria-label="{}">{}</button>'
        return format_html(button, self.opts.model_name, row.pk, f"Send to {row}", "Send to these")


class SendToChosen(admin.ModelAdmin):
    """An action on the list of contacts: to those that are ticked, or to all that the search and the filters find."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        if not Access.of(request).may("write") or "_popup" in request.GET:
            return found
        return {"send_to_these": (_send_to_these, "send_to_these", "Send to these"), **found}


def _send_to_these(modeladmin: Any, request: HttpRequest, contacts: QuerySet[Contact]) -> HttpResponse | None:
    try:
        return begin(request, *_chosen(request, contacts))
    except BroadcastsError as error:
        messages.error(request, f"Nothing was made: {error}")
        return None


def _chosen(request: HttpRequest, contacts: QuerySet[Contact]) -> tuple[Organization, str, dict[str, Any]]:
    """Return the audience of the contacts that were ticked, or of all that match.

    What filters find becomes a rule, however many they are; what words find, which are few, becomes a segment.
    """
    organization = _owner(request, contacts)
    if request.POST.get("select_across") != "1":
        chosen = list(contacts[: MOST_NAMED + 1])
        if len(chosen) <= MOST_NAMED:
            return organization, name_for(len(chosen)), {"contacts": chosen}
    elif not request.GET.get(SEARCH_VAR, "").strip():
        return _by_filters(request, organization)
    name = f"Chosen contacts, {formats.moment(timezone.now(), organization.zone)}"
    segment, n = segmenting.create(organization, name, contacts)
    AuditEntry.write(segment, "create", organization=organization, user=Access.of(request).user)
    return organization, name_for(n), {"segments": [segment]}


def _by_filters(request: HttpRequest, organization: Organization) -> tuple[Organization, str, dict[str, Any]]:
    """Return the audience that the filters of the list of contacts choose, as a segment or a rule."""
    rule = {name: value for name in FILTERS if (value := request.GET.get(name))}
    if not rule:
        return organization, "To everybody", {"send_to_all": True}
    if pk := rule.get("segment"):
        segment = _one(request, Segment, pk)
        if len(rule) == 1:
            return organization, f"To {segment}", {"segments": [segment]}
        rule["segment"] = str(segment.uuid)
    return organization, "To contacts by a filter", {"query": rule}


def _owner(request: HttpRequest, contacts: QuerySet[Contact]) -> Organization:
    """Return the organization of contacts, of which there may be millions; raises InvalidInput if they have several."""
    access = Access.of(request)
    if named := access.only_organization or as_id(request.GET.get("organization", "")):
        return get_object_or_404(scoped(Organization.objects.all(), access), pk=named)
    if pk := as_id(request.GET.get("segment", "")):
        return _one(request, Segment, str(pk)).organization
    rows = contacts.order_by().values_list("organization", flat=True)
    owners = set(rows[: MOST_NAMED + 1]) if request.POST.get("select_across") != "1" else set()
    if len(owners) != 1:
        raise InvalidInput({"organization": "Choose one organization in the filter first: a broadcast is of one."})
    return Organization.objects.get(pk=owners.pop())


def begin(request: HttpRequest, organization: Organization, name: str, who: Mapping[str, Any]) -> HttpResponse:
    """Make a draft to these people and open it where its audience is chosen."""
    if not Access.of(request).may("write", organization.pk):
        raise PermissionDenied
    broadcast = starting.broadcast_to(organization, who, name=name, by=Access.of(request).user)
    return HttpResponseRedirect(step_url(broadcast, "who"))


def step_url(broadcast: Broadcast, step: str) -> str:
    """Return the address of a step of composing a broadcast."""
    return reverse("admin:broadcasts_broadcast_compose", args=[broadcast.pk, step])


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
