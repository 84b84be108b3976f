"""`/v1/broadcasts`: drafts, their times, and what became of them."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import drafting, sending, stats
from broadcasts.dialects.paging import cut
from broadcasts.dialects.views import DoneSerializer
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Medium, Organization, Template, TemplateTranslation

from .errors import in_their_words
from .parameters import ours
from .serializers import (
    ENGAGEMENTS,
    KNOWN_STATUSES,
    STATUSES,
    WhautomateBroadcastInput,
    WhautomateBroadcastSerializer,
    attendance_status,
)
from .views import WhautomateListSerializer, WhautomateView, names_location

KEPT = ("type", "targetClassStatus", "retargetEngagementType", "headerTextParameters")  # for reading back
NEEDS_TIME = "A scheduled broadcast needs a scheduleDateTime."
NO_TARGET = "Choose segments, a targetClass or a retargetBroadcast first."
NO_TEMPLATE = "Choose a template first."


@extend_schema_field(str)
class DayOrMomentField(serializers.Field):
    """The beginning and the end of a day, or a moment twice; in UTC."""

    def to_internal_value(self, data: Any) -> tuple[datetime, datetime]:
        text = str(data)
        try:
            if len(text) == len("2030-01-01"):
                begin = datetime.combine(date.fromisoformat(text), time.min, UTC)
                return begin, begin + timedelta(days=1) - timedelta(microseconds=1)
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC), moment.astimezone(UTC)
        except (ValueError, OverflowError):
            message = "Give a day or a moment, such as 2030-01-31 or 2030-01-31T10:00:00Z."
            raise serializers.ValidationError(message) from None


class WhautomateFilterSerializer(WhautomateListSerializer):
    startDate = DayOrMomentField(required=False)
    endDate = DayOrMomentField(required=False)
    locationId = serializers.CharField(required=False)
    searchText = serializers.CharField(required=False, help_text="A part of the name.")
    status = serializers.ChoiceField(required=False, choices=KNOWN_STATUSES)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "startDate" in attrs and "endDate" in attrs and attrs["endDate"][1] < attrs["startDate"][0]:
            raise serializers.ValidationError({"endDate": ["It is before startDate."]})
        return attrs


class WhautomateBroadcastView(WhautomateView):
    def broadcasts(self) -> QuerySet[Broadcast]:
        rows = Broadcast.objects.for_organization(self.organization).select_related("activity", "retarget_of")
        return rows.prefetch_related("segments", "messages__template", "messages__translations")

    def broadcast(self) -> Broadcast:
        return self.find(self.broadcasts(), self.kwargs["id"])

    def data(self, rows: list[Broadcast]) -> list[dict[str, Any]]:
        context = self.context(counts=stats.counts(rows))
        return list(WhautomateBroadcastSerializer(rows, many=True, context=context).data)

    def shown(self, broadcast: Broadcast) -> Response:
        return Response(self.data([self.broadcasts().get(pk=broadcast.pk)])[0])

    @transaction.atomic
    def write(self, broadcast: Broadcast, given: dict[str, Any]) -> Broadcast:
        """Write a broadcast as a whole, and schedule it where the body says so."""
        status, at = given.get("status", "").lower(), given.get("scheduleDateTime")
        if status == "scheduled" and at is None:
            raise InvalidInput({"scheduleDateTime": NEEDS_TIME})
        is_due = at is not None and status != "draft"
        if is_due and not self.may("send"):
            raise PermissionDenied()
        with in_their_words():
            if broadcast.status == Broadcast.Status.SCHEDULED:
                sending.unschedule(broadcast, self.user)
            elif broadcast.status == Broadcast.Status.CANCELLED and status == "draft":
                sending.reopen(broadcast, self.user)
            broadcast = drafting.save(broadcast, values(given, self.organization), by=self.user)
            if is_due:
                _check_ready(given)
                sending.schedule(broadcast, by=self.user)
        return broadcast


class WhautomateBroadcasts(WhautomateBroadcastView):
    @extend_schema(
        summary="List broadcasts",
        description="Newest first.",
        parameters=[WhautomateFilterSerializer],
        responses=WhautomateBroadcastSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(WhautomateFilterSerializer)
        if "locationId" in asked and not names_location(self.organization, asked["locationId"]):
            return Response([])
        rows = self.broadcasts().alias(of=Coalesce("scheduled_at", "created")).filter(_clause(asked))
        return Response(self.data(cut(rows.order_by("-created", "-pk"), asked["page"], asked["limit"])))

    @extend_schema(
        summary="Make a broadcast",
        description="With a scheduleDateTime it is scheduled, unless `status` is draft; without one it is a draft.",
        request=WhautomateBroadcastInput,
        responses=WhautomateBroadcastSerializer,
    )
    def post(self, request: Request) -> Response:
        given = self.read(WhautomateBroadcastInput)
        return self.shown(self.write(Broadcast(organization=self.organization), given))


class WhautomateOneBroadcast(WhautomateBroadcastView):
    @extend_schema(summary="Read a broadcast", responses=WhautomateBroadcastSerializer)
    def get(self, request: Request, id: str) -> Response:
        return Response(self.data([self.broadcast()])[0])

    @extend_schema(
        summary="Write a broadcast",
        description="As a whole: an optional key that is missing is cleared. Only a draft, or one that is scheduled or "
        "failed; `status` cancelled stops one that is scheduled or being sent. One that was cancelled before it began "
        "is a draft again with `status` draft.",
        request=WhautomateBroadcastInput,
        responses=WhautomateBroadcastSerializer,
    )
    def put(self, request: Request, id: str) -> Response:
        broadcast, given = self.broadcast(), self.read(WhautomateBroadcastInput)
        if given.get("status", "").lower() == "cancelled":
            if not self.may("send"):
                raise PermissionDenied()
            sending.cancel(broadcast, self.user)
            return self.shown(broadcast)
        return self.shown(self.write(broadcast, given))

    @extend_schema(summary="Delete a broadcast", responses={200: DoneSerializer})
    def delete(self, request: Request, id: str) -> Response:
        drafting.delete(self.broadcast(), by=self.user)
        return Response({"success": True})


def values(given: dict[str, Any], organization: Organization) -> dict[str, Any]:
    """Return what `drafting.save` takes, of a whole body: what is missing is cleared."""
    activity, parent = given.get("targetClass"), given.get("retargetBroadcast")
    template = given.get("template")
    stored = find_template(organization, template["name"], template["language"]) if template else None
    kept = {name: given[name] for name in KEPT if name in given}
    message: dict[str, Any] = {"parameters": ours(given, stored.structure if stored else {})}
    found: dict[str, Any] = {}
    if stored and template:
        kept["language"] = template["language"]
        message |= {"channel": stored.template.channel, "template": stored.template}
        message["translations"] = {stored.tag or stored.language: stored.content()}
        found["base_language"] = stored.language
    elif message["parameters"]:
        message |= {"channel": organization.default_channel(Medium.WHATSAPP), "template": None}
    # What a client of this API does not see must not widen its audience either.
    unseen = {"send_to_all": False, "query": {}, "addresses": [], "contacts": []}
    return (
        found
        | unseen
        | {
            "name": given["name"],
            "segments": given.get("segments", []),
            "activity": activity,
            "attendance_status": attendance_status(given.get("targetClassStatus", "ALL")) if activity else None,
            "retarget_of": parent,
            "retarget_engagement": ENGAGEMENTS[given.get("retargetEngagementType", "sent").lower()] if parent else None,
            "scheduled_at": given.get("scheduleDateTime"),
            "messages": [message] if stored or message["parameters"] else [],
            "extra": {"whautomate": kept},
        }
    )


def find_template(organization: Organization, name: str, language: str) -> TemplateTranslation:
    """Return a language of a template that a WhatsApp channel has; en_US and en-US are one."""
    templates = Template.objects.for_organization(organization).filter(medium=Medium.WHATSAPP, name=name)
    found = templates.filter(channel__isnull=False).order_by("-channel__is_default", "channel")
    template = found.select_related("channel").prefetch_related("translations").first()
    if template is None:
        raise InvalidInput({"template": f"There is no template “{name}”; sync the templates of the channel."})
    wanted = language.replace("_", "-").lower()
    for one in template.translations.all():
        if wanted in (one.language.lower(), one.tag.replace("_", "-").lower()):
            one.template = template
            return one
    has = ", ".join(one.tag or one.language for one in template.translations.all()) or "none"
    raise InvalidInput({"template": f"“{name}” has no language {language}; it has {has}."})


def _check_ready(given: dict[str, Any]) -> None:
    if not given.get("template"):
        raise InvalidInput({"template": NO_TEMPLATE})
    if not any(given.get(name) for name in ("segments", "targetClass", "retargetBroadcast")):
        raise InvalidInput({"segments": NO_TARGET})


def _clause(asked: dict[str, Any]) -> Q:
    clause = Q()
    if "startDate" in asked:
        clause &= Q(of__gte=asked["startDate"][0])
    if "endDate" in asked:
        clause &= Q(of__lte=asked["endDate"][1])
    if "searchText" in asked:
        clause &= Q(name__icontains=asked["searchText"])
    if "status" in asked:
        clause &= Q(status__in=[ours for ours, theirs in STATUSES.items() if theirs == asked["status"]])
    return clause
