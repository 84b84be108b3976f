"""The inbox: what people replied."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from broadcasts import links
from broadcasts.models import Broadcast, Channel, Contact, Inbound
from broadcasts.receiving import FOUND, SEARCHED, find_replies

from .fields import MomentField, MomentFilter, ObjectField, RefField
from .pagination import CreatedPagination
from .resources import Listed, PickingSerializer, Resource, Retrieved


class InboundFilter(filters.FilterSet):
    channel = filters.UUIDFilter(field_name="channel__uuid")
    contact = filters.UUIDFilter(field_name="contact__uuid")
    broadcast = filters.UUIDFilter(field_name="broadcast__uuid")
    address = filters.CharFilter()
    search = filters.CharFilter(
        help_text=f"A part of the text or the address, in the newest {SEARCHED} of the replies that the other filters "
        f"leave; returns the newest {FOUND} that have it.",
    )
    created_after = MomentFilter(field_name="created", lookup_expr="gte")
    created_before = MomentFilter(field_name="created", lookup_expr="lt")

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Search last, in what the other filters leave."""
        term = self.form.cleaned_data.pop("search", "")
        queryset = super().filter_queryset(queryset)
        return queryset.filter(pk__in=find_replies(queryset, term)) if term else queryset


class InboundSerializer(PickingSerializer):
    """One reply."""

    uuid = serializers.UUIDField(read_only=True)
    id = serializers.IntegerField(read_only=True)
    created = MomentField(read_only=True)
    at = MomentField(read_only=True, allow_null=True, help_text="When it was written, as the provider says.")
    channel = RefField(Channel, read_only=True, allow_null=True)
    contact = RefField(Contact, read_only=True, allow_null=True)
    address = serializers.CharField(read_only=True, help_text="Whom it comes from, also where no contact has it.")
    text = serializers.CharField(read_only=True)
    broadcast = RefField(
        Broadcast,
        read_only=True,
        allow_null=True,
        help_text="The one that it answers: by what the provider says, else the last that was sent to the address on "
        "the channel within seven days.",
    )
    delivery = serializers.SerializerMethodField(help_text="The key of the copy that it answers.")
    payload = ObjectField(read_only=True, help_text="The provider's own data.")

    def get_delivery(self, reply: Inbound) -> str | None:
        return links.delivery_token(reply.delivery_id) if reply.delivery_id else None


@extend_schema_view(list=extend_schema(summary="List replies"), retrieve=extend_schema(summary="Read a reply"))
class InboundReplies(Listed, Retrieved, Resource):
    """What people replied, newest first."""

    model = Inbound
    serializer_class = InboundSerializer
    filterset_class = InboundFilter
    pagination_class = CreatedPagination
    ordering_fields = {"created": "created"}
    default_ordering = "-created"

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().select_related("channel", "contact", "broadcast")
