"""Actions on contacts: export, one person's data, merge and erase."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import contacts
from broadcasts.audience import NOT_FILTERS
from broadcasts.audience.filters import ContactFilter
from broadcasts.exporting import contacts_csv, person_json
from broadcasts.models import AuditEntry, Contact

from .fields import RefsField
from .renderers import AsTable, Csv, stream
from .resources import StrictSerializer


class ExportableFilter(ContactFilter):
    not_filters = NOT_FILTERS | {"format"}


class MergeSerializer(StrictSerializer):
    contacts = RefsField(
        Contact,
        max_length=contacts.MERGED_AT_ONCE,
        help_text="The uuids of those who go; what this one has wins over theirs.",
    )


class ContactActions(AsTable):
    """A mixin for the contacts' resource; it goes before the class that lists them."""

    def act(self: Any) -> str:
        return "manage" if self.action in ("data", "merge", "erase", "destroy") else super().act()  # type: ignore[misc]

    def list(self: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(request.accepted_renderer, Csv):
            return super().list(request, *args, **kwargs)  # type: ignore[misc]
        rows = self.filter_queryset(self.get_queryset())
        AuditEntry.write(self.organization, "export contacts", organization=self.organization, user=self.user)
        return stream(contacts_csv(rows, [self.organization]), "contacts.csv")

    @extend_schema(
        summary="Read all that is kept about a person",
        description="One JSON object, streamed as a file: profile, consents with their history, suppressions, "
        "segments, attendances, every delivery with its events, replies. By admins only; it is noted in the audit.",
        responses=OpenApiTypes.OBJECT,
        filters=False,
    )
    @action(detail=True, filterset_class=None, ordering_fields={})
    def data(self: Any, request: Request, uuid: str) -> Any:
        contact = self.get_object()
        self.audit(contact, "export data", [])
        return stream(person_json(contact), f"contact-{contact.uuid}.json", "application/json")

    @extend_schema(
        summary="Merge contacts that are the same person",
        description="The others go. What this one lacks is taken from them, in their order; their history becomes "
        "its own, the stricter consent wins, and nobody gets a message twice. By admins only.",
        request=MergeSerializer,
    )
    @action(detail=True, methods=["post"])
    def merge(self: Any, request: Request, uuid: str) -> Response:
        keep = self.get_object()
        serializer = MergeSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        contacts.merge(keep, serializer.validated_data["contacts"], by=self.user)
        return self.shown(self.fresh(keep))

    @extend_schema(
        summary="Erase a person",
        description="The contact goes, and its name, addresses and words go everywhere; deliveries stay for the "
        "statistics as nobody's. Each address stays suppressed by its hash alone, so that nothing is sent to it when "
        "it is imported again. By admins only. What it does not reach: files of imports, backups, logs of mail "
        "servers, and rules and texts in which staff wrote an address.",
        request=None,
        responses={204: None},
    )
    @action(detail=True, methods=["post"])
    def erase(self: Any, request: Request, uuid: str) -> Response:
        contacts.erase(self.get_object(), by=self.user, source="API")
        return Response(status=204)
