"""What should be looked at before a broadcast is sent, and the warnings that somebody accepts."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import checking, drafting
from broadcasts.checking import Level, Line
from broadcasts.exceptions import WrongState
from broadcasts.models import Broadcast

from .resources import StrictSerializer

STEPS = ("", "who", "what", "when")


class CheckDetailSerializer(serializers.Serializer):
    """One of the places that a line is about."""

    words = serializers.CharField()
    message = serializers.UUIDField(source="message.uuid", default=None, allow_null=True)
    language = serializers.CharField(allow_blank=True)


class CheckLineSerializer(serializers.Serializer):
    """What one question of the check found."""

    name = serializers.CharField()
    level = serializers.ChoiceField(
        choices=[(level.value, level.value) for level in Level],
        help_text="`ok`; `warning`, which a person should look at; or `stop`, which has to be mended.",
    )
    words = serializers.CharField(help_text="What is wrong and what to do, or what is fine.")
    step = serializers.ChoiceField(choices=STEPS, help_text="What mends it: who, what or when; empty: something else.")
    message = serializers.UUIDField(
        source="message.uuid", default=None, allow_null=True, help_text="The message whose content mends it."
    )
    language = serializers.CharField(allow_blank=True, help_text="Of that message.")
    details = CheckDetailSerializer(source="detail", many=True)
    accepted = serializers.SerializerMethodField()
    pending = serializers.BooleanField(
        source="is_pending", help_text="Whether links are still being checked: ask again."
    )

    def get_accepted(self, line: Line) -> bool:
        """Whether somebody accepted this warning as it reads now."""
        return checking.is_accepted(self.context["broadcast"], line)


class AcceptSerializer(StrictSerializer):
    accept = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=100, help_text="The names of warnings that stand now."
    )


class Checks:
    """The check of a broadcast, for its resource."""

    @extend_schema(
        methods=["get"],
        summary="Check before sending",
        description="Asks what the page Check asks. Links are checked in the background; nothing keeps `send/` from "
        "sending all the same.",
        filters=False,
        responses=CheckLineSerializer(many=True),
    )
    @extend_schema(
        methods=["post"],
        summary="Accept warnings of the check",
        description="By their names, for as long as they read the same. Returns all lines.",
        filters=False,
        request=AcceptSerializer,
        responses=CheckLineSerializer(many=True),
    )
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def check(self, request: Request, uuid: str) -> Response:
        view: Any = self
        broadcast: Broadcast = view.get_object()
        if broadcast.status in Broadcast.STARTED:
            raise WrongState(drafting.NOT_EDITABLE)
        if request.method == "POST":
            checking.accept(broadcast, view.read(AcceptSerializer)["accept"], view.user)
        lines = checking.check(broadcast)
        return Response(CheckLineSerializer(lines, many=True, context={"broadcast": broadcast}).data)
