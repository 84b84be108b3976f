"""How many SMS a text is, for whoever writes one."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from broadcasts import septets

from .resources import StrictSerializer


class SmsTextSerializer(StrictSerializer):
    text = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=20_000)


class SmsCountSerializer(serializers.Serializer):
    """What a text takes as an SMS."""

    encoding = serializers.ChoiceField(choices=[septets.GSM, septets.UCS2])
    units = serializers.IntegerField(help_text="Septets of GSM-7, or units of 16 bits of UCS-2.")
    segments = serializers.IntegerField()
    left = serializers.IntegerField(help_text="Units until one more segment is needed.")
    others = serializers.CharField(help_text="Its characters outside the alphabet of GSM-7, each once.")
    plain = serializers.CharField(help_text="The text with typographic quotes, dashes and signs replaced.")
    plain_segments = serializers.IntegerField(help_text="The segments of `plain`.")


class SmsCount(APIView):
    """Counts nothing but characters: a placeholder is as long as it is written."""

    def act(self) -> str:
        return "read"

    @extend_schema(
        summary="Count the segments of an SMS",
        description="Of a text as it stands; with `plain`, what it is without the characters that make it longer.",
        request=SmsTextSerializer,
        responses=SmsCountSerializer,
    )
    def post(self, request: Request) -> Response:
        serializer = SmsTextSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(counted(serializer.validated_data["text"]))


def counted(text: str) -> dict[str, Any]:
    told, plain = septets.count(text), septets.plain(text)
    shown = {name: getattr(told, name) for name in ("encoding", "units", "segments", "left", "others")}
    return {**shown, "plain": plain, "plain_segments": septets.segments(plain)}
