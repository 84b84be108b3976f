"""What the actions of a broadcast take and give."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers

from broadcasts import audience, sending, septets
from broadcasts.audience import Audience, Estimate, Route
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Channel, Contact, Engagement, Medium, UseCase
from broadcasts.rendering import Rendered, warnings_of

from .fields import MomentField, RefField, RefsField
from .resources import PickingSerializer, StrictSerializer
from .serializers import BroadcastSerializer, WhoSerializer

AUDIENCE_PARAMETERS = [
    OpenApiParameter("all_users", bool, description="true: everybody."),
    OpenApiParameter("segment", str, many=True, description="Uuid of a segment."),
    OpenApiParameter("query", str, description="An audience as JSON. Any filter of /api/contacts/ is taken as well."),
]


class RecipientSerializer(PickingSerializer):
    """One of those who would receive a broadcast."""

    full_name = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()
    contact = serializers.UUIDField(source="uuid")
    channel = serializers.SerializerMethodField()
    language = serializers.CharField()
    customers = serializers.SerializerMethodField()
    offerings = serializers.SerializerMethodField()

    def get_channel(self, contact: Contact) -> str:
        return "email"

    # Always there and empty: existing clients require the keys.
    def get_customers(self, contact: Contact) -> list[str]:
        return []

    def get_offerings(self, contact: Contact) -> list[str]:
        return []


class TimeSerializer(StrictSerializer):
    """When to send; without either, the time that the broadcast has."""

    scheduled_at = MomentField(required=False, allow_null=True)
    send_at = serializers.DateField(required=False, allow_null=True)


class SendSerializer(StrictSerializer):
    """How long it can be undone; the broadcast itself may be sent along, and changes nothing."""

    undo_seconds = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=sending.LONGEST_UNDO,
        help_text="Within which it can be undone, before the first copy leaves; 0, or without: it begins at once.",
    )
    ignored = tuple(BroadcastSerializer._declared_fields)


class AddressesSerializer(StrictSerializer):
    addresses = serializers.ListField(
        child=serializers.CharField(max_length=330), required=False, max_length=10, help_text="Without: to yourself."
    )
    languages = serializers.ListField(
        child=serializers.CharField(max_length=35),
        required=False,
        max_length=20,
        help_text="One test in each of them. Without: in the language of the person.",
    )
    contact = RefField(
        Contact,
        required=False,
        allow_null=True,
        help_text="Whose values fill the content. Without: the contact with the address, or else any.",
    )
    channel = RefField(
        Channel, required=False, allow_null=True, help_text="Which message is sent. Without: the first one."
    )


class TriedSerializer(serializers.Serializer):
    """What became of one test."""

    address = serializers.CharField()
    error = serializers.CharField(allow_null=True)


class PreviewSerializer(StrictSerializer):
    contact = RefField(Contact, required=False, allow_null=True)
    channel = RefField(Channel, required=False, allow_null=True)
    language = serializers.CharField(required=False, allow_blank=True, max_length=35)


class BubbleButtonSerializer(serializers.Serializer):
    text = serializers.CharField()
    value = serializers.CharField(help_text="The address that it opens, or the code or payload; empty for neither.")

    def to_representation(self, button: tuple[str, str]) -> dict[str, str]:
        return dict(zip(("text", "value"), button, strict=True))


class BubbleSerializer(serializers.Serializer):
    """A message as the app of its recipient shows it, with the values of this person."""

    kind = serializers.CharField(
        help_text="Of the header: text, image, video, audio, document, location; empty for no header."
    )
    header = serializers.CharField(help_text="The text, the name of the file or the place.")
    link = serializers.CharField(help_text="Of the file; empty for none.")
    body = serializers.CharField()
    footer = serializers.CharField()
    buttons = BubbleButtonSerializer(many=True)


class PreviewedSerializer(serializers.Serializer):
    """What one contact would get."""

    subject = serializers.CharField()
    text = serializers.CharField()
    html = serializers.CharField()
    language = serializers.CharField()
    address = serializers.CharField()
    contact = serializers.SerializerMethodField()
    channel = serializers.SerializerMethodField()
    segments = serializers.SerializerMethodField()
    bubble = serializers.SerializerMethodField()
    warnings = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_warnings(self, rendered: object) -> list[str]:
        """What is wrong with the expressions of the message; each such expression is empty."""
        return warnings_of(self.context["message"])

    @extend_schema_field(BubbleSerializer(allow_null=True))
    def get_bubble(self, rendered: object) -> dict[str, Any] | None:
        """What the app shows, of WhatsApp; null where the other fields say it all."""
        bubble = self.context["bubble"]
        return BubbleSerializer(bubble).data if bubble else None

    def get_segments(self, rendered: Rendered) -> int | None:
        """Those that it is billed as, of an SMS; else null."""
        return septets.segments(rendered.text.strip()) if self.context["message"].medium == Medium.SMS else None

    def get_contact(self, rendered: object) -> str:
        return str(self.context["contact"].uuid)

    def get_channel(self, rendered: object) -> str | None:
        channel = self.context["message"].channel
        return str(channel.uuid) if channel else None


class CostSerializer(serializers.Serializer):
    """What SMS cost; a channel without a price adds to the segments only."""

    segments = serializers.IntegerField()
    amounts = serializers.DictField(
        child=serializers.DecimalField(max_digits=None, decimal_places=6), help_text="By currency, such as EUR."
    )


class EstimateSerializer(serializers.Serializer):
    """Whom an audience matches, and why some of them would get nothing."""

    matched = serializers.IntegerField()
    will_receive = serializers.IntegerField()
    skipped = serializers.DictField(child=serializers.IntegerField())
    per_channel = serializers.DictField(child=serializers.IntegerField())
    per_language = serializers.DictField(child=serializers.IntegerField())
    expected_duration_seconds = serializers.IntegerField(allow_null=True)
    slowed_by = serializers.ListField(
        child=serializers.CharField(), help_text="Limits of providers that make it take days, in words."
    )
    cost = serializers.SerializerMethodField()

    @extend_schema_field(CostSerializer(allow_null=True))
    def get_cost(self, found: Estimate) -> Any:
        """Of the SMS of a saved broadcast; null where it sends none."""
        cost = self.context.get("cost")
        return CostSerializer(cost).data if cost else None

    fallback_per_channel = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Under the channel policy `fallback`: who could get a copy there if the earlier ones fail.",
    )


class AudienceSerializer(WhoSerializer):
    """The audience of a broadcast that is not saved yet."""

    use_case = serializers.ChoiceField(choices=UseCase.choices, required=False)
    channel_policy = serializers.ChoiceField(choices=Broadcast.Policy.choices, required=False)
    channels = RefsField(Channel, required=False, max_length=10)
    scheduled_at = MomentField(required=False, allow_null=True)
    local_time = serializers.BooleanField(required=False)
    ignore_quiet_hours = serializers.BooleanField(required=False)
    expires_at = MomentField(required=False, allow_null=True)
    ignored = ("name", "subject", "body", "messages")  # of a draft that is yet to be saved

    def audience(self) -> tuple[Audience, list[Route]]:
        """Return the requested audience and the routes that would reach it."""
        given: dict[str, Any] = dict(self.validated_data)
        organization = self.context["organization"]
        channels = given.pop("channels", []) or [organization.default_channel(Medium.EMAIL)]
        given.setdefault("use_case", organization.default_use_case)
        given["addresses"] = audience.validate_addresses(given.get("addresses", []), organization)
        audience.validate(given.get("query", {}), organization)
        at, is_local = given.pop("scheduled_at", None), given.pop("local_time", False)
        if at and is_local:
            given["local"] = Broadcast(organization=organization).clock_of(at)
        wanted = Audience.asking(organization, {**given, "begins_at": at})
        if problems := wanted.problems():
            raise InvalidInput(problems)
        return wanted, [Route(channel=channel) for channel in channels]


class ArchiveSerializer(StrictSerializer):
    in_archive = serializers.BooleanField(help_text="Whether everybody can read it in the public archive.")


class RetargetSerializer(serializers.Serializer):
    """For whom it became what; anything else is written into the new draft, as in a PATCH of it."""

    engagement = serializers.ChoiceField(choices=Engagement.choices)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        told = {"retarget_of": "It is this broadcast", "retarget_engagement": "It is what “engagement” says"}
        if wrong := {name: [f"{text}; leave it out."] for name, text in told.items() if name in self.initial_data}:
            raise serializers.ValidationError(wrong)
        return attrs
