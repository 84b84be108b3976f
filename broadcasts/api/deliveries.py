"""The delivery log: of one broadcast, or of all of them."""

import csv
from collections.abc import Iterator
from typing import Any

import phonenumbers
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import NotFound

from broadcasts import links
from broadcasts.models import Broadcast, Delivery, Reason

from .fields import MomentField, RefField
from .pagination import KeysetPagination
from .resources import Listed, PickingSerializer, Resource, Retrieved

CHUNK = 2000


class LogFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=Delivery.Status.choices)
    reason = filters.MultipleChoiceFilter(choices=Reason.choices)
    channel = filters.UUIDFilter(field_name="message__channel__uuid")
    created_after = filters.IsoDateTimeFilter(field_name="created", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created", lookup_expr="lt")
    sent_after = filters.IsoDateTimeFilter(field_name="sent_at", lookup_expr="gte")
    sent_before = filters.IsoDateTimeFilter(field_name="sent_at", lookup_expr="lt")


class DeliveryFilter(LogFilter):
    broadcast = filters.UUIDFilter(field_name="message__broadcast__uuid")
    contact = filters.UUIDFilter(field_name="contact__uuid")
    address = filters.CharFilter(lookup_expr="iexact")


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
    attempts = serializers.IntegerField()
    due_at = MomentField(allow_null=True)
    created = MomentField()
    sent_at = MomentField(allow_null=True)
    delivered_at = MomentField(allow_null=True)
    bounced_at = MomentField(allow_null=True)
    opened_at = MomentField(allow_null=True)
    clicked_at = MomentField(allow_null=True)
    played_at = MomentField(allow_null=True)
    replied_at = MomentField(allow_null=True)
    complained_at = MomentField(allow_null=True)
    unsubscribed_at = MomentField(allow_null=True)

    def get_key(self, delivery: Delivery) -> str:
        return links.delivery_token(delivery.pk)

    def get_name(self, delivery: Delivery) -> str:
        return delivery.contact.full_name if delivery.contact else ""

    def get_country_code(self, delivery: Delivery) -> str:
        """The calling code of a phone number, such as 34."""
        digits = delivery.address.removeprefix("+")
        if not digits.isdecimal():
            return ""
        try:
            return str(phonenumbers.parse(f"+{digits}").country_code)
        except phonenumbers.NumberParseException:
            return ""

    def get_reply(self, delivery: Delivery) -> str | None:
        return next((reply.text for reply in delivery.replies.all()), None) if delivery.replied_at else None


class DeliverySerializer(LogSerializer):
    broadcast = RefField(Broadcast, source="message.broadcast", read_only=True)
    message = serializers.UUIDField(source="message.uuid")


def shown(deliveries: QuerySet) -> QuerySet:
    return deliveries.select_related("contact", "message__channel", "message__broadcast").prefetch_related("replies")


def log_of(broadcast: Broadcast) -> QuerySet:
    """Return a broadcast's deliveries in the order of their index, which needs no sorting at any size."""
    messages = list(broadcast.messages.values_list("pk", flat=True))
    return shown(Delivery.objects.filter(message__in=messages)).order_by("message_id", "contact_id", "pk")


def stream_csv(rows: QuerySet, filename: str) -> StreamingHttpResponse:
    """Send a log of any length in constant memory."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8", headers=headers)


class Line:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: QuerySet) -> Iterator[str]:
    serializer = LogSerializer()
    writer = csv.writer(Line())
    yield writer.writerow(serializer.fields)
    for row in rows.iterator(chunk_size=CHUNK):
        yield writer.writerow([harmless(value) for value in serializer.to_representation(row).values()])


def harmless(value: Any) -> Any:
    """Keep a spreadsheet from running a name or an error as a formula."""
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky and not value[1:].isdecimal() else value


KEY = OpenApiParameter("uuid", str, OpenApiParameter.PATH, description="The delivery's key.")


@extend_schema_view(
    list=extend_schema(summary="List deliveries"), retrieve=extend_schema(summary="Read a delivery", parameters=[KEY])
)
class Deliveries(Listed, Retrieved, Resource):
    """Every copy to every recipient, newest first."""

    model = Delivery
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    pagination_class = KeysetPagination

    def get_queryset(self) -> QuerySet:
        return shown(super().get_queryset()).order_by("-pk")

    def get_object(self) -> Any:
        row = self.get_queryset().filter(pk=links.delivery_id(self.kwargs["uuid"]) or 0).first()
        if row is None:
            raise NotFound()
        return row
