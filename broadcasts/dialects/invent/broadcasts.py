"""`/orgs/{org}/broadcasts`: drafts, their times, and sending them."""

from typing import Any, ClassVar

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import drafting, sending
from broadcasts.dialects.paging import MOST, PageSerializer, window
from broadcasts.dialects.views import DoneSerializer
from broadcasts.exceptions import InvalidInput, NotReady, WrongState
from broadcasts.models import Broadcast, Organization, Template

from .serializers import STATUS_FILTERS, InventBroadcastInput, InventBroadcastSerializer
from .views import InventView, loaded, numbers

Status = Broadcast.Status
SENDABLE = "Can only send broadcasts in DRAFT, CANCELLED or FAILED status."
NOT_ONE_PERSON = "Writing to one person is not available here."
# What the vendor's newer call takes to write to one person; here it would write to everybody.
OF_ONE_PERSON = (
    *("contact_id", "phone", "email", "contact_channel_id", "variables", "template_ids", "background", "name"),
)


class InventListSerializer(PageSerializer):
    take = serializers.IntegerField(required=False, default=MOST, min_value=1, max_value=MOST)


class InventBroadcastListSerializer(InventListSerializer):
    status = serializers.ChoiceField(required=False, choices=STATUS_FILTERS)
    search = serializers.CharField(required=False, max_length=256, help_text="A part of the name.")


class InventBroadcasts(InventView):
    @extend_schema(
        summary="List broadcasts",
        description="Newest first; counts of drafts are 0 here.",
        parameters=[InventBroadcastListSerializer],
        responses=InventBroadcastSerializer(many=True),
    )
    def get(self, request: Request, org: str) -> Response:
        asked = self.asked(InventBroadcastListSerializer)
        rows = self.broadcasts()
        if (status := asked.get("status", "ALL")) != "ALL":
            rows = rows.filter(status__in=[status, Status.PAUSED] if status == Status.SENDING else [status])
        if search := asked.get("search"):
            rows = rows.filter(name__icontains=search)
        page = loaded(rows.order_by("-created", "-pk")[slice_of(asked)])
        data = InventBroadcastSerializer(page, many=True, context=self.context(**numbers(page))).data
        return Response(data, headers={"X-Result-Count": str(rows.count())})

    @extend_schema(
        summary="Make a broadcast",
        description="As a draft. Where the organization has a default template and the body an audience, it is also "
        "scheduled for `scheduled_at`, or sent at once if that is null and not left out; the key must allow to send.",
        request=InventBroadcastInput,
        responses=InventBroadcastSerializer,
    )
    def post(self, request: Request, org: str) -> Response:
        given = self.read(InventBroadcastInput)
        is_due = begins(given, self.organization)
        if is_due and not self.may("send"):
            raise PermissionDenied()
        with transaction.atomic():
            empty = Broadcast(organization=self.organization)
            broadcast = drafting.save(empty, {**values(given), "messages": []}, by=self.user)
            if is_due:
                send(broadcast, self.user)
        return self.shown(broadcast)


class InventOneBroadcast(InventView):
    @extend_schema(summary="Read a broadcast", responses=InventBroadcastSerializer)
    def get(self, request: Request, org: str, id: str) -> Response:
        return self.shown(self.broadcast())

    @extend_schema(
        summary="Change a broadcast",
        description="A scheduled one whose `scheduled_at` becomes null is a draft again.",
        request=InventBroadcastInput(partial=True),
        responses=InventBroadcastSerializer,
    )
    def patch(self, request: Request, org: str, id: str) -> Response:
        broadcast = self.broadcast()
        given = self.read(InventBroadcastInput, partial=True)
        with transaction.atomic():
            if broadcast.status == Status.SCHEDULED and given.get("scheduled_at", "") is None:
                sending.unschedule(broadcast, self.user)
            extra = {} if "scheduled_at" not in given else {"extra": broadcast.extra | {"invent": {}}}
            broadcast = drafting.save(broadcast, values(given) | extra, by=self.user)
        return self.shown(broadcast)

    @extend_schema(summary="Delete a broadcast", responses={200: DoneSerializer})
    def delete(self, request: Request, org: str, id: str) -> Response:
        drafting.delete(self.broadcast(), by=self.user)
        return Response({"success": True})


class InventSendBroadcast(InventView):
    acts: ClassVar[dict[str, str]] = {"POST": "send"}

    @extend_schema(
        summary="Send or schedule",
        description="Schedules it where `scheduled_at` lies ahead, and begins at once otherwise. One without a "
        "template says what the organization's default template says. A cancelled one only if it never began.",
        request=None,
        responses=InventBroadcastSerializer,
    )
    def post(self, request: Request, org: str, id: str) -> Response:
        broadcast = self.broadcast()
        if isinstance(request.data, dict) and (named := [name for name in OF_ONE_PERSON if name in request.data]):
            raise serializers.ValidationError({name: [NOT_ONE_PERSON] for name in named})
        send(broadcast, self.user)
        return self.shown(broadcast)


class InventCancelBroadcast(InventView):
    acts: ClassVar[dict[str, str]] = {"POST": "send"}

    @extend_schema(summary="Stop for good", request=None, responses=InventBroadcastSerializer)
    def post(self, request: Request, org: str, id: str) -> Response:
        broadcast = self.broadcast()
        sending.cancel(broadcast, self.user)
        return self.shown(broadcast)


def begins(given: dict[str, Any], organization: Organization) -> bool:
    """Tell whether creating a broadcast also sends or schedules it.

    It does where the body has a time, which may be null, and an audience, and the organization a default template.
    """
    is_meant = "scheduled_at" in given and (given.get("send_to_all") or given.get("segment_ids"))
    return bool(is_meant and organization.default_template)


@transaction.atomic
def send(broadcast: Broadcast, by: Any) -> None:
    """Schedule a broadcast whose time lies ahead, else send it now; a cancelled one is reopened first.

    Raises NotReady where it says nothing and there is no default template, WrongState where it cannot be sent.
    """
    if broadcast.status == Status.CANCELLED:
        sending.reopen(broadcast, by)
    try:
        broadcast = drafting.lock(broadcast)
    except WrongState:
        raise WrongState(SENDABLE) from None
    if broadcast.status == Status.SCHEDULED:
        raise WrongState(SENDABLE)
    at = broadcast.scheduled_at
    try:
        if not broadcast.messages.exists() and (template := broadcast.organization.default_template):
            broadcast = drafting.save(broadcast, says(template), by=by)
        if at and at > timezone.now():
            sending.schedule(broadcast, by=by)
        else:
            if at is None:
                drafting.save(broadcast, {"extra": broadcast.extra | {"invent": {"at_once": True}}}, by=by)
                broadcast.refresh_from_db()
            sending.send(broadcast, by)
    except InvalidInput as error:
        if set(error.errors) <= {"messages", "body"}:
            raise NotReady(f"It says nothing yet: add a template with content. ({error})") from None
        raise


def says(template: Template) -> dict[str, Any]:
    """Return the values of `drafting.save` for what a template says, in its own languages."""
    languages = [one.language for one in template.usable()]
    primary = template.organization.primary_language
    base = {} if primary in languages or not languages else {"base_language": languages[0]}
    return {"messages": [{"template": template}], **base}


def values(given: dict[str, Any]) -> dict[str, Any]:
    """Return what `drafting.save` takes, of what Invent's clients write."""
    renamed = {"segment_ids": "segments"}
    return {renamed.get(name, name): value for name, value in given.items()}


def slice_of(asked: dict[str, Any]) -> slice:
    return window(asked["page"], asked["take"])
