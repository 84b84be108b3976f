from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from broadcasts import contacts
from broadcasts.models import Attribute, Contact

from .contact_actions import ContactActions, ExportableFilter
from .explanations import ContactExplanation
from .fields import ObjectField
from .resources import FullResource, ResourceSerializer

SCALARS = (str, int, float, bool, type(None))


class AttributesField(ObjectField):
    def to_internal_value(self, data: Any) -> dict:
        value = super().to_internal_value(data)
        for key, each in value.items():
            parts = each if isinstance(each, list) else [each]
            if not all(isinstance(part, SCALARS) for part in parts):
                raise serializers.ValidationError(f"{key}: must be text, a number, true, false, null or a list.")
        return value


class ContactSerializer(ResourceSerializer):
    attributes = AttributesField(required=False)

    class Meta:
        model = Contact
        fields = (
            *("uuid", "id", "created", "modified", *Contact.PROFILE),
            *("attributes", "status", "last_seen_at", "no_tracking"),
        )
        read_only_fields = ("uuid", "id")
        validators: list = []

    def check_unique(self, row: Contact) -> None:
        """Look up all unique keys by one query, and raise an error for each that another contact has."""
        taken = Q()
        for column in Contact.KEYS:
            if value := getattr(row, column):
                taken |= Q(**{column: value})
        if not taken:
            return
        others = Contact.objects.for_organization(row.organization_id).exclude(pk=row.pk).filter(taken)
        for other in others[: len(Contact.KEYS)]:
            for column, field in Contact.KEYS.items():
                if getattr(row, column) and getattr(row, column) == getattr(other, column):
                    raise serializers.ValidationError({field: [f"Another contact has this already: {other.uuid}."]})

    def save(self, **kwargs: Any) -> Contact:
        contact = super().save(**kwargs)
        if "attributes" in self.validated_data:
            Attribute.register(contact.organization, contact.attributes)
        return contact


@extend_schema_view(
    list=extend_schema(
        summary="List contacts",
        description="A page as JSON; all of them as CSV, streamed, where `Accept` is `text/csv`.",
    ),
    retrieve=extend_schema(summary="Read a contact"),
    create=extend_schema(summary="Add a contact"),
    update=extend_schema(summary="Write a contact"),
    partial_update=extend_schema(summary="Change a contact"),
    destroy=extend_schema(
        summary="Delete a contact",
        description="By admins only. Its deliveries stay in the log, with their addresses; `erase/` takes those away.",
    ),
)
class Contacts(ContactActions, ContactExplanation, FullResource):
    """People."""

    model = Contact
    serializer_class = ContactSerializer
    filterset_class = ExportableFilter
    ordering_fields = {"created": "id", "full_name": "full_name"}  # ids grow with time, and have the index
    default_ordering = "-created"

    def remove(self, row: Contact) -> None:
        contacts.delete(row)
