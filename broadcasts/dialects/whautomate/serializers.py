"""Whautomate's shape of a broadcast, in and out: one schema, since clients send back what they read."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from broadcasts.api.fields import resolve
from broadcasts.dialects.fields import StringField, UtcField, millis
from broadcasts.models import Activity, Broadcast, Engagement, Message, Segment

from .parameters import shown
from .views import location, names_location

TYPES = ("client", "contact", "class")
STATUS_OF_CLASS: dict[str, str | None] = {
    "ALL": None,
    "BOOKED": "booked",
    "WAITLISTED": "waitlisted",
    "VISITED": "attended",
    "RESCHEDULED": "rescheduled",
    "NO_SHOW": "no_show",
    "CANCELLED": "cancelled",
}
ENGAGEMENTS = {
    "sent": Engagement.SENT,
    "delivered": Engagement.DELIVERED,
    "read": Engagement.OPENED,
    "failed": Engagement.FAILED,
    "replied": Engagement.REPLIED,
}
STATUSES = {
    Broadcast.Status.DRAFT: "draft",
    Broadcast.Status.SCHEDULED: "scheduled",
    Broadcast.Status.SENDING: "sending",
    Broadcast.Status.PAUSED: "sending",
    Broadcast.Status.SENT: "sent",
    Broadcast.Status.CANCELLED: "cancelled",
    Broadcast.Status.FAILED: "failed",
}
KNOWN_STATUSES = list(dict.fromkeys(STATUSES.values()))
PROCESSED = {"totalCount": ("recipients",), "successCount": ("sent",), "failureCount": ("failed", "unknown")}
DELIVERED = {
    "sentCount": ("sent",),
    "deliveredCount": ("delivered",),
    "readCount": ("opened",),
    "failedCount": ("failed", "unknown", "bounced"),
    "repliedCount": ("replied",),
}
MOST_SEGMENTS = 100
REF = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "additionalProperties": True}


@extend_schema_field(REF)
class WhautomateRefField(serializers.Field):
    """A row of the organization: {"id": its uuid}."""

    def __init__(self, model: Any, **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("id"), str):
            raise serializers.ValidationError('Expected an object with an id, such as {"id": "…"}.')
        return resolve(self.model, [data["id"]], self.context["organization"])[0]


@extend_schema_field(REF)
class WhautomateLocationField(serializers.Field):
    """The location of the key, and no other."""

    def to_internal_value(self, data: Any) -> Any:
        key = data.get("id") if isinstance(data, dict) else None
        if not isinstance(key, str) or not names_location(self.context["organization"], key):
            raise serializers.ValidationError("This key has one location; leave it out, or read it at /v1/locations.")
        return data


class TextsField(serializers.ListField):
    """A list of texts."""

    def __init__(self, most: int, longest: int, **kwargs: Any) -> None:
        super().__init__(child=StringField(allow_blank=True, max_length=longest), max_length=most, **kwargs)


class WhautomateTemplateRefSerializer(serializers.Serializer):
    name = StringField(max_length=512)
    language = StringField(max_length=35)


class WhautomatePlaceSerializer(serializers.Serializer):
    latitude = serializers.FloatField(min_value=-90, max_value=90)
    longitude = serializers.FloatField(min_value=-180, max_value=180)
    address = StringField(required=False, allow_blank=True, max_length=1000)
    name = StringField(required=False, allow_blank=True, max_length=1000)


class WhautomateFlowSerializer(serializers.Serializer):
    flowToken = StringField(required=False, allow_blank=True, max_length=1000)
    flowData = serializers.JSONField(required=False, allow_null=True)


class WhautomateBroadcastInput(serializers.Serializer):
    """A whole broadcast. Keys that the server owns, and unknown ones, are ignored."""

    NULLS: ClassVar[dict[str, Any]] = {"required": False, "allow_null": True}

    name = StringField(max_length=255)
    type = serializers.ChoiceField(choices=TYPES)
    status = StringField(required=False, allow_null=True, allow_blank=True)
    segments = serializers.ListField(child=WhautomateRefField(Segment), max_length=MOST_SEGMENTS, **NULLS)
    targetClass = WhautomateRefField(Activity, **NULLS)
    targetClassStatus = StringField(allow_blank=True, **NULLS)
    retargetBroadcast = WhautomateRefField(Broadcast, **NULLS)
    retargetEngagementType = StringField(allow_blank=True, **NULLS)
    scheduleDateTime = UtcField(**NULLS)
    template = WhautomateTemplateRefSerializer(**NULLS)
    headerMediaUrl = StringField(allow_blank=True, max_length=2048, **NULLS)
    headerTextParameters = TextsField(10, 1024, **NULLS)
    bodyTextParameters = TextsField(100, 1024, **NULLS)
    buttonUrlParameters = TextsField(10, 2000, **NULLS)
    locationParameters = WhautomatePlaceSerializer(**NULLS)
    flowParameters = WhautomateFlowSerializer(**NULLS)
    location = WhautomateLocationField(**NULLS)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and data.get("scheduleDateTime") == "":
            data = {**data, "scheduleDateTime": None}
        return super().to_internal_value(data)

    def validate_targetClassStatus(self, value: str | None) -> str | None:
        if value and word(value) not in STATUS_OF_CLASS:
            raise serializers.ValidationError(f"“{value}” is no status; accepted: {', '.join(STATUS_OF_CLASS)}.")
        return value

    def validate_retargetEngagementType(self, value: str | None) -> str | None:
        if value and value.lower() not in ENGAGEMENTS:
            raise serializers.ValidationError(f"“{value}” is not known; accepted: {', '.join(ENGAGEMENTS)}.")
        return value

    def validate_headerMediaUrl(self, value: str | None) -> str | None:
        if value and not value.startswith("https://"):
            raise serializers.ValidationError("Give an address that begins with https://.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in attrs.items() if value not in (None, "")}
        if "targetClass" not in given:
            if given["type"] == "class":
                raise serializers.ValidationError({"targetClass": ["The type class needs a class."]})
            if word(given.get("targetClassStatus", "ALL")) != "ALL":
                raise serializers.ValidationError({"targetClassStatus": ["It needs a targetClass."]})
        if "retargetBroadcast" not in given and given.get("retargetEngagementType", "sent").lower() != "sent":
            raise serializers.ValidationError({"retargetEngagementType": ["It needs a retargetBroadcast."]})
        return given


def word(status: str) -> str:
    """Return a status of a class as STATUS_OF_CLASS has it: case, blanks, hyphens and underscores do not matter."""
    return status.strip().upper().replace("-", "_").replace(" ", "_")


CLASS_WORDS = {ours: theirs for theirs, ours in STATUS_OF_CLASS.items() if ours}
ENGAGEMENT_WORDS = {ours: theirs for theirs, ours in ENGAGEMENTS.items()}


def counters(names: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "required": list(names),
    }


class WhautomateBroadcastSerializer(serializers.Serializer):
    """A broadcast: always all 22 keys; `counts` is in the context."""

    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    type = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()
    segments = serializers.SerializerMethodField()
    targetClass = serializers.SerializerMethodField()
    targetClassStatus = serializers.SerializerMethodField()
    retargetBroadcast = serializers.SerializerMethodField()
    retargetEngagementType = serializers.SerializerMethodField()
    scheduleDateTime = serializers.SerializerMethodField()
    startedAt = serializers.SerializerMethodField()
    completedAt = serializers.SerializerMethodField()
    template = serializers.SerializerMethodField()
    headerMediaUrl = serializers.SerializerMethodField()
    headerTextParameters = serializers.SerializerMethodField()
    bodyTextParameters = serializers.SerializerMethodField()
    buttonUrlParameters = serializers.SerializerMethodField()
    locationParameters = serializers.SerializerMethodField()
    flowParameters = serializers.SerializerMethodField()
    location = serializers.SerializerMethodField()
    processedStats = serializers.SerializerMethodField()
    deliveryStats = serializers.SerializerMethodField()

    def get_type(self, broadcast: Broadcast) -> str:
        return given(broadcast).get("type", "class" if broadcast.activity_id else "client")

    @extend_schema_field(serializers.ChoiceField(choices=KNOWN_STATUSES))
    def get_status(self, broadcast: Broadcast) -> str:
        return STATUSES[Broadcast.Status(broadcast.status)]

    @extend_schema_field({"type": "array", "items": REF})
    def get_segments(self, broadcast: Broadcast) -> list[dict[str, str]]:
        return [{"id": str(one.uuid), "name": one.name} for one in broadcast.segments.all()]

    @extend_schema_field({"oneOf": [REF, {"type": "null"}]})
    def get_targetClass(self, broadcast: Broadcast) -> dict[str, str] | None:
        return ref(broadcast.activity)

    def get_targetClassStatus(self, broadcast: Broadcast) -> str | None:
        status = broadcast.attendance_status
        told = given(broadcast).get("targetClassStatus")
        if told and STATUS_OF_CLASS[word(told)] == status:
            return told
        return CLASS_WORDS.get(status, "ALL") if status else ("ALL" if broadcast.activity_id else None)

    @extend_schema_field({"oneOf": [REF, {"type": "null"}]})
    def get_retargetBroadcast(self, broadcast: Broadcast) -> dict[str, str] | None:
        return ref(broadcast.retarget_of)

    def get_retargetEngagementType(self, broadcast: Broadcast) -> str | None:
        engagement = broadcast.retarget_engagement
        if engagement is None:
            return given(broadcast).get("retargetEngagementType")
        return ENGAGEMENT_WORDS.get(Engagement(engagement), engagement)

    def get_scheduleDateTime(self, broadcast: Broadcast) -> str | None:
        return millis(broadcast.scheduled_at)

    def get_startedAt(self, broadcast: Broadcast) -> str | None:
        return millis(broadcast.started_at)

    def get_completedAt(self, broadcast: Broadcast) -> str | None:
        return millis(broadcast.completed_at)

    @extend_schema_field(WhautomateTemplateRefSerializer(allow_null=True))
    def get_template(self, broadcast: Broadcast) -> dict[str, str] | None:
        message = first(broadcast)
        if message is None or message.template is None:
            return None
        tags = [one.tag or one.language for one in message.translations.all()]
        language = given(broadcast).get("language") or next(iter(tags), broadcast.base_language)
        return {"name": message.template.name, "language": language}

    def get_headerMediaUrl(self, broadcast: Broadcast) -> str | None:
        return self._parameters(broadcast)["headerMediaUrl"]

    def get_headerTextParameters(self, broadcast: Broadcast) -> list[str]:
        return self._parameters(broadcast)["headerTextParameters"]

    def get_bodyTextParameters(self, broadcast: Broadcast) -> list[str]:
        return self._parameters(broadcast)["bodyTextParameters"]

    def get_buttonUrlParameters(self, broadcast: Broadcast) -> list[str]:
        return self._parameters(broadcast)["buttonUrlParameters"]

    @extend_schema_field(WhautomatePlaceSerializer(allow_null=True))
    def get_locationParameters(self, broadcast: Broadcast) -> dict[str, Any] | None:
        return self._parameters(broadcast)["locationParameters"]

    @extend_schema_field(WhautomateFlowSerializer(allow_null=True))
    def get_flowParameters(self, broadcast: Broadcast) -> dict[str, str] | None:
        return self._parameters(broadcast)["flowParameters"]

    @extend_schema_field(REF)
    def get_location(self, broadcast: Broadcast) -> dict[str, str]:
        return location(self.context["organization"])

    @extend_schema_field(counters(PROCESSED))
    def get_processedStats(self, broadcast: Broadcast) -> dict[str, int]:
        return self._counted(broadcast, PROCESSED)

    @extend_schema_field(counters(DELIVERED))
    def get_deliveryStats(self, broadcast: Broadcast) -> dict[str, int]:
        return self._counted(broadcast, DELIVERED)

    def _counted(self, broadcast: Broadcast, names: dict[str, tuple[str, ...]]) -> dict[str, int]:
        numbers = self.context["counts"][broadcast.pk]
        return {theirs: sum(numbers[one] for one in ours) for theirs, ours in names.items()}

    def _parameters(self, broadcast: Broadcast) -> dict[str, Any]:
        return shown(first(broadcast), given(broadcast))


def given(broadcast: Broadcast) -> dict[str, Any]:
    """Return what a client wrote that the core does not keep."""
    return broadcast.extra.get("whautomate", {})


def first(broadcast: Broadcast) -> Message | None:
    return next(iter(broadcast.messages.all()), None)


def ref(row: Any) -> dict[str, str] | None:
    return {"id": str(row.uuid), "name": str(row)} if row else None


def attendance_status(told: str) -> str | None:
    """Return our status of an attendance; None for any."""
    return STATUS_OF_CLASS[word(told)]
