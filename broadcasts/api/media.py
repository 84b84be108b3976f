"""Files for messages: uploaded, listed, fetched by their signed address, deleted when nothing needs them."""

from hashlib import sha256
from typing import Any, ClassVar, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import links, uploading
from broadcasts.filetypes import SHOWN
from broadcasts.models import Media

from .fields import MomentField
from .idempotency import fingerprint
from .parsers import Json
from .permissions import may
from .resources import Audited, Destroyed, Listed, PickingSerializer, Resource, Retrieved, StrictSerializer

FILENAME_HELP = (
    "What messages call the file; without one, as it was called when uploaded. Folders and control characters are "
    "removed, and it is cut to 120 characters."
)
TEXT_HELP = "What a picture shows, for people and programs that do not see it."


class MediaFilter(filters.FilterSet):
    q = filters.CharFilter(method="search", help_text="A part of the filename or of the alternative text.")
    filename = filters.CharFilter(lookup_expr="icontains")
    alternative_text = filters.CharFilter(lookup_expr="icontains")
    lacks_alternative_text = filters.BooleanFilter(
        method="lacking", help_text="`true`: pictures that have none; `false`: pictures that have one."
    )
    content_type = filters.CharFilter(
        lookup_expr="istartswith", help_text="The beginning of the type, such as `image/` or `application/pdf`."
    )

    def search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Media.matching(value))

    def lacking(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        pictures = queryset.filter(content_type__in=SHOWN)
        return pictures.filter(alternative_text="") if value else pictures.exclude(alternative_text="")


class MediaSerializer(PickingSerializer):
    """An uploaded file; messages name it by its uuid."""

    uuid = serializers.UUIDField(read_only=True)
    id = serializers.IntegerField(read_only=True)
    created = MomentField(read_only=True)
    file = serializers.FileField(write_only=True)
    filename = serializers.CharField(required=False, allow_blank=True, max_length=255, help_text=FILENAME_HELP)
    alternative_text = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text=TEXT_HELP)
    content_type = serializers.CharField(read_only=True, help_text="As detected from the content.")
    size = serializers.IntegerField(read_only=True, help_text="In bytes.")
    width = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="In pixels, of pictures; null if it is not known.",
    )
    height = serializers.IntegerField(read_only=True, allow_null=True, help_text="In pixels, of pictures.")
    address = serializers.URLField(
        read_only=True,
        help_text="The permanent public address, for `src` and `href` in HTML. Pictures are shown, all else is a "
        "download.",
    )
    url = serializers.URLField(
        read_only=True,
        help_text=f"An address at which anybody can fetch the file for {links.MEDIA_DAYS} days; read it again for a "
        "new one. Pictures are shown, all else is a download.",
    )


class MediaChangeSerializer(StrictSerializer):
    """What may be changed of a file; its content never does, since messages refer to it."""

    filename = serializers.CharField(required=False, max_length=255, help_text=FILENAME_HELP)
    alternative_text = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text=TEXT_HELP)


@extend_schema_view(
    list=extend_schema(summary="List files"),
    retrieve=extend_schema(summary="Read a file's details", description="With a new address to fetch it at."),
    create=extend_schema(
        summary="Upload a file",
        description=f"A form with `file`. Its type is detected from its content; accepted are {uploading.ACCEPTED}. "
        "A file that is too large, by itself or with the organization's other files, is a 400. Messages attach it by "
        '`"attachments": [{"media": "<uuid>"}]` of a translation, and show or link it in their HTML by its `address`. '
        "Of a picture only its pixels are kept: turned upright, without metadata, in sRGB, up to 1,600 pixels wide, as "
        "PNG, JPEG or GIF. A damaged one, an SVG, or one with too many pixels or frames is a 400.",
    ),
    destroy=extend_schema(
        summary="Delete a file",
        description="Not while a template, a layout, or a broadcast that is not finished needs it (409). If mail that "
        "was sent shows or links it, an admin deletes it with `even_sent`; its readers then see a gap.",
        parameters=[OpenApiParameter("even_sent", bool, description="Delete it even if mail that was sent shows it.")],
    ),
)
class MediaFiles(Audited, Listed, Retrieved, Destroyed, Resource):
    """Files for messages, newest first."""

    model = Media
    serializer_class = MediaSerializer
    filterset_class = MediaFilter
    parser_classes = [MultiPartParser]
    acts: ClassVar = {"partial_update": "write"}
    ordering_fields = {"created": "id", "filename": "filename", "size": "size"}
    default_ordering = "-created"
    streams = frozenset({"create"})

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Refuse a form that is too large before it is read."""
        length = request.META.get("CONTENT_LENGTH") or ""
        beside_file = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        Media.check_size(int(length) - beside_file if length.isdecimal() else 0)
        self.claim(request, lambda: fingerprint(request, digest_of(request)))
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        media = uploading.store(self.organization, **serializer.validated_data)
        self.audit(media, "create", sorted(serializer.validated_data))
        return self.shown(media, 201)

    @extend_schema(
        summary="Describe a file",
        description="Its name and its alternative text.",
        request=MediaChangeSerializer,
        responses=MediaSerializer,
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        media = self.get_object()
        changes = self.read(MediaChangeSerializer)
        fields = [name for name, value in changes.items() if getattr(media, name) != value]
        if fields:
            for name in fields:
                setattr(media, name, changes[name])
            with transaction.atomic():
                media.save(update_fields=[*fields, "modified"])
                self.audit(media, "change", fields)
        return self.shown(media)

    def get_parsers(self) -> list[BaseParser]:
        is_change = self.request is not None and self.request.method == "PATCH"
        return [Json(), *super().get_parsers()] if is_change else super().get_parsers()

    def remove(self, row: Media) -> None:
        even_sent = self.request.query_params.get("even_sent") in ("true", "1")
        if even_sent and not may(self.request, self.member, "manage"):
            raise PermissionDenied("Only an admin deletes what mail that was sent shows.")
        row.delete(even_sent=even_sent)


def digest_of(request: Request) -> bytes:
    """Return a hash of a form: its texts, and the names and contents of its files."""
    digest, form = sha256(), cast(QueryDict, request.data)
    for name, value in sorted(form.items()):
        digest.update(repr((name, str(value))).encode(errors="replace"))
        if isinstance(value, UploadedFile):
            for chunk in value.chunks():
                digest.update(chunk)
    return digest.digest()
