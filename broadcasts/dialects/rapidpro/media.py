"""`/api/v2/media.json`: files for broadcasts."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import uploading
from broadcasts.api.idempotency import fingerprint
from broadcasts.api.media import digest_of
from broadcasts.exceptions import FileRefused
from broadcasts.filetypes import is_for_chats
from broadcasts.models import AuditEntry, Media

from .views import RapidProView

UNSUPPORTED = "Unsupported file type."
TOO_LARGE = "Limit for file uploads is {} MB."


def attachment(media: Media) -> str:
    """Return a file as broadcasts and messages show it: type:url, where it can be fetched for some days."""
    return f"{media.content_type}:{media.url}"


class RapidProMediaInput(serializers.Serializer):
    file = serializers.FileField(error_messages={"required": "No file was submitted."})


class RapidProMediaSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    content_type = serializers.CharField()
    url = serializers.CharField()
    filename = serializers.CharField()
    size = serializers.IntegerField()


class RapidProMedia(RapidProView):
    parser_classes = [MultiPartParser]
    action, streams = "create", frozenset({"create"})  # an Idempotency-Key is claimed once the form is read

    @extend_schema(
        summary="Upload a file",
        description="A picture, sound, film or PDF, as its content tells; up to MEDIA_MAX_MB.",
        request={"multipart/form-data": RapidProMediaInput},
        responses={201: RapidProMediaSerializer},
    )
    def post(self, request: Request) -> Response:
        file = self.read(RapidProMediaInput)["file"]
        self.claim(request, lambda: fingerprint(request, digest_of(request)))
        try:
            media = uploading.store(self.organization, file, accepts=is_for_chats)
        except FileRefused as error:
            raise serializers.ValidationError({"file": [self._words(error)]}) from None
        AuditEntry.write(media, "create", organization=self.organization, user=self.user, fields=["file"])
        return Response(RapidProMediaSerializer(media).data, 201)

    def _words(self, error: FileRefused) -> str:
        of_vendor = {"type": UNSUPPORTED, "size": TOO_LARGE.format(float(settings.MEDIA_MAX_MB))}
        return of_vendor.get(error.code, error.errors["file"])
