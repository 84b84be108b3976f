from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from broadcasts import tracking
from broadcasts.models import (
    ChannelKind,
    Organization,
    Suppression,
    UseCase,
    address_hash,
    clean_phone,
    email_key,
    phone_key,
)

from .fields import MomentField
from .resources import Audited, Created, Destroyed, Listed, PickingSerializer, Resource, Retrieved

ADDED_BY_HAND = (Suppression.Cause.MANUAL, Suppression.Cause.UNSUBSCRIBE, Suppression.Cause.COMPLAINT)


def key_of(address: str, channel_kind: str, organization: Organization) -> str | None:
    """Return what an address is compared by, on one kind of channel."""
    if channel_kind == ChannelKind.EMAIL:
        return email_key(address)
    if channel_kind == ChannelKind.SMS:
        return phone_key(clean_phone(address, organization.country))
    return address.strip() or None


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
                hashes.add(address_hash(key_of(value, kind, self.request.organization)))
            except ValidationError:
                continue  # an address of another kind
        return queryset.filter(address_hash__in=hashes)


class SuppressionSerializer(PickingSerializer):
    """An address that must not be reached."""

    uuid = serializers.UUIDField(read_only=True)
    id = serializers.IntegerField(read_only=True)
    created = MomentField(read_only=True)
    modified = MomentField(read_only=True)
    channel_kind = serializers.ChoiceField(choices=ChannelKind.choices, default=ChannelKind.EMAIL)
    address = serializers.CharField(max_length=320)
    reason = serializers.ChoiceField(choices=Suppression.Cause.choices, default=Suppression.Cause.MANUAL)
    use_case = serializers.ChoiceField(choices=UseCase.choices, allow_blank=True, default="")
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]  # of the same name by chance

    def validate_reason(self, value: str) -> str:
        if value not in ADDED_BY_HAND:
            raise serializers.ValidationError(f"Only these can be added: {', '.join(ADDED_BY_HAND)}.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            attrs["address"] = key_of(attrs["address"], attrs["channel_kind"], self.context["organization"])
        except ValidationError as error:
            raise serializers.ValidationError({"address": error.messages}) from None
        found = Suppression.objects.for_organization(self.context["organization"]).filter(
            channel_kind=attrs["channel_kind"], address_hash=address_hash(attrs["address"]), reason=attrs["reason"]
        )
        if found.exists():
            raise serializers.ValidationError({"address": ["This address is suppressed for this reason already."]})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Suppression | None:
        return tracking.suppress(self.context["organization"], **validated_data, source="API")


@extend_schema_view(
    list=extend_schema(summary="List suppressions"),
    retrieve=extend_schema(summary="Read a suppression"),
    create=extend_schema(summary="Suppress an address"),
    destroy=extend_schema(summary="Let an address be reached again", description="By admins only."),
)
class Suppressions(Audited, Listed, Retrieved, Created, Destroyed, Resource):
    """Addresses that must not be reached, newest first."""

    model = Suppression
    serializer_class = SuppressionSerializer
    filterset_class = SuppressionFilter
    acts = {"destroy": "manage"}
    ordering_fields = {"created": "id"}
    default_ordering = "-created"
