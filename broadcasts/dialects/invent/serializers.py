"""Invent's shapes of a broadcast and its templates."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from broadcasts.api.fields import ObjectField, resolve
from broadcasts.audience import Estimate
from broadcasts.dialects.fields import StringField, TrueOrFalseField, UtcField, utc
from broadcasts.models import Broadcast, Message, Segment

MOST_SEGMENTS = 10
NUMBERS = {  # Invent's counts of what was sent, by ours
    "sent_count": ("sent",),
    "failed_count": ("failed", "unknown"),
    "delivered_count": ("delivered",),
    "opened_count": ("opened",),
    "played_count": ("played",),
    "complained_count": ("complained",),
    "unsubscribed_count": ("unsubscribed",),
    "click_count": ("clicked",),
}
STATUSES = [one for one in Broadcast.Status if one != Broadcast.Status.PAUSED]
STATUS_FILTERS = ["ALL", *STATUSES]
CONTENT = ("subject", "text", "html", "preheader")
WORDS_OF_CONFIG = {*CONTENT, "language", "translations", "parameters"}


@extend_schema_field({"type": "array", "items": {"type": "string"}, "maxItems": MOST_SEGMENTS})
class InventSegmentIdsField(serializers.Field):
    """Ids of segments; errors name the index."""

    def to_internal_value(self, data: Any) -> list[Segment]:
        if not isinstance(data, list):
            raise serializers.ValidationError("Expected a list of ids.")
        if len({str(one) for one in data}) > MOST_SEGMENTS:
            raise serializers.ValidationError(f"At most {MOST_SEGMENTS} segments are possible.")
        found, wrong = {}, []
        for place, each in enumerate(data):
            try:
                [segment] = resolve(Segment, [each if isinstance(each, str) else None], self.context["organization"])
                found[segment.pk] = segment
            except serializers.ValidationError:
                wrong.append(f"[{place}]: There is no segment of this id.")
        if wrong:
            raise serializers.ValidationError(wrong)
        return list(found.values())


class InventBroadcastInput(serializers.Serializer):
    """A broadcast to write; other keys are ignored, so that what was read may be sent back."""

    name = StringField(max_length=255)
    scheduled_at = UtcField(required=False, allow_null=True, help_text="null: at once, as soon as it is sent.")
    segment_ids = InventSegmentIdsField(required=False)
    send_to_all = TrueOrFalseField(required=False, help_text="All contacts instead of the segments.")


class InventBroadcastSegmentSerializer(serializers.Serializer):
    """A segment of a broadcast."""

    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    contacts_count = serializers.SerializerMethodField()
    created_at = UtcField(source="created")
    updated_at = UtcField(source="modified")

    def get_contacts_count(self, segment: Segment) -> int:
        return segment.contacts_count or 0


class InventTemplateSerializer(serializers.Serializer):
    """What a broadcast says through one connection."""

    id = serializers.UUIDField(source="uuid")
    broadcast_id = serializers.UUIDField(source="broadcast.uuid")
    connection_id = serializers.SerializerMethodField()
    integration_id = serializers.SerializerMethodField()
    recipients_count = serializers.SerializerMethodField()
    config = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    created_at = UtcField(source="created")
    updated_at = UtcField(source="modified")

    def get_connection_id(self, message: Message) -> str:
        return str(message.channel.uuid) if message.channel else ""

    def get_integration_id(self, message: Message) -> str:
        kind = message.channel.kind if message.channel else "console"
        return "internal" if kind == "console" else kind

    def get_recipients_count(self, message: Message) -> int:
        numbers = self.context["message_counts"].get(message.pk)
        return numbers["recipients"] if numbers else 0

    def get_config(self, message: Message) -> dict[str, Any]:
        contents = {one.tag or one.language: content(one) for one in message.translations.all()}
        main = message.translation(message.broadcast.base_language)
        return {
            **message.extra.get("invent", {}),
            **(content(main) if main else dict.fromkeys(CONTENT, "")),
            "language": message.broadcast.base_language,
            "translations": contents,
            "parameters": message.parameters,
        }

    def get_error(self, message: Message) -> str | None:
        return message.error or None


def content(translation: Any) -> dict[str, str]:
    return {name: getattr(translation, name) for name in CONTENT}


class InventBroadcastSerializer(serializers.Serializer):
    """A broadcast: always all 23 keys. `counts`, `estimates` and `message_counts` are in the context."""

    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    status = serializers.SerializerMethodField()
    scheduled_at = serializers.SerializerMethodField()
    started_at = UtcField(allow_null=True)
    completed_at = UtcField(allow_null=True)
    contacts_count = serializers.SerializerMethodField()
    recipients_count = serializers.SerializerMethodField()
    skipped_count = serializers.SerializerMethodField()
    error_message = serializers.SerializerMethodField()
    segments = InventBroadcastSegmentSerializer(many=True, source="segments.all")
    send_to_all = serializers.BooleanField()
    templates = InventTemplateSerializer(many=True, source="messages.all")
    created_at = UtcField(source="created")
    updated_at = UtcField(source="modified")

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        numbers = {name: InventCountField(ours, source="*") for name, ours in NUMBERS.items()}
        return fields | numbers

    @extend_schema_field(serializers.ChoiceField(choices=STATUSES))
    def get_status(self, broadcast: Broadcast) -> str:
        is_paused = broadcast.status == Broadcast.Status.PAUSED
        return Broadcast.Status.SENDING.value if is_paused else str(broadcast.status)

    @extend_schema_field(UtcField(allow_null=True))
    def get_scheduled_at(self, broadcast: Broadcast) -> str | None:
        if broadcast.extra.get("invent", {}).get("at_once"):
            return None
        return utc(broadcast.scheduled_at)

    def get_contacts_count(self, broadcast: Broadcast) -> int:
        return self._number(broadcast, "contacts", lambda found: found.matched)

    def get_recipients_count(self, broadcast: Broadcast) -> int:
        return self._number(broadcast, "recipients", lambda found: found.will_receive)

    def get_skipped_count(self, broadcast: Broadcast) -> int:
        return self._number(broadcast, "skipped", lambda found: found.matched - found.will_receive)

    def get_error_message(self, broadcast: Broadcast) -> str | None:
        return broadcast.error_message or None

    def _number(self, broadcast: Broadcast, counter: str, estimated: Any) -> int:
        found: Estimate | None = self.context.get("estimates", {}).get(broadcast.pk)
        return estimated(found) if found else self.context["counts"][broadcast.pk][counter]


class InventCountField(serializers.IntegerField):
    """The sum of some counters of a broadcast."""

    def __init__(self, counters: tuple[str, ...], **kwargs: Any) -> None:
        self.counters = counters
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, broadcast: Any) -> int:
        numbers = self.context["counts"][broadcast.pk]
        return sum(numbers[name] for name in self.counters)


class InventTemplateInput(serializers.Serializer):
    """A template to write: any part of its config; keys that are not known are kept and given back."""

    connection_id = StringField(required=False, allow_blank=True, help_text="A channel; blank: the default one.")
    config = ObjectField(required=False)
