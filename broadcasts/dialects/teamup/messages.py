"""`/api/v2/communication/broadcast_messages`: made as drafts, sent by a second call."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer, ValidationError

from broadcasts import audience, drafting, sending, stats
from broadcasts.audience import Audience
from broadcasts.exceptions import EmptyAudience, NotReady
from broadcasts.models import Broadcast, Channel, Medium, Organization, Syntax

from .picking import Tree, expansions
from .queries import audience_of
from .serializers import (
    TeamUpChangeInput,
    TeamUpMessageForm,
    TeamUpMessageInput,
    TeamUpMessageSerializer,
    TeamUpMessagesSerializer,
    message_of,
)
from .views import TeamUpPageSerializer, TeamUpView

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
NO_CHANNEL = "There is no default SMS channel, and no default e-mail channel with a default subject."


class TeamUpMessageView(TeamUpView):
    def broadcasts(self) -> QuerySet[Broadcast]:
        rows = Broadcast.objects.for_organization(self.organization).select_related("author")
        return rows.prefetch_related("messages__translations")

    def broadcast(self) -> Broadcast:
        row = self.broadcasts().filter(pk=self.number(self.kwargs["id"])).first()
        if row is None:
            raise NotFound()
        return row

    def given(self, form: type[Serializer], **kwargs: Any) -> dict[str, Any]:
        serializer = form(data=self.body(), context=self.context(), **kwargs)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def shown(self, broadcast: Broadcast, status: int = 200) -> Response:
        expand = expansions(self.request)
        row = self.broadcasts().get(pk=broadcast.pk)
        return self.answer(message_of(row, counts_of(row), expand), status)


class TeamUpMessages(TeamUpMessageView):
    @extend_schema(
        summary="List broadcast messages",
        parameters=[TeamUpPageSerializer],
        responses=TeamUpMessagesSerializer,
    )
    def get(self, request: Request) -> Response:
        expand = expansions(request)
        return self.page(self.broadcasts().order_by("-created", "-pk"), lambda rows: listed(rows, expand))

    @extend_schema(
        summary="Make a broadcast message",
        description="As a draft: a second call sends it.",
        request={"application/json": TeamUpMessageInput} | dict.fromkeys(FORMS, TeamUpMessageForm),
        responses={201: TeamUpMessageSerializer},
    )
    def post(self, request: Request) -> Response:
        expansions(request)
        given = self.given(TeamUpMessageInput)
        target = given["target_recipients"]
        values = {
            "name": given["message"].strip().splitlines()[0][:60],
            "use_case": given["use_case"],
            "messages": [content(given["message"], self.organization)],
            "extra": {"teamup": {"target_recipients": target}},
            **audience_of(target, self.organization),
        }
        broadcast = drafting.save(Broadcast(organization=self.organization), values, by=self.user)
        return self.shown(broadcast, 201)


class TeamUpOneMessage(TeamUpMessageView):
    @extend_schema(summary="Read a broadcast message", responses=TeamUpMessageSerializer)
    def get(self, request: Request, id: str) -> Response:
        return self.shown(self.broadcast())

    @extend_schema(summary="Write a broadcast message", request=TeamUpChangeInput, responses=TeamUpMessageSerializer)
    def put(self, request: Request, id: str) -> Response:
        return self.write(partial=False)

    @extend_schema(
        summary="Change a broadcast message", request=TeamUpChangeInput(partial=True), responses=TeamUpMessageSerializer
    )
    def patch(self, request: Request, id: str) -> Response:
        return self.write(partial=True)

    def write(self, partial: bool) -> Response:
        broadcast = self.broadcast()
        given = self.given(TeamUpChangeInput, partial=partial)
        values: dict[str, Any] = {"use_case": given["use_case"]} if "use_case" in given else {}
        if "message" in given:
            values["messages"] = [content(given["message"], self.organization)]
        return self.shown(drafting.save(broadcast, values, by=self.user))


class TeamUpSendMessage(TeamUpMessageView):
    @extend_schema(
        summary="Send a broadcast message",
        description="The body is ignored.",
        request=None,
        responses=TeamUpMessageSerializer,
    )
    def post(self, request: Request, id: str) -> Response:
        if not self.may("send"):
            raise PermissionDenied()
        broadcast = self.broadcast()
        if broadcast.is_editable and not broadcast.messages.filter(channel__isnull=False).exists():
            raise ValidationError({"non_field_errors": [NO_CHANNEL]})
        try:
            sending.send(broadcast, self.user)
        except (EmptyAudience, NotReady) as error:
            raise ValidationError({"non_field_errors": [str(error)]}) from None
        return self.shown(broadcast)


def channel_of(organization: Organization) -> Channel | None:
    """Return the default SMS channel, else that of e-mail where a subject is set; None for neither."""
    mail = organization.default_channel(Medium.EMAIL) if organization.default_subject else None
    return organization.default_channel(Medium.SMS) or mail


def content(text: str, organization: Organization) -> dict[str, Any]:
    """Return a message as `drafting.save` takes it: plain text on the default channel."""
    subject = {"subject": organization.default_subject} if organization.default_subject else {}
    return {
        "channel": channel_of(organization),
        "template": None,  # whose design, if it is fixed, would be sent instead
        "syntax": Syntax.PLAIN,
        "translations": {organization.primary_language: {"text": text, **subject}},
    }


def counts_of(broadcast: Broadcast) -> dict[str, int]:
    """Return the numbers of one broadcast: an estimate before its start, the log's afterwards."""
    if broadcast.status in Broadcast.STARTED:
        return _counted(stats.counts([broadcast])[broadcast.pk])
    found = audience.estimate(Audience.of(broadcast), audience.routes_of(broadcast))
    return {"recipients": found.will_receive, "non_recipients": found.matched - found.will_receive}


def listed(rows: list[Broadcast], expand: Tree) -> list[dict[str, Any]]:
    """Return broadcasts of a list, of which drafts have no estimate."""
    numbers = stats.counts(rows)
    nothing = {"recipients": 0, "non_recipients": 0}
    return [
        message_of(row, _counted(numbers[row.pk]) if row.status in Broadcast.STARTED else nothing, expand)
        for row in rows
    ]


def _counted(numbers: dict[str, int]) -> dict[str, int]:
    return {
        "recipients": numbers["recipients"],
        "non_recipients": numbers["skipped"],
        **{name: numbers[name] for name in ("pending", "sent", "delivered")},
        "failed": numbers["failed"] + numbers["unknown"],
    }
