from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import gauging, inspecting, rotating, syncing, transports
from broadcasts.models import Channel
from broadcasts.transports import TransportError

from .errors import ProviderFailed, invalid
from .fields import ObjectField
from .gauges import AdviceSerializer, GaugesSerializer, WarmUpAudienceSerializer
from .permissions import may
from .resources import FullResource, ResourceSerializer, StrictSerializer


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
        "description": "Messages per second at most, by the domain of the address; `*` is for each other domain.",
        "example": {"gmail.com": 20, "*": 100},
    }
)
class RatesField(ObjectField):
    pass


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            "start": {"type": "integer", "minimum": 1},
            "growth": {"type": "number", "minimum": 1},
            "since": {"type": "string", "format": "date"},
            "held": {"type": "integer", "minimum": 0},
            "held_on": {"type": "string", "format": "date"},
        },
        "description": "Warm-up: `start` messages on the day `since` (by default the day it is first written), each "
        "day `growth` times as many. After each day on which its gauges were too high the next one allows no more: "
        "`held` counts these days, and `held_on` is the last of them; both are kept when you leave them out. `{}` is "
        "no warm-up.",
        "example": {"start": 200, "growth": 1.5, "since": "2026-11-01"},
    }
)
class RampField(ObjectField):
    pass


class ChannelFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains")
    kind = filters.ChoiceFilter(choices=transports.choices)
    is_active = filters.BooleanFilter()

    class Meta:
        model = Channel
        fields: list[str] = []


class ChannelSerializer(ResourceSerializer):
    """A secret is written among the settings and is never shown; `secrets` names those that are set."""

    kind = serializers.ChoiceField(choices=list(transports.TRANSPORTS))
    settings = ObjectField(required=False)
    secrets = serializers.SerializerMethodField()
    domain_rates = RatesField(required=False)
    ramp = RampField(required=False)
    resting_reason = serializers.CharField(read_only=True)
    callback_url = serializers.SerializerMethodField(
        help_text="What its provider calls back; a secret, empty for who may not `manage`."
    )
    unique_by = "name"

    class Meta:
        model = Channel
        fields = (
            *("uuid", "id", "created", "modified", "name", "kind", "settings", "secrets", "from_name", "from_address"),
            *("reply_to", "address_field", "is_active", "is_default", "rate", "burst", "domain_rates", "ramp"),
            *("track_opens", "track_clicks", "keeps_answers"),
            *("health", "last_error", "last_error_at", "backoff_until", "resting_until", "resting_reason"),
            *("callback_url", "callback_kept_until", "people_told"),
            *("slowed_to", "slowed_until", "slowed_why"),
        )
        read_only_fields = (
            *("uuid", "id", "health", "last_error", "last_error_at", "backoff_until", "resting_until"),
            *("callback_kept_until", "people_told", "slowed_to", "slowed_until", "slowed_why"),
        )
        extra_kwargs: ClassVar = {
            "callback_kept_until": {"help_text": "Up to when the callback address before this one works too."},
            "slowed_to": {"help_text": "The messages per second that its gauges allow, until `slowed_until`."},
            "people_told": {
                "help_text": "The people whom it may begin to write to in any 24 hours, as its provider told."
            },
        }
        validators: list = []

    def get_secrets(self, channel: Channel) -> list[str]:
        return sorted(channel.secrets or {})

    def get_callback_url(self, channel: Channel) -> str:
        view = self.context["view"]
        return channel.callback_url if may(view.request, view.member, "manage") else ""

    def validate_kind(self, value: str) -> str:
        if self.instance is not None and value != self.instance.kind:
            raise serializers.ValidationError("The kind of a channel cannot be changed; make another channel.")
        return value

    def put(self, row: Channel, values: dict[str, Any]) -> None:
        values = dict(values)
        given = values.pop("settings", None)
        super().put(row, values)
        if given is None and row.pk is not None:
            return
        settings = {**row.settings, **(given or {})} if self.partial else given or {}
        try:
            row.configure(settings)
        except ValidationError as error:
            raise invalid(error) from None

    def save(self, **kwargs: Any) -> Channel:
        row = super().save(**kwargs)
        inspecting.know(row)
        return row


class RotateSerializer(StrictSerializer):
    """What becomes of the present callback address."""

    keep_old = serializers.BooleanField(
        default=True, help_text=f"It works for {rotating.OLD_ADDRESS_DAYS} days more; false: it is cut at once."
    )


class SyncedSerializer(serializers.Serializer):
    """What a sync of templates found."""

    templates = serializers.IntegerField()
    languages = serializers.IntegerField(help_text="Of all templates together.")
    changed = serializers.IntegerField(help_text="Languages that are new or changed.")
    removed = serializers.IntegerField(help_text="Languages that the provider does not have any more.")


@extend_schema_view(
    list=extend_schema(summary="List channels"),
    retrieve=extend_schema(summary="Read a channel"),
    create=extend_schema(summary="Add a channel"),
    update=extend_schema(summary="Write a channel"),
    partial_update=extend_schema(summary="Change a channel"),
    destroy=extend_schema(
        summary="Delete a channel", description="Not while a message uses it. The templates of its provider go with it."
    ),
)
class Channels(FullResource):
    """Configured accounts to send through."""

    model = Channel
    serializer_class = ChannelSerializer
    filterset_class = ChannelFilter
    write_act = "manage"
    ordering_fields = {"name": "name", "created": "created"}
    default_ordering = "name"
    acts: ClassVar = {"sync_templates": "write", "rotate_callback": "manage", "lift": "manage"}

    @extend_schema(
        summary="Sync the templates that the provider of a channel stores",
        description="Reads them all, and marks those that the provider does not have any more. It answers when that is "
        "done, within a minute. 502: the provider could not be asked; nothing is changed then.",
        request=None,
        responses={200: SyncedSerializer},
    )
    @action(detail=True, methods=["post"], url_path="sync-templates")
    def sync_templates(self, request: Request, uuid: str) -> Response:
        channel = self.get_object()
        if not channel.stores_templates:
            raise serializers.ValidationError({"kind": [f"No provider of the kind {channel.kind} stores templates."]})
        try:
            return Response(SyncedSerializer(syncing.sync(channel, by=self.user)).data)
        except TransportError as error:
            raise ProviderFailed(str(error)) from None

    @extend_schema(
        summary="Change the callback address of a channel",
        description="Answers the channel with its new address, which its provider has to be told. 409: its kind has no "
        "callback address.",
        request=RotateSerializer,
        responses={200: ChannelSerializer},
    )
    @action(detail=True, methods=["post"], url_path="rotate-callback")
    def rotate_callback(self, request: Request, uuid: str) -> Response:
        channel = self.get_object()
        rotating.rotate_callback(channel, keep_old=self.read(RotateSerializer)["keep_old"], by=self.user)
        return Response(self.get_serializer(channel).data)

    @extend_schema(
        summary="Read the gauges of a channel",
        description="Its shares of complaints, and of bounces and refusals, in the rolling window (setting GAUGE_DAYS, "
        "by default 7 days), with the thresholds of the organization; first those of the whole channel, then of the "
        "receiving domains with the most complaints and bounces. Above `slow` it sends half as fast, above `pause` its "
        "broadcasts pause; shares are judged from 1,000 mails and 5 complaints, or 20 bounces and refusals, on.",
        responses={200: GaugesSerializer},
    )
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def gauges(self, request: Request, uuid: str) -> Response:
        return Response(GaugesSerializer(self.get_object()).data)

    @extend_schema(
        summary="Lift the slowness of a channel",
        description="The channel and its receiving domains send at their own rates again; only what is reported from "
        "now on can slow them. Answers the channel. 409: nothing of it is slowed.",
        request=None,
        responses={200: ChannelSerializer},
    )
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, uuid: str) -> Response:
        channel = self.get_object()
        gauging.lift(channel, by=self.user)
        return Response(self.get_serializer(channel).data)

    @extend_schema(
        summary="Propose a warm-up for a channel",
        description="A `ramp` to write to the channel, and its days until the whole audience can get a mail in one "
        "day. `is_needed` is false where its domain sent enough in the last 60 days, or the audience is small.",
        parameters=[
            OpenApiParameter("audience", int, description="People; by default its largest segment or broadcast.")
        ],
        responses={200: AdviceSerializer},
    )
    @action(detail=True, methods=["get"], url_path="warm-up", filterset_class=None, pagination_class=None)
    def warm_up(self, request: Request, uuid: str) -> Response:
        channel = self.get_object()
        asked = WarmUpAudienceSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        if not channel.transport_class.carries_mail:
            raise serializers.ValidationError({"kind": ["Only channels that carry mail warm up."]})
        audience = asked.validated_data.get("audience") or gauging.audience_of(channel)
        if audience is None:
            raise serializers.ValidationError({"audience": ["Say how many people: no segment or broadcast tells it."]})
        return Response(AdviceSerializer(gauging.advise(channel, audience)).data)
