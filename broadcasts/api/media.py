"""Files for messages: uploaded, listed, fetched by their signed address, deleted when nothing needs them."""

from hashlib import sha256
from typing import Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import links, uploading
from broadcasts.models import Media

from .fields import MomentField
from .idempotency import fingerprint
from .resources import Audited, Created, Destroyed, Listed, PickingSerializer, Resource, Retrieved


class MediaFilter(filters.FilterSet):
    filename = filters.CharFilter(lookup_expr="icontains")
    content_type = filters.CharFilter(
        lookup_expr="istartswith", help_text="The beginning of the type, such as `image/` or `application/pdf`."
    )


class MediaSerializer(PickingSerializer):
    """An uploaded file; messages name it by its uuid."""

    uuid = serializers.UUIDField(read_only=True)
    id = serializers.IntegerField(read_only=True)
    created = MomentField(read_only=True)
    file = serializers.FileField(write_only=True)
    filename = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=255,
        help_text="What messages call the file; without one, as it was called when uploaded. Folders and control "
        "characters are removed, and it is cut to 120 characters.",
    )
    content_type = serializers.CharField(read_only=True, help_text="As detected from the content.")
    size = serializers.IntegerField(read_only=True, help_text="In bytes.")
    url = serializers.URLField(
        read_only=True,
        help_text=f"An address at which anybody can fetch the file for {links.MEDIA_DAYS} days; read it again for a "
        "new one. Pictures are shown, all else is a download.",
    )

    def create(self, validated_data: dict[str, Any]) -> Media:
        return uploading.store(self.context["organization"], **validated_data)


@extend_schema_view(
    list=extend_schema(summary="List files"),
    retrieve=extend_schema(summary="Read a file's details", description="With a new address to fetch it at."),
    create=extend_schema(
        summary="Upload a file",
        description=f"A form with `file`. Its type is detected from its content; accepted are {uploading.ACCEPTED}. "
        "A file that is too large, by itself or with the organization's other files, is a 400. Messages attach it by "
        '`"attachments": [{"media": "<uuid>"}]` of a translation.',
    ),
    destroy=extend_schema(
        summary="Delete a file",
        description="Not while a template, or a broadcast that is not finished, needs it (409).",
    ),
)
class MediaFiles(Audited, Listed, Retrieved, Created, Destroyed, Resource):
    """Files for messages, newest first."""

    model = Media
    serializer_class = MediaSerializer
    filterset_class = MediaFilter
    parser_classes = [MultiPartParser]
    ordering_fields = {"created": "id", "filename": "filename", "size": "size"}
    default_ordering = "-created"
    streams = frozenset({"create"})

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Refuse a form that is too large before it is read."""
        length = request.META.get("CONTENT_LENGTH") or ""
        beside_file = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        Media.check_size(int(length) - beside_file if length.isdecimal() else 0)
        self.claim(request, lambda: fingerprint(request, digest_of(request)))
        return super().create(request, *args, **kwargs)


def digest_of(request: Request) -> bytes:
    """Return a hash of a form: its texts, and the names and contents of its files."""
    digest, form = sha256(), cast(QueryDict, request.data)
    for name, value in sorted(form.items()):
        digest.update(repr((name, str(value))).encode(errors="replace"))
        if isinstance(value, UploadedFile):
            for chunk in value.chunks():
                digest.update(chunk)
    return digest.digest()
