"""Event subscriptions: which URLs of an organization are told what happens, and the log of their calls."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiWebhook, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import telling
from broadcasts.models import EVENT_TYPES, EventCall, EventSubscription

from .fields import MomentField, MomentFilter, accepting
from .permissions import UUID
from .resources import FullResource, PickingSerializer, ResourceSerializer, StrictSerializer

ONCE = (
    "What calls are signed with: given once, when the subscription is made or its secret is changed, and empty ever "
    "after, also to a repeated request with the same Idempotency-Key."
)


class SubscriptionFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains")
    is_active = filters.BooleanFilter()
    failing = filters.BooleanFilter(field_name="failing_since", lookup_expr="isnull", exclude=True)

    class Meta:
        model = EventSubscription
        fields: list[str] = []


class SubscriptionSerializer(ResourceSerializer):
    types = serializers.ListField(
        child=serializers.ChoiceField(
            choices=list(EVENT_TYPES.items()),
            error_messages=accepting(EVENT_TYPES),
        ),
        allow_empty=False,
        help_text="Of events.",
    )
    secret = serializers.SerializerMethodField(help_text=ONCE)
    unique_by = "name"

    class Meta:
        model = EventSubscription
        fields = (
            *("uuid", "id", "created", "modified", "name", "url", "types", "is_active", "secret", "previous_until"),
            *("failing_since", "failures", "last_error", "last_error_at", "last_success_at", "stopped_because"),
        )
        read_only_fields = (
            *("uuid", "id", "previous_until", "failing_since", "failures", "last_error", "last_error_at"),
            *("last_success_at", "stopped_because"),
        )
        extra_kwargs: ClassVar = {
            "previous_until": {"help_text": "Up to when calls are signed with the secret before this one too."},
            "failing_since": {"help_text": "No call has succeeded since; null: it works."},
            "failures": {"help_text": "In a row."},
            "stopped_because": {"help_text": "Why it was switched off by itself."},
        }
        validators: list = []

    def get_secret(self, subscription: EventSubscription) -> str:
        return self.context.get("secret", "")

    def create(self, validated_data: dict[str, Any]) -> EventSubscription:
        view = self.context["view"]
        view.secret = telling.new_secret()
        private = {"secrets": {"signing_secret": view.secret}, "created_by": view.user}
        made = super().create({**validated_data, **private})
        telling.switched(made, was_active=False)
        return made

    def update(self, instance: EventSubscription, validated_data: dict[str, Any]) -> EventSubscription:
        was_active = instance.is_active
        changed = super().update(instance, validated_data)
        telling.switched(changed, was_active=was_active)
        return changed


class RotateSecretSerializer(StrictSerializer):
    """What becomes of the present secret."""

    keep_old = serializers.BooleanField(default=True, help_text="Calls are signed with it too for 24 hours more.")


class ReplaySerializer(StrictSerializer):
    """From when on."""

    since = MomentField(help_text="Calls are sent again that were made for events since then.")


class ReplayedSerializer(serializers.Serializer):
    """How many calls are sent again."""

    calls = serializers.IntegerField()


class EventCallFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=EventCall.State.choices)
    cause = filters.MultipleChoiceFilter(choices=EventCall.Cause.choices)
    type = filters.ChoiceFilter(choices=list(EVENT_TYPES.items()), method="having", help_text="Of one of its events.")
    broadcast = filters.UUIDFilter(field_name="broadcast__uuid")
    created_after = MomentFilter(field_name="created", lookup_expr="gte")
    created_before = MomentFilter(field_name="created", lookup_expr="lt")

    def having(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return rows.filter(EventCall.having(value))


class EventCallSerializer(PickingSerializer):
    """One call and what became of it."""

    uuid = serializers.UUIDField()
    webhook_id = serializers.CharField(source="identity", help_text="The same at every attempt.")
    created = MomentField()
    cause = serializers.ChoiceField(choices=EventCall.Cause.choices)
    state = serializers.ChoiceField(choices=EventCall.State.choices)
    types = serializers.ListField(child=serializers.CharField(), source="type_names", help_text="Of its events.")
    size = serializers.IntegerField(help_text="How many events it carries.")
    attempts = serializers.IntegerField()
    due_at = MomentField(allow_null=True, help_text="When it is tried next, once those before it have succeeded.")
    tried_at = MomentField(allow_null=True)
    ended_at = MomentField(allow_null=True)
    status_code = serializers.IntegerField(allow_null=True, help_text="Of the last answer; null: there was none.")
    duration_ms = serializers.IntegerField(allow_null=True)
    answer = serializers.CharField(help_text="The first characters of the last answer.")
    error = serializers.CharField()


class EventCallDetailSerializer(EventCallSerializer):
    body = serializers.SerializerMethodField(help_text="As it would be sent now: of erased contacts it says nothing.")

    def get_body(self, call: EventCall) -> dict[str, Any]:
        return telling.document(call)


CALL = OpenApiParameter("call", str, OpenApiParameter.PATH, description="The uuid of the call.")


@extend_schema_view(
    list=extend_schema(summary="List event subscriptions"),
    retrieve=extend_schema(summary="Read an event subscription"),
    create=extend_schema(summary="Add an event subscription", description="`secret` is shown in this answer only."),
    update=extend_schema(summary="Write an event subscription"),
    partial_update=extend_schema(summary="Change an event subscription"),
    destroy=extend_schema(summary="Delete an event subscription", description="Its calls go with it."),
)
class Subscriptions(FullResource):
    """URLs that are told what happens, in signed calls."""

    model = EventSubscription
    serializer_class = SubscriptionSerializer
    filterset_class = SubscriptionFilter
    write_act = "manage"
    ordering_fields: ClassVar = {"name": "name", "created": "created"}
    default_ordering = "name"
    secret = ""

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "secret": self.secret}

    def kept(self, data: Any) -> Any:
        """Return the answer for repeated requests, without the secret."""
        return {**data, "secret": ""} if isinstance(data, dict) and "secret" in data else data

    def calls_of(self, subscription: EventSubscription) -> QuerySet[EventCall]:
        return EventCall.objects.filter(subscription=subscription).order_by("-pk")

    def logged(self, subscription: EventSubscription) -> QuerySet[EventCall]:
        """Return the log without the events, which a list does not show."""
        return self.calls_of(subscription).defer("events")

    def call_of(self, key: str) -> EventCall:
        rows = self.calls_of(self.get_object()).select_related("subscription__organization")
        call = rows.filter(uuid=key).first() if UUID.fullmatch(key) else None
        if call is None:
            raise NotFound()
        return call

    @extend_schema(
        summary="Change the secret of an event subscription",
        description="Answers with the new `secret`, which is shown in this answer only.",
        request=RotateSecretSerializer,
        responses={200: SubscriptionSerializer},
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, uuid: str) -> Response:
        subscription = self.get_object()
        keep_old = self.read(RotateSecretSerializer)["keep_old"]
        self.secret = telling.rotate_secret(subscription, keep_old=keep_old, by=self.user)
        return self.shown(subscription)

    @extend_schema(
        summary="Send a test event",
        description="Calls the URL now with one event of the type `test`, and answers with the call, which says what "
        "came back.",
        request=None,
        responses={200: EventCallDetailSerializer},
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, uuid: str) -> Response:
        return Response(EventCallDetailSerializer(telling.test_call(self.get_object())).data)

    @extend_schema(
        summary="Send calls again",
        description="All calls that were made for events since a moment and have ended, as new calls with the same "
        "events (and ids of events), after those that wait. 409: the subscription is switched off, or a replay is "
        "under way.",
        request=ReplaySerializer,
        responses={202: ReplayedSerializer},
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, uuid: str) -> Response:
        subscription = self.get_object()
        n = telling.replay(subscription, self.read(ReplaySerializer)["since"], by=self.user)
        return Response({"calls": n}, status=202)

    @extend_schema(summary="List the calls of an event subscription", responses=EventCallSerializer(many=True))
    @action(detail=True, filterset_class=EventCallFilter, ordering_fields={}, default_ordering="")
    def calls(self, request: Request, uuid: str) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.logged(self.get_object()))) or []
        context = self.get_serializer_context()
        return self.get_paginated_response(EventCallSerializer(rows, many=True, context=context).data)

    @extend_schema(summary="Read a call with its body", parameters=[CALL], responses=EventCallDetailSerializer)
    @action(detail=True, url_path="calls/(?P<call>[^/]+)", filter_backends=[], pagination_class=None)
    def call(self, request: Request, uuid: str, call: str) -> Response:
        return Response(EventCallDetailSerializer(self.call_of(call), context=self.get_serializer_context()).data)

    @extend_schema(
        summary="Send a call again",
        description="As a new call with the same events; one that waits is tried now. Answers with the call that "
        "waits. 409: the subscription is switched off, or the call was a test.",
        parameters=[CALL],
        request=None,
        responses={202: EventCallSerializer},
    )
    @action(detail=True, methods=["post"], url_path="calls/(?P<call>[^/]+)/again")
    def call_again(self, request: Request, uuid: str, call: str) -> Response:
        return Response(EventCallSerializer(telling.call_again(self.call_of(call), self.user)).data, status=202)


class ToldEventSerializer(serializers.Serializer):
    """One event; what it says beside `id`, `type` and `at` depends on its type."""

    id = serializers.CharField(help_text="The same if it comes again: take each once.")
    type = serializers.ChoiceField(choices=[*EVENT_TYPES.items(), ("test", "Test")])
    at = serializers.DateTimeField()
    broadcast = serializers.UUIDField(required=False, allow_null=True)
    delivery = serializers.CharField(required=False, help_text="Its key in `/api/deliveries/`.")
    contact = serializers.UUIDField(required=False, allow_null=True, help_text="null: it was erased or deleted.")
    external_id = serializers.CharField(required=False, allow_null=True)
    address = serializers.CharField(required=False)
    channel = serializers.CharField(required=False, allow_null=True)
    medium = serializers.CharField(required=False)
    first = serializers.BooleanField(required=False, help_text="Of its type about this delivery.")
    detail = serializers.DictField(required=False, help_text="Such as `url`, `error`, `text`.")
    use_case = serializers.CharField(required=False)
    state = serializers.CharField(required=False, help_text="Of the consent.")
    source = serializers.CharField(required=False)  # type: ignore[assignment]
    name = serializers.CharField(required=False, help_text="Of the broadcast, as `status`, `reason` and `counts`.")
    status = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)
    counts = serializers.DictField(child=serializers.IntegerField(), required=False)


class EventsSerializer(serializers.Serializer):
    """What a subscribed URL is posted."""

    type = serializers.ChoiceField(choices=[("events", "Events")])
    timestamp = serializers.DateTimeField()
    data = ToldEventSerializer(  # type: ignore[assignment]
        many=True, help_text="At most 100 events of one broadcast, in their order."
    )


EVENTS_WEBHOOK = OpenApiWebhook(
    name="events",
    decorator=extend_schema(
        summary="Events of a subscription",
        description="Signed as Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`. Answer 2xx "
        "within 10 seconds; anything else is tried again for three days.",
        request=EventsSerializer,
        responses={200: OpenApiResponse(description="The events were taken.")},
    ),
)
