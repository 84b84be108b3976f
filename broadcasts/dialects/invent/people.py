"""`/orgs/{org}/segments` and `/orgs/{org}/contacts`."""

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import audience, segmenting
from broadcasts.api.contacts import ContactSerializer
from broadcasts.dialects.fields import StringField, UtcField, utc
from broadcasts.models import AuditEntry, Consent, ConsentState, Contact, Segment, SegmentMember

from .broadcasts import InventListSerializer, slice_of
from .serializers import InventBroadcastSegmentSerializer, InventSegmentIdsField
from .views import InventView

COLOR = "neutral"
OURS = {
    "user_id": "external_id",
    "name": "full_name",
    "email": "email",
    "phone": "phone",
}  # Invent's words of a channel


class InventSegmentSerializer(InventBroadcastSegmentSerializer):
    color = serializers.SerializerMethodField()
    boards = serializers.SerializerMethodField()

    def get_color(self, segment: Segment) -> str:
        return COLOR

    def get_boards(self, segment: Segment) -> list[str]:
        return []


class InventSegmentListSerializer(InventListSerializer):
    search = serializers.CharField(required=False, max_length=256, help_text="A part of the name.")


class InventContactChannelSerializer(serializers.Serializer):
    """The addresses of a contact; always one."""

    id = serializers.UUIDField(source="uuid")
    type = serializers.SerializerMethodField()
    user_id = serializers.SerializerMethodField()
    name = serializers.CharField(source="full_name")
    email = serializers.CharField()
    phone = serializers.CharField()
    language = serializers.CharField()
    platform_data = serializers.SerializerMethodField()
    created_at = UtcField(source="created")
    updated_at = UtcField(source="modified")

    def get_fields(self) -> dict[str, serializers.Field]:
        missing = ("avatar", "username", "country", "agent", "ip", "link")
        return super().get_fields() | {name: InventBlankField(source="*", read_only=True) for name in missing}

    def get_type(self, contact: Contact) -> str:
        return "internal"

    def get_user_id(self, contact: Contact) -> str:
        return contact.external_id or str(contact.uuid)

    def get_platform_data(self, contact: Contact) -> dict[str, Any]:
        return contact.attributes


class InventBlankField(serializers.CharField):
    """What is not kept here."""

    def to_representation(self, value: Any) -> str:
        return ""


class InventContactSerializer(serializers.Serializer):
    """A contact; `withdrawn` in the context has {contact id: when it said no}, of those that did."""

    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField(source="full_name")
    blocked = serializers.SerializerMethodField()
    unsubscribed = serializers.SerializerMethodField()
    is_admin = serializers.SerializerMethodField()
    channels = serializers.SerializerMethodField()
    segments = serializers.SerializerMethodField()
    created_at = UtcField(source="created")
    updated_at = UtcField(source="modified")
    blocked_at = serializers.SerializerMethodField()
    unsubscribed_at = serializers.SerializerMethodField()
    unsubscribe_reason = serializers.SerializerMethodField()
    unsubscribe_feedback = serializers.SerializerMethodField()

    def get_blocked(self, contact: Contact) -> bool:
        return contact.status == Contact.Status.BLOCKED

    def get_unsubscribed(self, contact: Contact) -> bool:
        return contact.pk in self.context["people"].withdrawn

    def get_is_admin(self, contact: Contact) -> bool:
        return False

    @extend_schema_field(InventContactChannelSerializer(many=True))
    def get_channels(self, contact: Contact) -> list[Any]:
        return [InventContactChannelSerializer(contact).data]

    @extend_schema_field(InventSegmentSerializer(many=True))
    def get_segments(self, contact: Contact) -> Any:
        return InventSegmentSerializer(self.context["people"].segments.get(contact.pk, []), many=True).data

    def get_blocked_at(self, contact: Contact) -> str | None:
        return utc(contact.modified) if self.get_blocked(contact) else None

    def get_unsubscribed_at(self, contact: Contact) -> str | None:
        return utc(self.context["people"].withdrawn.get(contact.pk))

    def get_unsubscribe_reason(self, contact: Contact) -> str | None:
        return None

    def get_unsubscribe_feedback(self, contact: Contact) -> str | None:
        return None


class InventPeople:
    """What is shown of contacts beside their own fields, in two queries for all of them."""

    def __init__(self, contacts: list[Contact]) -> None:
        pks = [contact.pk for contact in contacts]
        said_no = Consent.objects.filter(contact__in=pks, state=ConsentState.WITHDRAWN)
        self.withdrawn: dict[int, Any] = dict(said_no.order_by("-modified").values_list("contact_id", "modified"))
        self.segments: dict[int, list[Segment]] = {}
        for member in SegmentMember.objects.filter(contact__in=pks).select_related("segment").order_by("segment_id"):
            self.segments.setdefault(member.contact_id, []).append(member.segment)


class InventContactChannelInput(serializers.Serializer):
    user_id = StringField(required=False, allow_blank=True, max_length=255)
    name = StringField(required=False, allow_blank=True, max_length=255)
    email = StringField(required=False, allow_blank=True)
    phone = StringField(required=False, allow_blank=True)
    contact_id = StringField(required=False, allow_blank=True, help_text="A contact to change; blank: a new one.")


class InventContactInput(serializers.Serializer):
    channel = InventContactChannelInput()
    segment_ids = InventSegmentIdsField(required=False)


class InventContactListSerializer(InventListSerializer):
    search = serializers.CharField(required=False, max_length=256)
    is_admin = serializers.BooleanField(required=False, allow_null=True, default=None)
    unsubscribed = serializers.BooleanField(required=False, allow_null=True, default=None)
    user_id = serializers.CharField(required=False)
    name = serializers.CharField(required=False, help_text="A part of it.")
    username = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    segment_id = serializers.CharField(required=False)


class InventSegments(InventView):
    @extend_schema(
        summary="List segments", parameters=[InventSegmentListSerializer], responses=InventSegmentSerializer(many=True)
    )
    def get(self, request: Request, org: str) -> Response:
        asked = self.asked(InventSegmentListSerializer)
        rows = Segment.objects.for_organization(self.organization).order_by("pk")
        if search := asked.get("search"):
            rows = rows.filter(name__icontains=search)
        return Response(InventSegmentSerializer(rows[slice_of(asked)], many=True).data)


class InventPeopleView(InventView):
    def contacts(self) -> QuerySet[Contact]:
        return Contact.objects.for_organization(self.organization)

    def contact(self) -> Contact:
        return self.find(self.contacts(), self.kwargs["id"])

    def data(self, contacts: list[Contact]) -> list[dict[str, Any]]:
        return list(
            InventContactSerializer(contacts, many=True, context=self.context(people=InventPeople(contacts))).data
        )

    def join(self, contact: Contact, segments: list[Segment]) -> None:
        joined = [one for one in segments if segmenting.add(one, Contact.objects.filter(pk=contact.pk))]
        for segment in joined:
            audience.count_segment(segment)
        if joined:
            contact.refresh_from_db(fields=["modified"])


class InventContacts(InventPeopleView):
    @extend_schema(
        summary="List contacts", parameters=[InventContactListSerializer], responses=InventContactSerializer(many=True)
    )
    def get(self, request: Request, org: str) -> Response:
        asked = self.asked(InventContactListSerializer)
        rows = self.contacts().filter(self._clause(asked)).order_by("-pk")
        return Response(self.data(list(rows[slice_of(asked)])))

    def _clause(self, asked: dict[str, Any]) -> Q:
        clause = Q()
        if search := asked.get("search"):
            clause &= audience.search_clause(search)
        for theirs in ("user_id", "email"):
            if theirs in asked:
                clause &= Q(**{f"{OURS[theirs]}__iexact": asked[theirs]})
        if "name" in asked:
            clause &= Q(full_name__icontains=asked["name"])
        if asked["is_admin"] or "username" in asked:  # nobody is or has one
            clause &= Q(pk=None)
        if asked["unsubscribed"] is not None:
            said_no = Q(pk__in=Consent.objects.filter(state=ConsentState.WITHDRAWN).values("contact"))
            clause &= said_no if asked["unsubscribed"] else ~said_no
        if "segment_id" in asked:
            segment = self.find(Segment.objects.for_organization(self.organization), asked["segment_id"])
            clause &= Q(pk__in=audience.segment_contacts(segment).order_by().values("pk"))
        return clause

    @extend_schema(
        summary="Add or change a contact",
        description="With `contact_id` that contact, else a new one; then it is put into the segments, which must be "
        "by membership.",
        request=InventContactInput,
        responses=InventContactSerializer,
    )
    @transaction.atomic
    def post(self, request: Request, org: str) -> Response:
        given = self.read(InventContactInput)
        channel = given["channel"]
        contact = self.find(self.contacts(), channel["contact_id"]) if channel.get("contact_id") else None
        values = {OURS[name]: value for name, value in channel.items() if name in OURS}
        form = ContactSerializer(contact, data=values, partial=True, context=self.context())
        form.is_valid(raise_exception=True)
        saved = form.save()
        act = "change" if contact else "create"
        AuditEntry.write(saved, act, organization=self.organization, user=self.user, fields=sorted(values))
        self.join(saved, given.get("segment_ids", []))
        return Response(self.data([saved])[0])


class InventContactSegments(InventPeopleView):
    @extend_schema(
        summary="List the segments of a contact",
        description="Of a page of the organization's segments, by membership and by rule.",
        parameters=[InventListSerializer],
        responses=InventSegmentSerializer(many=True),
    )
    def get(self, request: Request, org: str, id: str) -> Response:
        contact, asked = self.contact(), self.asked(InventListSerializer)
        rows = Segment.objects.for_organization(self.organization).order_by("pk")[slice_of(asked)]
        found = [one for one in rows if audience.segment_contacts(one).filter(pk=contact.pk).exists()]
        return Response(InventSegmentSerializer(found, many=True).data)


class InventContactSegment(InventPeopleView):
    @extend_schema(summary="Put a contact into a segment", request=None, responses=InventContactSerializer)
    def post(self, request: Request, org: str, id: str, segment_id: str) -> Response:
        contact = self.contact()
        self.join(contact, [self.find(Segment.objects.for_organization(self.organization), segment_id)])
        return Response(self.data([contact])[0])
