"""`/v1/broadcasts/{id}/logs`: what became of each copy."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts.api.deliveries import loaded, log_of
from broadcasts.dialects.fields import millis
from broadcasts.dialects.paging import cut
from broadcasts.mediums import calling_code
from broadcasts.models import Delivery, Reason

from .broadcasts import WhautomateBroadcastView
from .views import WhautomateListSerializer

LOG_STATUSES = ("skipped", "pending", "failed", "sent", "delivered", "read")
FAILED = frozenset({Delivery.Status.FAILED, Delivery.Status.UNKNOWN, Delivery.Status.CANCELLED})


class WhautomateLogBroadcastSerializer(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()


class WhautomateLogSerializer(serializers.Serializer):
    """One copy; `recepientName` is spelled as the vendor spells it."""

    broadcast = WhautomateLogBroadcastSerializer()
    recepientName = serializers.CharField()
    countryCode = serializers.CharField()
    phone = serializers.CharField()
    status = serializers.ChoiceField(choices=LOG_STATUSES)
    reply = serializers.CharField()
    error = serializers.CharField()
    createdAt = serializers.CharField()
    updatedAt = serializers.CharField()


class WhautomateLogs(WhautomateBroadcastView):
    @extend_schema(
        summary="List what became of each copy",
        description="Nothing before it is started.",
        parameters=[WhautomateListSerializer],
        responses=WhautomateLogSerializer(many=True),
    )
    def get(self, request: Request, id: str) -> Response:
        asked, broadcast = self.asked(WhautomateListSerializer), self.broadcast()
        keys = cut(log_of(broadcast).values_list("pk", flat=True), asked["page"], asked["limit"])
        about = {"id": str(broadcast.uuid), "name": broadcast.name}
        return Response([{"broadcast": about, **entry(one)} for one in loaded(keys)])


def entry(delivery: Delivery) -> dict[str, Any]:
    """Return the log's words for a delivery."""
    code = calling_code(delivery.address)
    replies = delivery.replies.all()
    return {
        "recepientName": delivery.contact.full_name if delivery.contact else "",
        "countryCode": code,
        "phone": delivery.address.removeprefix("+").removeprefix(code) if code else "",
        "status": furthest(delivery),
        "reply": next((reply.text for reply in replies), ""),
        "error": delivery.error or (Reason(delivery.reason).label if delivery.reason else ""),
        "createdAt": millis(delivery.created),
        "updatedAt": millis(delivery.latest),
    }


def furthest(delivery: Delivery) -> str:
    """Return how far a copy came."""
    if delivery.opened_at:
        return "read"
    if delivery.delivered_at:
        return "delivered"
    if delivery.status in FAILED or delivery.bounced_at:
        return "failed"
    return str(delivery.status)
