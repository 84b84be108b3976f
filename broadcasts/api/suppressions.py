from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import consenting, links
from broadcasts.exporting import suppressions_csv
from broadcasts.mediums import address_hash, address_key, stored_key, typed_address
from broadcasts.models import AuditEntry, Medium, Suppression, UseCase

from .fields import MomentField
from .renderers import AsTable, Csv, stream
from .resources import Audited, Created, Listed, PickingSerializer, Resource, Retrieved, StrictSerializer

ADDED_BY_HAND = (Suppression.Cause.MANUAL, Suppression.Cause.UNSUBSCRIBE, Suppression.Cause.COMPLAINT)

LONGEST_REASON = 500  # characters

ABOUT_USE_CASE = "Blank: everything. Without: marketing, if the reason is unsubscribe or complaint; else everything."


class SuppressionFilter(filters.FilterSet):
    medium = filters.ChoiceFilter(choices=Medium.choices)
    reason = filters.MultipleChoiceFilter(choices=Suppression.Cause.choices)
    address = filters.CharFilter(method="of_address")
    expires = filters.BooleanFilter(
        field_name="expires_at",
        lookup_expr="isnull",
        exclude=True,
        help_text="true: those that are lifted by themselves; false: those that stay.",
    )

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


class SuppressionReportSerializer(serializers.Serializer):
    """What the report said that made a suppression; what it did not say is left out."""

    code = serializers.CharField(required=False, help_text="Of RFC 3463 or SMTP, such as 5.1.1.")
    words = serializers.CharField(required=False, help_text="Of the server, at most 500 characters.")
    reporter = serializers.CharField(required=False, help_text="The server that reported it.")
    at = serializers.CharField(required=False)


class LiftSerializer(StrictSerializer):
    """Why a suppression is lifted."""

    reason = serializers.CharField(
        max_length=LONGEST_REASON, required=False, allow_blank=True, help_text="It is kept in the audit."
    )


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
    expires_at = MomentField(required=False, allow_null=True, help_text="When it is lifted by itself; null: never.")
    delivery = serializers.SerializerMethodField(
        help_text="The key of the delivery whose report made it, as far as that is known."
    )
    report = SuppressionReportSerializer(read_only=True, allow_null=True)
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]  # of the same name by chance

    def validate_reason(self, value: str) -> str:
        if value not in ADDED_BY_HAND:
            raise serializers.ValidationError(f"Only these can be added: {', '.join(ADDED_BY_HAND)}.")
        return value

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("This has passed: give a time that is still to come, or null for never.")
        return value

    def get_delivery(self, suppression: Suppression) -> str | None:
        return links.delivery_token(suppression.delivery) if suppression.delivery else None

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
        return consenting.suppress(self.context["organization"], **validated_data, source="API")


@extend_schema_view(
    list=extend_schema(
        summary="List suppressions",
        description="A page as JSON; all of them as CSV, streamed, where `Accept` is `text/csv`. The hash of an "
        "address that was erased can be imported again in its place.",
    ),
    retrieve=extend_schema(summary="Read a suppression"),
    create=extend_schema(summary="Suppress an address"),
    destroy=extend_schema(
        summary="Lift a suppression",
        description="By admins only: the address can be sent to again. Give a `reason`, in the query or as the body; "
        "the audit keeps it with who lifted it.",
        parameters=[OpenApiParameter("reason", str, description="Why it is lifted.")],
        request=LiftSerializer,
    ),
)
class Suppressions(AsTable, Audited, Listed, Retrieved, Created, Resource):
    """Addresses that must not be reached, newest first."""

    model = Suppression
    serializer_class = SuppressionSerializer
    filterset_class = SuppressionFilter
    acts = {"destroy": "manage"}
    ordering_fields = {"created": "id"}
    default_ordering = "-created"

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        told = self.read(LiftSerializer).get("reason") or request.query_params.get("reason", "")
        consenting.lift_by_staff(Suppression.objects.filter(pk=row.pk), by=self.user, reason=told[:LONGEST_REASON])
        return Response(status=204)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(request.accepted_renderer, Csv):
            return super().list(request, *args, **kwargs)
        rows = self.filter_queryset(self.get_queryset())
        AuditEntry.write(self.organization, "export suppressions", organization=self.organization, user=self.user)
        return stream(suppressions_csv(rows), "suppressions.csv")
