"""`/orgs/{org}/broadcasts/{id}/recipients`: the delivery log."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts.api.deliveries import loaded, log_of
from broadcasts.dialects.fields import UtcField, utc
from broadcasts.models import Delivery, ProviderRef, Reason

from .broadcasts import InventListSerializer, slice_of
from .people import InventContactSerializer, InventPeople
from .views import InventView

PAIRED = ("bounced", "delivered", "complained", "unsubscribed", "opened", "played")  # facts with a flag and a time


class InventRecipientSerializer(serializers.Serializer):
    """A copy: one person, by one template."""

    id = serializers.CharField(source="pk")
    broadcast_id = serializers.UUIDField(source="message.broadcast.uuid")
    broadcast_name = serializers.CharField(source="message.broadcast.name")
    template_id = serializers.UUIDField(source="message.uuid")
    integration_id = serializers.CharField(source="message.channel.kind", default="")
    user_id = serializers.SerializerMethodField()
    name = serializers.CharField(source="contact.full_name", default="")
    username = serializers.SerializerMethodField()
    phone = serializers.CharField(source="contact.phone", default="")
    email = serializers.CharField(source="contact.email", default="")
    status = serializers.SerializerMethodField()
    is_skipped = serializers.SerializerMethodField()
    skipped_at = serializers.SerializerMethodField()
    is_failed = serializers.SerializerMethodField()
    failed_at = serializers.SerializerMethodField()
    is_sent = serializers.SerializerMethodField()
    sent_at = UtcField(allow_null=True)
    error_message = serializers.SerializerMethodField()
    external_message_id = serializers.SerializerMethodField()
    contact = InventContactSerializer(allow_null=True)
    created_at = UtcField(source="created")
    updated_at = serializers.SerializerMethodField()

    FAILED: ClassVar[frozenset[str]] = frozenset({Delivery.Status.FAILED, Delivery.Status.UNKNOWN})

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        for fact in PAIRED:
            fields[f"is_{fact}"] = InventFlagField(source=f"{fact}_at")
            fields[f"{fact}_at"] = UtcField(allow_null=True, read_only=True)
        return fields

    def get_user_id(self, delivery: Delivery) -> str:
        return (delivery.contact.external_id if delivery.contact else None) or delivery.address

    def get_username(self, delivery: Delivery) -> str:
        return ""

    def get_status(self, delivery: Delivery) -> str:
        has_begun = delivery.status == Delivery.Status.PENDING and delivery.attempts > 0
        return "SENDING" if has_begun else delivery.status.upper()

    def get_is_skipped(self, delivery: Delivery) -> bool:
        return delivery.status == Delivery.Status.SKIPPED

    def get_skipped_at(self, delivery: Delivery) -> str | None:
        return utc(delivery.created) if delivery.status == Delivery.Status.SKIPPED else None

    def get_is_failed(self, delivery: Delivery) -> bool:
        return delivery.status in self.FAILED

    def get_failed_at(self, delivery: Delivery) -> str | None:
        return utc(delivery.latest) if delivery.status in self.FAILED else None

    def get_is_sent(self, delivery: Delivery) -> bool:
        return delivery.status == Delivery.Status.SENT

    def get_error_message(self, delivery: Delivery) -> str | None:
        return delivery.error or (Reason(delivery.reason).label if delivery.reason else None)

    def get_external_message_id(self, delivery: Delivery) -> str | None:
        return self.context["references"].get(delivery.pk)

    def get_updated_at(self, delivery: Delivery) -> str | None:
        return utc(delivery.latest)


class InventFlagField(serializers.BooleanField):
    """Whether a time is set."""

    def get_attribute(self, instance: Any) -> bool:
        return super().get_attribute(instance) is not None


class InventRecipients(InventView):
    @extend_schema(
        summary="List who gets, or does not get, a broadcast",
        description="Nobody before it is started.",
        parameters=[InventListSerializer],
        responses=InventRecipientSerializer(many=True),
    )
    def get(self, request: Request, org: str, id: str) -> Response:
        keys = list(log_of(self.broadcast()).values_list("pk", flat=True)[slice_of(self.asked(InventListSerializer))])
        rows = loaded(keys)
        found = ProviderRef.objects.filter(delivery__in=keys).order_by("-pk")
        references = dict(found.values_list("delivery_id", "provider_id"))
        people = InventPeople([row.contact for row in rows if row.contact])
        context = self.context(references=references, people=people)
        return Response(InventRecipientSerializer(rows, many=True, context=context).data)
