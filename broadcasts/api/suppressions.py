from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import importing, tracking
from broadcasts.exceptions import InvalidInput
from broadcasts.exporting import suppressions_csv
from broadcasts.models import (
    AuditEntry,
    ChannelKind,
    Suppression,
    UseCase,
    address_hash,
    address_key,
    stored_key,
    typed_address,
)

from .fields import MomentField
from .renderers import Csv, stream
from .resources import Audited, Created, Destroyed, Listed, PickingSerializer, Resource, Retrieved

ADDED_BY_HAND = (Suppression.Cause.MANUAL, Suppression.Cause.UNSUBSCRIBE, Suppression.Cause.COMPLAINT)

ABOUT_USE_CASE = "Blank: everything. Without: marketing, if the reason is unsubscribe or complaint; else everything."


class SuppressionFilter(filters.FilterSet):
    channel_kind = filters.ChoiceFilter(choices=ChannelKind.choices)
    reason = filters.MultipleChoiceFilter(choices=Suppression.Cause.choices)
    address = filters.CharFilter(method="of_address")

    class Meta:
        model = Suppression
        fields: list[str] = []

    def of_address(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        hashes = set()
        for kind in ChannelKind.values:
            try:
                hashes.add(address_hash(address_key(kind, value, self.request.organization.country)))
            except ValidationError:
                continue  # an address of another kind
        # By every kind, as the index begins with it.
        return queryset.filter(channel_kind__in=ChannelKind.values, address_hash__in=hashes)


class SuppressionSerializer(PickingSerializer):
    """An address that must not be reached."""

    uuid = serializers.UUIDField(read_only=True)
    id = serializers.IntegerField(read_only=True)
    created = MomentField(read_only=True)
    modified = MomentField(read_only=True)
    channel_kind = serializers.ChoiceField(choices=ChannelKind.choices, default=ChannelKind.EMAIL)
    address = serializers.CharField(max_length=320)
    reason = serializers.ChoiceField(choices=Suppression.Cause.choices, default=Suppression.Cause.MANUAL)
    use_case = serializers.ChoiceField(
        choices=UseCase.choices, allow_blank=True, required=False, help_text=ABOUT_USE_CASE
    )
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]  # of the same name by chance

    def validate_reason(self, value: str) -> str:
        if value not in ADDED_BY_HAND:
            raise serializers.ValidationError(f"Only these can be added: {', '.join(ADDED_BY_HAND)}.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            country = self.context["organization"].country
            attrs["address"] = typed_address(attrs["channel_kind"], attrs["address"], country)
        except ValidationError as error:
            raise serializers.ValidationError({"address": error.messages}) from None
        attrs.setdefault("use_case", Suppression.stops(attrs["reason"]))
        found = Suppression.objects.for_organization(self.context["organization"]).filter(
            Q(use_case="") | Q(use_case=attrs["use_case"]),
            channel_kind=attrs["channel_kind"],
            address_hash=address_hash(stored_key(attrs["address"])),
            reason=attrs["reason"],
        )
        if found.exists():
            raise serializers.ValidationError({"address": ["This address is suppressed for this reason already."]})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Suppression | None:
        return tracking.suppress(self.context["organization"], **validated_data, source="API")


class CsvFile(BaseParser):
    """Hands a file on unread."""

    media_type = "text/csv"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class JsonLines(CsvFile):
    media_type = "application/x-ndjson"


class ImportedSerializer(serializers.Serializer):
    dry_run = serializers.BooleanField()
    rows = serializers.IntegerField()
    added = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Suppressed for the same reason already.")
    invalid = serializers.IntegerField()
    errors = serializers.ListField(  # type: ignore[assignment]  # of the same name by chance
        child=serializers.DictField(), help_text='The first of them: `{"line": 3, "error": "..."}`.'
    )


class ImportOptions(serializers.Serializer):
    """What is not said by a line of the file, as parameters of the address."""

    dry_run = serializers.BooleanField(default=False, help_text="Count only.")
    channel_kind = serializers.ChoiceField(choices=ChannelKind.choices, default=ChannelKind.EMAIL)
    reason = serializers.ChoiceField(choices=Suppression.Cause.choices, default=Suppression.Cause.IMPORT)
    use_case = serializers.ChoiceField(
        choices=UseCase.choices, allow_blank=True, required=False, help_text=ABOUT_USE_CASE
    )


@extend_schema_view(
    list=extend_schema(
        summary="List suppressions",
        description="A page as JSON; all of them as CSV, streamed, where `Accept` is `text/csv`. The hash of an "
        "address that was erased can be imported again in its place.",
    ),
    retrieve=extend_schema(summary="Read a suppression"),
    create=extend_schema(summary="Suppress an address"),
    destroy=extend_schema(summary="Let an address be reached again", description="By admins only."),
)
class Suppressions(Audited, Listed, Retrieved, Created, Destroyed, Resource):
    """Addresses that must not be reached, newest first."""

    model = Suppression
    serializer_class = SuppressionSerializer
    filterset_class = SuppressionFilter
    acts = {"destroy": "manage", "import_file": "write"}
    ordering_fields = {"created": "id"}
    default_ordering = "-created"

    def get_renderers(self) -> list[Any]:
        return [*super().get_renderers(), *([Csv()] if self.action == "list" else [])]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(request.accepted_renderer, Csv):
            return super().list(request, *args, **kwargs)
        rows = self.filter_queryset(self.get_queryset())
        AuditEntry.write(self.organization, "export suppressions", organization=self.organization, user=self.user)
        return stream(suppressions_csv(rows), "suppressions.csv")

    @extend_schema(
        summary="Import suppressions",
        description="CSV whose first line names its columns, or one JSON object a line: `address` (or `hash`, as "
        "exported here), `channel_kind`, `reason`, `use_case`, `source`. A blank `use_case` is everything in a line "
        "with the columns `hash` and `use_case`, as exported here; in others, what the parameter says, or the reason. "
        "What is known already stays, or becomes stricter.",
        parameters=[ImportOptions],
        request={"text/csv": OpenApiTypes.STR, "application/x-ndjson": OpenApiTypes.STR},
        responses=ImportedSerializer,
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="import", parser_classes=[CsvFile, JsonLines])
    def import_file(self, request: Request) -> Response:
        options = ImportOptions(data=request.query_params)
        options.is_valid(raise_exception=True)
        given = dict(options.validated_data)
        file: Any = request.data
        if not hasattr(file, "read"):
            raise InvalidInput({"file": "The request has no body, or does not say its length."})
        report = importing.import_suppressions(
            file,
            self.organization,
            json_lines="ndjson" in str(request.content_type),
            dry_run=given.pop("dry_run"),
            defaults={**given, "source": "API"},
            by=self.user,
        )
        return Response(asdict(report))
