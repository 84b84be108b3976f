"""The shape of a broadcast: the nine fields that existing clients parse first, then all the rest."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from broadcasts import drafting, links, rendering
from broadcasts.models import (
    FACTS,
    Activity,
    Attendance,
    Broadcast,
    Contact,
    Engagement,
    Segment,
    UseCase,
)
from broadcasts.sending import moments

from .content import WARNINGS, MessagesField
from .fields import (
    NOT_MEASURED,
    UUID,
    ArrayField,
    LineField,
    MomentField,
    RefField,
    RefsField,
    TextField,
    TreeField,
)
from .resources import PickingSerializer, StrictSerializer

COMPATIBLE = ("customers", "offerings")  # what existing clients call segments, inside `query`
ASKING = ("query", "send_to_all", "segments", "contacts", "addresses", "activity", "retarget_of")
FIRST = (  # what existing clients know, then what it is
    *("uuid", "created", "subject", "body", "query", "author_full_name", "emails", "state", "send_at"),
    *("id", "name", "use_case", "status", "author"),
)
OF_SENDING = ("contacts", "recipients", "fallbacks", "skipped", "pending", "sent", "failed", "unknown", "cancelled")
COUNTS = {
    "type": "object",
    "description": "`contacts` are the people matched and `recipients` those who were not left out. All others count "
    "copies, `fallbacks` those that replace one on an earlier channel: skipped, pending, sent, failed, unknown and "
    "cancelled add up to contacts + fallbacks. With the channel policy `every` contacts and recipients count copies.",
    "properties": {
        **{name: {"type": "integer"} for name in OF_SENDING},
        **{name: {"type": "integer", "description": NOT_MEASURED} for name in FACTS},
    },
    "required": [*OF_SENDING, *FACTS],
}


POLICY = (
    "`first`: each person gets the first message that can reach them; `every`: all that can; `fallback`: as `first`, "
    "and the next one when a copy failed, bounced, or was not delivered (or opened) in time. An earlier copy may still "
    "arrive late: then the person has both."
)


@extend_schema_field({"type": ["object", "null"]})
class RepeatField(serializers.JSONField):
    """A rule of repetition; null for a broadcast that is sent once."""


@extend_schema_field({"type": "object", "additionalProperties": True, "description": "The audience, as a JSON tree."})
class QueryField(TreeField):
    """Checked by `audience`, with everything else; what it takes but shows differently is turned back here."""

    default_error_messages = {
        "invalid": "query: must be an object; accepted: any filter of contacts, all_users, all, any, not."
    }

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        if data is None:
            self.fail("invalid")
        return super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("invalid")
        return super().to_internal_value(
            {name: plain_uuids(value) if name in COMPATIBLE else value for name, value in data.items()}
        )

    def to_representation(self, value: Any) -> Any:
        names = self.context.get("segment_names", {})
        shown = dict(value or {})
        for key in COMPATIBLE:
            if isinstance(shown.get(key), list):
                shown[key] = [{"name": names.get(hex_of(each), ""), "uuid": each} for each in shown[key]]
        return shown


def plain_uuids(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [one["uuid"] if isinstance(one, dict) and isinstance(one.get("uuid"), str) else one for one in value]


def hex_of(value: Any) -> str:
    return str(value).replace("-", "").lower()


def named_segments(queries: list[Any]) -> set[str]:
    """Return the uuids that these queries show with a name."""
    values = [query.get(key) for query in queries if isinstance(query, dict) for key in COMPATIBLE]
    return {str(one) for value in values if isinstance(value, list) for one in value if UUID.fullmatch(str(one))}


class WhoSerializer(StrictSerializer):
    """The fields of a broadcast that say who: `Broadcast.WHO`."""

    query = QueryField(required=False)
    send_to_all = serializers.BooleanField(required=False)
    segments = RefsField(Segment, required=False, max_length=10)
    excluded_segments = RefsField(Segment, required=False, max_length=10)
    contacts = RefsField(Contact, required=False, max_length=1000)
    addresses = ArrayField(required=False, max_length=1000)
    activity = RefField(Activity, required=False, allow_null=True)
    attendance_status = serializers.ChoiceField(choices=Attendance.Status.choices, required=False, allow_null=True)
    retarget_of = RefField(Broadcast, required=False, allow_null=True)
    retarget_engagement = serializers.ChoiceField(
        choices=Engagement.choices,
        required=False,
        allow_null=True,
        help_text="Refused where no channel of `retarget_of` measures it; see its `measured`.",
    )
    excluded_broadcasts = RefsField(Broadcast, required=False, max_length=10)
    excluded_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=3650)


SWITCH = "Whether {}; null: as its channel says, and for general mail also the organization's `track_general`."


class BroadcastSerializer(WhoSerializer, PickingSerializer):
    """One broadcast, whole."""

    uuid = serializers.UUIDField(read_only=True)
    created = MomentField(read_only=True)
    subject = LineField(required=False, max_length=1000)
    body = TextField(required=False)
    author_full_name = serializers.SerializerMethodField()
    emails = serializers.ListField(child=serializers.EmailField(), source="audience_preview", read_only=True)
    state = serializers.ChoiceField(choices=list(Broadcast.STATES), read_only=True)
    send_at = serializers.DateField(required=False, allow_null=True)
    id = serializers.IntegerField(read_only=True)
    name = LineField(required=False, max_length=255)
    use_case = serializers.ChoiceField(choices=UseCase.choices, required=False)
    status = serializers.ChoiceField(choices=Broadcast.Status.choices, read_only=True)
    author = serializers.UUIDField(source="author.uuid", default=None, read_only=True, allow_null=True)
    scheduled_at = MomentField(required=False, allow_null=True)
    local_time = serializers.BooleanField(required=False)
    ignore_quiet_hours = serializers.BooleanField(required=False)
    expires_at = MomentField(required=False, allow_null=True)
    repeat = RepeatField(read_only=True)
    parent = RefField(Broadcast, read_only=True, allow_null=True)  # type: ignore[assignment]  # no serializer's
    origin = serializers.ChoiceField(choices=Broadcast.Origin.choices, read_only=True, allow_null=True)
    undo_until = MomentField(
        read_only=True,
        allow_null=True,
        help_text="The end of its undo window: it is scheduled for then, and `undo/` makes it a draft again; null: it "
        "has none.",
    )
    started_at = MomentField(read_only=True, allow_null=True)
    completed_at = MomentField(read_only=True, allow_null=True)
    modified = MomentField(read_only=True)
    error_message = serializers.SerializerMethodField()
    base_language = serializers.CharField(required=False, max_length=35)
    channel_policy = serializers.ChoiceField(choices=Broadcast.Policy.choices, required=False, help_text=POLICY)
    fallback_fact = serializers.ChoiceField(
        choices=Broadcast.AWAITED,
        required=False,
        allow_null=True,
        help_text="Of `fallback`: a sent copy falls back unless it is this within `fallback_minutes`; null: only what "
        "failed falls back. The channels of all messages but the last must report it.",
    )
    fallback_minutes = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=Broadcast.LONGEST_FALLBACK,
        help_text="Counted from the moment a copy was sent.",
    )
    fallback_unknown = serializers.BooleanField(
        required=False,
        help_text="Of `fallback`: whether a copy whose outcome is unknown falls back too. It may have arrived.",
    )
    track_opens = serializers.BooleanField(
        required=False, allow_null=True, help_text=SWITCH.format("opens of its mail are measured, by a small picture")
    )
    track_clicks = serializers.BooleanField(
        required=False,
        allow_null=True,
        help_text=SWITCH.format("clicks in its mail are measured: its links lead through this server"),
    )
    in_archive = serializers.BooleanField(
        required=False,
        help_text="Whether everybody can read its mail in the public archive of the organization, once it is sent; "
        "`archive/` changes it then.",
    )
    archive_url = serializers.SerializerMethodField()
    messages = MessagesField(required=False)
    warnings = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()
    measured = serializers.SerializerMethodField()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {name: fields.pop(name) for name in FIRST} | fields

    def to_internal_value(self, data: Any) -> Any:
        """Pass over a blank subject or body beside `messages`, which say all, so that what was read may be written."""
        if isinstance(data, Mapping) and data.get("messages"):
            data = {name: value for name, value in data.items() if name not in ("subject", "body") or value != ""}
        return super().to_internal_value(data)

    def to_representation(self, instance: Broadcast) -> dict[str, Any]:
        message = instance.first_message() if self.context.get("has_content") else None
        content = message.translation(instance.base_language) if message else None
        instance.subject = content.subject if content else ""  # type: ignore[attr-defined]
        instance.body = content.text if content else ""  # type: ignore[attr-defined]
        instance.send_at = moments.day_of(instance)  # type: ignore[attr-defined]
        return super().to_representation(instance)

    def get_author_full_name(self, broadcast: Broadcast) -> str | None:
        return broadcast.author.get_full_name() if broadcast.author else None

    def get_error_message(self, broadcast: Broadcast) -> str | None:
        return broadcast.error_message or None

    def get_archive_url(self, broadcast: Broadcast) -> str | None:
        """Where everybody can read it; null while nobody can."""
        is_public = broadcast.pk in self.context.get("archived", ())
        return links.archived_url(self.context["organization"].slug, broadcast.uuid) if is_public else None

    @extend_schema_field(WARNINGS)
    def get_warnings(self, broadcast: Broadcast) -> list[str]:
        scope = self.context.get("expression_scope")
        return [words for message in broadcast.messages.all() for words in rendering.warnings_of(message, scope)]

    @extend_schema_field(COUNTS)
    def get_counts(self, broadcast: Broadcast) -> dict[str, int]:
        return self.context["counts"][broadcast.pk]

    @extend_schema_field(
        {
            "type": "array",
            "items": {"type": "string", "enum": list(FACTS)},
            "description": "The facts that a channel of this broadcast reports: only of these is a count a figure, and "
            "only by these can it be retargeted.",
        }
    )
    def get_measured(self, broadcast: Broadcast) -> list[str]:
        reports = broadcast.reports
        return [fact for fact in FACTS if fact in reports]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for what a whole write (POST and PUT) needs."""
        if self.partial:
            return attrs
        needed = [] if "messages" in attrs else ["subject", "body"]
        if not set(ASKING) & set(attrs):
            needed.append("query")
        missing = {name: ["This field is required."] for name in needed if name not in attrs}
        if missing:
            raise serializers.ValidationError(missing)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Broadcast:
        return self.update(Broadcast(organization=self.context["organization"]), validated_data)

    def update(self, instance: Broadcast, validated_data: dict[str, Any]) -> Broadcast:
        return drafting.save(instance, validated_data, by=self.context["request"].user)
