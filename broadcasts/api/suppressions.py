from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request

from broadcasts import tracking
from broadcasts.exporting import suppressions_csv
from broadcasts.mediums import address_hash, address_key, stored_key, typed_address
from broadcasts.models import AuditEntry, Medium, Suppression, UseCase

from .fields import MomentField
from .renderers import AsTable, Csv, stream
from .resources import Audited, Created, Destroyed, Listed, PickingSerializer, Resource, Retrieved

ADDED_BY_HAND = (Suppression.Cause.MANUAL, Suppression.Cause.UNSUBSCRIBE, Suppression.Cause.COMPLAINT)

ABOUT_USE_CASE = "Blank: everything. Without: marketing, if the reason is unsubscribe or complaint; else everything."


class SuppressionFilter(filters.FilterSet):
    medium = filters.ChoiceFilter(choices=Medium.choices)
    reason = filters.MultipleChoiceFilter(choices=Suppression.Cause.choices)
    address = filters.CharFilter(method="of_address")

    class Meta:
        model = Suppression
        fields: list[str] = []

    def of_address(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        hashes = set()
        for medium in Medium.values:
            try:
                hashes.add(address_hash(address_key(medium, value, self.request.organization.country)))
            except ValidationError:
                continue  # an address of another medium
        # By every medium, as the index begins with it.
        return queryset.filter(medium__in=Medium.values, address_hash__in=hashes)


class SuppressionSerializer(PickingSerializer):
    """An address that must not be reached."""

    uuid = serializers.UUIDField(read_only=True)
    id = serializers.IntegerField(read_only=True)
    created = MomentField(read_only=True)
    modified = MomentField(read_only=True)
    medium = serializers.ChoiceField(choices=Medium.choices, default=Medium.EMAIL)
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
            attrs["address"] = typed_address(attrs["medium"], attrs["address"], country)
        except ValidationError as error:
            raise serializers.ValidationError({"address": error.messages}) from None
        attrs.setdefault("use_case", Suppression.stops(attrs["reason"]))
        found = Suppression.objects.for_organization(self.context["organization"]).filter(
            Q(use_case="") | Q(use_case=attrs["use_case"]),
            medium=attrs["medium"],
            address_hash=address_hash(stored_key(attrs["address"])),
            reason=attrs["reason"],
        )
        if found.exists():
            raise serializers.ValidationError({"address": ["This address is suppressed for this reason already."]})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Suppression | None:
        return tracking.suppress(self.context["organization"], **validated_data, source="API")


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
class Suppressions(AsTable, Audited, Listed, Retrieved, Created, Destroyed, Resource):
    """Addresses that must not be reached, newest first."""

    model = Suppression
    serializer_class = SuppressionSerializer
    filterset_class = SuppressionFilter
    acts = {"destroy": "manage"}
    ordering_fields = {"created": "id"}
    default_ordering = "-created"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(request.accepted_renderer, Csv):
            return super().list(request, *args, **kwargs)
        rows = self.filter_queryset(self.get_queryset())
        AuditEntry.write(self.organization, "export suppressions", organization=self.organization, user=self.user)
        return stream(suppressions_csv(rows), "suppressions.csv")
