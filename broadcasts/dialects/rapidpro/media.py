"""`/api/v2/media.json`: files for broadcasts."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import links
from broadcasts.models import AuditEntry, Media

from .views import RapidProView

UNSUPPORTED = "Unsupported file type."
KINDS = ("image/", "audio/", "video/", "application/pdf")


def attachment(media: Media) -> str:
    """Return a file as broadcasts and messages show it: type:url, where it can be fetched for some days."""
    return f"{media.content_type}:{links.media_url(media.pk)}"


class RapidProMediaInput(serializers.Serializer):
    file = serializers.FileField(error_messages={"required": "No file was submitted."})


class RapidProMediaSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    content_type = serializers.CharField()
    url = serializers.SerializerMethodField()
    filename = serializers.CharField()
    size = serializers.IntegerField()

    def get_url(self, row: Media) -> str:
        return links.media_url(row.pk)


class RapidProMedia(RapidProView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        summary="Upload a file",
        description="A picture, sound, film or PDF, as its content tells; up to MEDIA_MAX_MB.",
        request={"multipart/form-data": RapidProMediaInput},
        responses={201: RapidProMediaSerializer},
    )
    def post(self, request: Request) -> Response:
        file = self.read(RapidProMediaInput)["file"]
        media = Media(organization=self.organization, file=file, filename=file.name)
        try:
            media.clean()
        except DjangoValidationError as error:
            raise serializers.ValidationError({"file": error.messages}) from None
        return Response(RapidProMediaSerializer(self._stored(media)).data, 201)

    def _stored(self, media: Media) -> Any:
        media.save()
        AuditEntry.write(media, "create", organization=self.organization, user=self.user, fields=["file"])
        return media
