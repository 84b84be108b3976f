from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view

from broadcasts.designing import check_layout
from broadcasts.models import Layout

from .blocks import BlocksField, StyleField
from .resources import FullResource, ResourceSerializer


class LayoutFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Layout
        fields: list[str] = []


class LayoutSerializer(ResourceSerializer):
    header = BlocksField(required=False, help_text="Above the content.")
    footer = BlocksField(required=False, help_text="Below the content.")
    style = StyleField(  # type: ignore[assignment]
        required=False, help_text="Colours, the same with the prefix `dark_`, font, width and radius."
    )
    unique_by = "name"

    class Meta:
        model = Layout
        fields = ("uuid", "id", "created", "modified", "name", "header", "footer", "style")
        read_only_fields = ("uuid", "id")
        validators: list = []

    def check(self, row: Layout) -> None:
        super().check(row)
        check_layout(row)


@extend_schema_view(
    list=extend_schema(summary="List layouts"),
    retrieve=extend_schema(summary="Read a layout"),
    create=extend_schema(summary="Add a layout"),
    update=extend_schema(summary="Write a layout"),
    partial_update=extend_schema(
        summary="Change a layout",
        description="Mail that is not sent yet gets the change: it is put in its layout again when it starts.",
    ),
    destroy=extend_schema(
        summary="Delete a layout",
        description="Not while a template, or a broadcast that is not finished, uses it (409).",
    ),
)
class Layouts(FullResource):
    """What stands around the content of mail: header, footer, colours and font."""

    model = Layout
    serializer_class = LayoutSerializer
    filterset_class = LayoutFilter
    ordering_fields = {"name": "name", "created": "created"}
    default_ordering = "name"
