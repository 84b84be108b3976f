from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from broadcasts import indexing
from broadcasts.models import Attribute

from .permissions import may
from .resources import FullResource, ResourceSerializer


class AttributeFilter(filters.FilterSet):
    key = filters.CharFilter(lookup_expr="icontains")
    type = filters.ChoiceFilter(choices=Attribute.Type.choices)
    is_indexed = filters.BooleanFilter()

    class Meta:
        model = Attribute
        fields: list[str] = []


class AttributeSerializer(ResourceSerializer):
    index_state = serializers.SerializerMethodField(
        help_text="building, ready or failed; null where it is not indexed."
    )
    unique_by = "key"

    class Meta:
        model = Attribute
        fields = ("uuid", "id", "created", "modified", "key", "label", "type", "is_indexed", "index_state")
        read_only_fields = ("uuid", "id")
        validators: list = []

    def get_index_state(self, attribute: Attribute) -> str | None:
        return attribute.index_state or None

    def validate_key(self, value: str) -> str:
        if self.instance is not None and value != self.instance.key:
            raise serializers.ValidationError("The key of an attribute cannot be changed; add another one.")
        return value

    def check(self, row: Attribute) -> None:
        super().check(row)
        indexing.check(row)

    def save(self, **kwargs: Any) -> Attribute:
        before = (self.instance.is_indexed, self.instance.type) if self.instance else (False, "")
        asked = self.validated_data.get("is_indexed", before[0])
        view = self.context["view"]
        if asked != before[0] and not may(self.context["request"], view.member, "manage"):
            raise PermissionDenied("Only an administrator of the organization decides what is indexed.")
        attribute = super().save(**kwargs)
        again = "is_indexed" in self.validated_data and attribute.index_state == Attribute.IndexState.FAILED
        if again or (attribute.is_indexed, attribute.type if attribute.is_indexed else before[1]) != before:
            indexing.follow(attribute)
        return attribute


@extend_schema_view(
    list=extend_schema(summary="List attributes", description="Of contacts; registered when first seen."),
    retrieve=extend_schema(summary="Read an attribute"),
    create=extend_schema(summary="Add an attribute"),
    update=extend_schema(summary="Write an attribute"),
    partial_update=extend_schema(
        summary="Change an attribute",
        description="Its index, where it is to have one, is built in the background: see index_state.",
    ),
    destroy=extend_schema(
        summary="Delete an attribute",
        description="Not while a contact has it, or a segment or a broadcast that is yet to be sent asks for it.",
    ),
)
class Attributes(FullResource):
    """What is known about contacts beside their fields."""

    model = Attribute
    serializer_class = AttributeSerializer
    filterset_class = AttributeFilter
    ordering_fields = {"key": "key", "created": "id"}
    default_ordering = "key"

    def remove(self, row: Attribute) -> None:
        indexing.remove(row)
