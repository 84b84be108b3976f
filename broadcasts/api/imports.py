"""Files with people, who came where, or suppressions: streamed to disk, imported in the background, watched."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.http import StreamingHttpResponse
from django.http.multipartparser import MultiPartParserError
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import formats, importing
from broadcasts.exceptions import InvalidInput
from broadcasts.models import AuditEntry, ImportJob, Medium, Suppression, UseCase

from .errors import TooLarge
from .fields import JsonField, MomentField, RefField
from .idempotency import fingerprint
from .resources import Listed, PickingSerializer, Resource, Retrieved
from .suppressions import ABOUT_USE_CASE

PIECE = 1 << 16
FORMATS = {
    "text/csv": ImportJob.Format.CSV,
    "application/csv": ImportJob.Format.CSV,
    "application/x-ndjson": ImportJob.Format.JSON_LINES,
    "application/jsonl": ImportJob.Format.JSON_LINES,
    "application/x-jsonlines": ImportJob.Format.JSON_LINES,
}
SUFFIXES = {".jsonl": ImportJob.Format.JSON_LINES, ".ndjson": ImportJob.Format.JSON_LINES}


class CountsSerializer(serializers.Serializer):
    """What came of the rows so far; of a dry run, what would."""

    rows = serializers.IntegerField()
    created = serializers.IntegerField(source="created_count")
    updated = serializers.IntegerField(source="updated_count")
    unchanged = serializers.IntegerField(source="unchanged_count")
    invalid = serializers.IntegerField(source="invalid_count")
    suppressed = serializers.IntegerField(source="suppressed_count")


class DoubtSerializer(serializers.Serializer):
    """How many addresses of a kind were taken, and the first lines that have one."""

    count = serializers.IntegerField()
    lines = serializers.ListField(child=serializers.IntegerField())


class DoubtsSerializer(serializers.Serializer):
    """Addresses that were taken and are worth a look; a kind without any is left out."""

    role = DoubtSerializer(required=False, help_text="Of a task and not of a person, such as info@.")
    disposable = DoubtSerializer(required=False, help_text="Of a service for addresses that are thrown away.")


class ImportSerializer(PickingSerializer):
    uuid = serializers.UUIDField()
    created = MomentField()
    kind = serializers.ChoiceField(ImportJob.Kind.choices)
    format = serializers.ChoiceField(ImportJob.Format.choices)
    filename = serializers.CharField()
    status = serializers.ChoiceField(ImportJob.Status.choices)
    dry_run = serializers.BooleanField()
    stop_asked = serializers.BooleanField()
    counts = CountsSerializer(source="*")
    warnings = DoubtsSerializer()
    bytes_read = serializers.IntegerField()
    bytes_total = serializers.IntegerField(allow_null=True)
    progress = serializers.SerializerMethodField(help_text="From 0 to 1; null when the size is not known.")
    mapping = JsonField()
    segment = serializers.SerializerMethodField()
    rehearsal = RefField(ImportJob, read_only=True, allow_null=True, help_text="The dry run that this one follows.")
    by = serializers.CharField(source="by.full_name", default=None, allow_null=True)
    error_message = serializers.CharField()
    started_at = MomentField(allow_null=True)
    finished_at = MomentField(allow_null=True)

    def get_progress(self, job: ImportJob) -> float | None:
        return job.progress

    def get_segment(self, job: ImportJob) -> str | None:
        return job.options.get("segment") or None


class ImportFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=ImportJob.Status.choices)
    kind = filters.ChoiceFilter(choices=ImportJob.Kind.choices)
    dry_run = filters.BooleanFilter()


class JsonTextField(JsonField):
    """JSON in a query parameter."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = json.loads(data)
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise serializers.ValidationError("This is not JSON.") from None
        return super().to_internal_value(value)


class OptionsSerializer(serializers.Serializer):
    """The query parameters of an import."""

    dry_run = serializers.BooleanField(required=False, help_text="Only say what would be done.")
    mapping = JsonTextField(
        required=False, help_text='What columns are, over what headers say: {"Mail": "email", "Notes": "-"}.'
    )
    types = JsonTextField(required=False, help_text='Of new attributes: {"member_no": "text"}.')
    delimiter = serializers.CharField(required=False, trim_whitespace=False, help_text="Without: found in the header.")
    encoding = serializers.CharField(required=False, help_text="Without: UTF-8, or UTF-16 by its mark.")
    filename = serializers.CharField(required=False, max_length=255, help_text="What the history calls the file.")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(self.initial_data) - set(self.fields):
            name = min(unknown)
            raise serializers.ValidationError({name: [f"Unknown; accepted: {', '.join(self.fields)}."]})
        return given


class ContactOptionsSerializer(OptionsSerializer):
    segment = serializers.CharField(
        required=False, help_text="Name or uuid of a static segment that all join; one of a new name is made."
    )
    consent = JsonTextField(
        required=False,
        help_text='What all said yes to: {"medium": "email", "use_case": "marketing", "source": "...", '
        '"wording": "..."}. It is never written over an opt-out.',
    )


class AttendanceOptionsSerializer(OptionsSerializer):
    create = serializers.BooleanField(  # type: ignore[assignment]
        required=False, help_text="Make contacts that are not known yet."
    )


class SuppressionOptionsSerializer(OptionsSerializer):
    """What is not said by a line of the file, beside the options of every import."""

    DEFAULTS = ("medium", "reason", "use_case")

    medium = serializers.ChoiceField(Medium.choices, required=False, help_text="Without: email.")
    reason = serializers.ChoiceField(Suppression.Cause.choices, required=False, help_text="Without: import.")
    use_case = serializers.ChoiceField(UseCase.choices, allow_blank=True, required=False, help_text=ABOUT_USE_CASE)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        given = super().validate(given)
        defaults = {name: given.pop(name) for name in self.DEFAULTS if name in given}
        return {**given, "defaults": {**defaults, "source": "API"}}


FILE = {
    **dict.fromkeys(("text/csv", "application/x-ndjson", "application/jsonl"), OpenApiTypes.STR),
    "multipart/form-data": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}},
}
SAID = """
The body is the file, or `file` of a form; it is streamed to disk and imported in the background. What is wrong with
the file as a whole is a 400 at once; what is wrong with single rows is told by `errors/` of the import.
"""


def starts(summary: str, description: str, options: type[serializers.Serializer]) -> Any:
    return extend_schema(
        summary=summary,
        description=description + SAID,
        parameters=[options],
        request=FILE,
        responses={202: ImportSerializer},
        filters=False,
    )


@extend_schema_view(
    list=extend_schema(summary="List imports"),
    retrieve=extend_schema(summary="Read an import", description="Its counts, and how far it is."),
)
class Imports(Listed, Retrieved, Resource):
    """The history of imports, newest first, and those under way."""

    model = ImportJob
    serializer_class = ImportSerializer
    filterset_class = ImportFilter
    ordering_fields = {"created": "id", "filename": "filename", "status": "status"}
    default_ordering = "-created"
    streams = frozenset({"contacts", "attendances", "suppressions"})

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("by", "rehearsal")

    @starts(
        "Import contacts",
        "CSV with a header, or JSON lines with the fields of a contact. People are looked up by external id, e-mail, "
        "then phone; empty cells change nothing, and nobody's status or opt-out is touched.",
        ContactOptionsSerializer,
    )
    def contacts(self, request: Request) -> Response:
        return self.begin(request, ImportJob.Kind.CONTACTS, ContactOptionsSerializer)

    @starts(
        "Import attendances",
        f"CSV with a header, or JSON lines; columns: {', '.join(importing.ATTENDANCE_FIELDS)}. `activity` is the "
        "external id of an activity; without it, `name` and `starts_at` say which one it is. ",
        AttendanceOptionsSerializer,
    )
    def attendances(self, request: Request) -> Response:
        return self.begin(request, ImportJob.Kind.ATTENDANCES, AttendanceOptionsSerializer)

    @starts(
        "Import suppressions",
        f"CSV with a header, or JSON lines; columns: {', '.join(importing.SUPPRESSION_FIELDS)}. A line has an address, "
        "or the hash of one as an export of suppressions has it. A blank `use_case` is everything in a line with the "
        "columns `hash` and `use_case`; in others, what the parameter says, or the reason. What is known already "
        "stays (`unchanged`), or becomes stricter (`updated`).",
        SuppressionOptionsSerializer,
    )
    def suppressions(self, request: Request) -> Response:
        return self.begin(request, ImportJob.Kind.SUPPRESSIONS, SuppressionOptionsSerializer)

    def begin(self, request: Request, kind: str, accepted: type[serializers.Serializer]) -> Response:
        serializer = accepted(data=request.query_params.dict())
        serializer.is_valid(raise_exception=True)
        body = Body.of(request)
        stored = importing.store(body.pieces)
        try:
            if body.size not in (None, stored.size):
                came, promised = formats.number(stored.size), formats.number(body.size)
                raise ParseError(f"The body ended after {came} of {promised} bytes; send it again.")
            self.claim(request, lambda: fingerprint(request, stored.digest.encode()))
        except BaseException:
            stored.discard()
            raise
        options = {"filename": body.filename, "encoding": body.encoding, **serializer.validated_data}
        job = importing.begin(self.organization, stored, by=self.user, kind=kind, format=body.format, **options)
        return self.shown(job, 202)

    @extend_schema(
        summary="The rows that were refused",
        description="CSV: the line a row begins at, the column, the reason and the value.",
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR)},
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def errors(self, request: Request, uuid: str) -> StreamingHttpResponse:
        job = self.get_object()
        headers = {"Content-Disposition": f'attachment; filename="{job.uuid}.errors.csv"'}
        lines = importing.refused_lines(job)
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

    @extend_schema(
        summary="Stop an import",
        description="After the chunk that is being written. What is done stays done.",
        request=None,
        responses={200: ImportSerializer},
    )
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, uuid: str) -> Response:
        job = self.get_object()
        importing.stop(job)
        AuditEntry.write(job, "stop", organization=self.organization, user=self.user)
        return self.shown(job)


class Body:
    """The body of an upload: the file in pieces, its name and size; it is never in memory as a whole."""

    size: int | None = None  # None if it is unknown

    def __init__(self, pieces: Iterator[bytes], format: str, filename: str, encoding: str = "") -> None:
        self.pieces = pieces
        self.format = format
        self.filename = filename
        self.encoding = encoding

    @classmethod
    def of(cls, request: Request) -> "Body":
        inner = request._request
        length = inner.META.get("CONTENT_LENGTH") or ""
        try:
            importing.check_size(int(length) if length.isdigit() else 0)
        except InvalidInput as error:
            raise TooLarge(error.errors["file"]) from None
        if inner.content_type == "multipart/form-data":
            return cls._of_form(inner)
        format = FORMATS.get(inner.content_type or "")
        if format is None:
            said = f"Send {', '.join(FORMATS)}, or a form with a file; not “{inner.content_type}”."
            raise UnsupportedMediaType(str(inner.content_type), said)
        # A client that streams names no length; the server ends such a body itself.
        is_chunked = not length and inner.META.get("wsgi.input_terminated")
        stream: Any = inner.META["wsgi.input"] if is_chunked else inner
        encoding = (inner.content_params or {}).get("charset", "")
        if encoding.lower().replace("-", "") == "utf8":
            encoding = ""  # which is so anyway, with a mark or without
        body = cls(iter(lambda: stream.read(PIECE), b""), format, "", encoding)
        body.size = int(length) if length.isdigit() else None
        return body

    @classmethod
    def _of_form(cls, inner: Any) -> "Body":
        try:
            file = inner.FILES.get("file")
        except MultiPartParserError as error:
            raise ParseError(f"This is no form: {error}") from None
        if file is None:
            raise InvalidInput({"file": "Give the file of the form this name."})
        name = file.name or ""
        by_type = FORMATS.get(file.content_type or "", ImportJob.Format.CSV)
        return cls(file.chunks(PIECE), SUFFIXES.get(Path(name).suffix.lower(), by_type), name)
