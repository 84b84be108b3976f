"""The delivery log: of one broadcast, or of all of them."""

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import StreamingHttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import links, reporting
from broadcasts.exporting import csv_lines
from broadcasts.mediums import calling_code
from broadcasts.models import FACTS, Broadcast, Delivery, DeliveryAttempt, Device, Link, Reason
from broadcasts.reporting.people import clicked

from .fields import NOT_MEASURED, MomentField, MomentFilter, RefField
from .pagination import KeysetPagination, LinkPagination
from .renderers import AsTable, Csv, stream
from .reports import EventSerializer, events_of, stream_events
from .resources import PickingSerializer, Resource, Retrieved

CHUNK = 2000


class FactField(MomentField):
    """When a fact was told; a fact that is not measured never is."""

    def __init__(self) -> None:
        super().__init__(allow_null=True, help_text=NOT_MEASURED)


class LogFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=Delivery.Status.choices)
    reason = filters.MultipleChoiceFilter(choices=Reason.choices)
    channel = filters.UUIDFilter(field_name="message__channel__uuid")
    created_after = MomentFilter(field_name="created", lookup_expr="gte")
    created_before = MomentFilter(field_name="created", lookup_expr="lt")
    sent_after = MomentFilter(field_name="sent_at", lookup_expr="gte")
    sent_before = MomentFilter(field_name="sent_at", lookup_expr="lt")
    fact = filters.ChoiceFilter(choices=[(fact, fact) for fact in FACTS], method="with_fact")
    language = filters.CharFilter(help_text="That the copy is in.")
    domain = filters.CharFilter(method="in_group", help_text="The receiving domain, such as example.com.")
    device = filters.ChoiceFilter(choices=Device.choices, method="in_group", help_text="On which it was opened.")
    error = filters.CharFilter(method="in_group", help_text="Of `failures` in the report of a broadcast.")
    link = filters.UUIDFilter(method="who_clicked", help_text="The uuid of a link that its recipient clicked.")
    fallback = filters.BooleanFilter(
        field_name="replaces", lookup_expr="isnull", exclude=True, help_text="true: copies that replace another one."
    )

    def with_fact(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(**{f"{value}_at__isnull": False})

    def in_group(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return reporting.narrowed(queryset, name, value)

    def who_clicked(self, queryset: QuerySet, name: str, value: UUID) -> QuerySet:
        link = Link.objects.for_organization(self.request.organization).filter(uuid=value).first()
        return queryset.filter(clicked(link)) if link else queryset.none()


class DeliveryFilter(LogFilter):
    broadcast = filters.UUIDFilter(field_name="message__broadcast__uuid")
    contact = filters.UUIDFilter(field_name="contact__uuid")
    address = filters.CharFilter(lookup_expr="iexact")


def key_of(what: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": f"{what} Its key."}


class LogSerializer(PickingSerializer):
    """One recipient of one message."""

    key = serializers.SerializerMethodField()
    name = serializers.SerializerMethodField()
    contact = serializers.UUIDField(source="contact.uuid", default=None, allow_null=True)
    channel = serializers.CharField(source="message.channel.name", default=None, allow_null=True)
    country_code = serializers.SerializerMethodField()
    address = serializers.CharField()
    language = serializers.CharField()
    status = serializers.ChoiceField(choices=Delivery.Status.choices)
    reason = serializers.ChoiceField(choices=Reason.choices, allow_blank=True)
    error = serializers.CharField()
    reply = serializers.SerializerMethodField()
    replaces = serializers.SerializerMethodField()
    replaced_by = serializers.SerializerMethodField()
    fallback_at = MomentField(
        allow_null=True, help_text="When the next channel takes over, unless what is waited for is reported before."
    )
    attempts = serializers.IntegerField()
    segments = serializers.IntegerField(allow_null=True, help_text="Of an SMS that was sent.")
    due_at = MomentField(allow_null=True)
    created = MomentField()
    sent_at = MomentField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        return super().get_fields() | {f"{fact}_at": FactField() for fact in FACTS}

    def get_key(self, delivery: Delivery) -> str:
        return links.delivery_token(delivery.pk)

    def get_name(self, delivery: Delivery) -> str:
        return delivery.contact.full_name if delivery.contact else ""

    def get_country_code(self, delivery: Delivery) -> str:
        return calling_code(delivery.address)

    @extend_schema_field(key_of("The delivery on an earlier channel that this one replaced."))
    def get_replaces(self, delivery: Delivery) -> str | None:
        return links.delivery_token(delivery.replaces) if delivery.replaces else None

    @extend_schema_field(key_of("The delivery on a further channel that replaced this one."))
    def get_replaced_by(self, delivery: Any) -> str | None:
        return links.delivery_token(delivery.replaced_by) if delivery.replaced_by else None

    def get_reply(self, delivery: Delivery) -> str | None:
        return next((reply.text for reply in delivery.replies.all()), None) if delivery.replied_at else None


class TrySerializer(serializers.Serializer):
    """One attempt to hand a copy over."""

    number = serializers.IntegerField()
    at = MomentField()
    is_accepted = serializers.BooleanField()
    words = serializers.CharField(help_text="What the server said, at most 500 characters.")


class DeliverySerializer(LogSerializer):
    broadcast = RefField(Broadcast, source="message.broadcast", read_only=True)
    message = serializers.UUIDField(source="message.uuid")
    tries = TrySerializer(
        many=True,
        help_text="The attempts in their order: those refused, and those accepted where the channel `keeps_answers`.",
    )


def log_of(broadcast: Broadcast) -> QuerySet:
    """Return a broadcast's deliveries in the order of their index, which needs no sorting at any size."""
    messages = list(broadcast.messages.values_list("pk", flat=True))
    return Delivery.objects.filter(message__in=messages).order_by("message_id", "contact_id", "pk")


def loaded(page: list[int]) -> list[Delivery]:
    """Load the rows of a page of ids; a page is found by ids alone, since a database joins all that it skips."""
    related = Delivery.objects.select_related("contact", "message__channel", "message__broadcast")
    found = related.prefetch_related("replies").with_replaced_by().in_bulk(page)
    return [found[pk] for pk in page if pk in found]


def with_tries(deliveries: list[Delivery]) -> list[Delivery]:
    """Load the attempts of some deliveries, by one query."""
    prefetch_related_objects(deliveries, Prefetch("tries", DeliveryAttempt.objects.order_by("pk")))
    return deliveries


def stream_csv(rows: Any, filename: str) -> StreamingHttpResponse:
    """Send a log of any length."""
    return stream(csv_lines(rows), filename)


KEY = OpenApiParameter("uuid", str, OpenApiParameter.PATH, description="The delivery's key.")


@extend_schema_view(
    list=extend_schema(summary="List deliveries"), retrieve=extend_schema(summary="Read a delivery", parameters=[KEY])
)
class Deliveries(AsTable, Retrieved, Resource):
    """Every copy to every recipient, newest first."""

    model = Delivery
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    pagination_class = KeysetPagination
    tables = frozenset({"events"})

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        keys = self.filter_queryset(self.get_queryset()).order_by("-pk").values_list("pk", flat=True)
        serializer = self.get_serializer(with_tries(loaded(self.paginate_queryset(keys) or [])), many=True)
        return self.get_paginated_response(serializer.data)

    @extend_schema(
        summary="List what was reported about a delivery",
        description="In the order in which it was recorded; as CSV where `Accept` is `text/csv`.",
        parameters=[KEY],
        responses=EventSerializer(many=True),
        filters=False,
    )
    @action(
        detail=True,
        filter_backends=[],
        filterset_class=None,
        pagination_class=LinkPagination,
        serializer_class=EventSerializer,
    )
    def events(self, request: Request, uuid: str) -> Any:
        delivery = self.get_object()
        if isinstance(request.accepted_renderer, Csv):
            return stream_events(delivery)
        page = self.paginate_queryset(events_of(delivery)) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def get_object(self) -> Any:
        key = links.delivery_id(self.kwargs["uuid"]) or 0
        rows = with_tries(loaded(list(self.get_queryset().filter(pk=key).values_list("pk", flat=True))))
        if not rows:
            raise NotFound()
        return rows[0]
