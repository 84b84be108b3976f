"""Explain why a contact did, or did not, get a broadcast."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import explaining
from broadcasts.explaining import Explanation
from broadcasts.models import Broadcast, Contact, Reason

from .deliveries import LogSerializer
from .fields import RefField, resolve


class ExplainedConditionSerializer(serializers.Serializer):
    """One condition of the audience, or a group of conditions, whose members follow with a depth of one more."""

    depth = serializers.IntegerField()
    path = serializers.CharField()
    condition = serializers.CharField()
    actual = serializers.CharField(allow_null=True, help_text="The contact's own value.")
    holds = serializers.BooleanField()


class ExplanationSerializer(serializers.Serializer):
    """Why a contact did or did not get a broadcast; without a delivery `verdict` is another word than its status."""

    contact = RefField(Contact)
    broadcast = RefField(Broadcast)
    verdict = serializers.CharField(help_text=explaining.VERDICTS)
    reason = serializers.ChoiceField(choices=Reason.choices, allow_null=True)
    sentence = serializers.CharField()
    rule = serializers.CharField(allow_null=True, help_text="The nearest rule that excludes the contact.")
    deliveries = LogSerializer(many=True)
    parts = ExplainedConditionSerializer(many=True)

    def to_representation(self, told: Explanation) -> dict[str, Any]:
        shown = {name: getattr(told, name) for name in ("contact", "broadcast", "verdict", "sentence", "deliveries")}
        parts = [
            {
                "depth": depth,
                "path": node.path,
                "condition": node.words(),
                "actual": node.actual or None,
                "holds": node.holds,
            }
            for depth, node in told.lines()
        ]
        return super().to_representation(
            {**shown, "reason": told.reason or None, "rule": told.rule or None, "parts": parts}
        )


class ContactExplanation:
    """The action `explain` of contacts."""

    @extend_schema(
        summary="Why did, or didn\u2019t, this person get it?",
        description="Of a broadcast that is yet to start: whether they would, and why not.",
        filters=False,
        parameters=[OpenApiParameter("broadcast", str, required=True, description="The uuid of a broadcast.")],
        responses=ExplanationSerializer,
    )
    @action(detail=True, filter_backends=[], pagination_class=None)
    def explain(self: Any, request: Request, uuid: str) -> Response:
        contact = self.get_object()
        asked = request.query_params.getlist("broadcast")
        if len(asked) != 1:
            raise ValidationError({"broadcast": ["Name one broadcast by its uuid, as ?broadcast=<uuid>."]})
        try:
            [broadcast] = resolve(Broadcast, asked, self.organization)
        except ValidationError as error:
            raise ValidationError({"broadcast": error.detail}) from None
        told = explaining.explain(contact, broadcast)
        context = {"organization": self.organization}  # no request: `field` selects no fields of deliveries
        return Response(ExplanationSerializer(told, context=context).data)
