"""What bodies of broadcasts name: locations, segments, classes and templates; and contacts."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import audience
from broadcasts.api.contacts import ContactSerializer
from broadcasts.dialects.fields import StringField, millis
from broadcasts.dialects.paging import cut
from broadcasts.models import Activity, AuditEntry, Contact, Medium, Segment, Template, TemplateTranslation

from .views import WhautomateListSerializer, WhautomateView, location

CRITERIA: dict[str, Any] = {
    "tags": [],
    "exclusionTags": [],
    "gender": "",
    "numberOfDaysLastActivity": None,
    "ageFrom": None,
    "ageTo": None,
    "contactStage": "",
    "primaryLocations": [],
}
OWN_KEYS = {"notes": "", "stage": "", "tags": []}  # of a contact: attributes of these keys; others are custom fields


class WhautomateLocationSerializer(serializers.Serializer):
    id = serializers.CharField()
    title = serializers.CharField()


class WhautomateSegmentSerializer(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()
    criteria = serializers.DictField()
    location = WhautomateLocationSerializer()


class WhautomateClassSerializer(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    startDateTime = serializers.CharField(allow_null=True)
    endDateTime = serializers.CharField(allow_null=True)
    location = WhautomateLocationSerializer()


class WhautomateTemplateSerializer(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    language = serializers.CharField()
    category = serializers.CharField()
    status = serializers.CharField()


class WhautomateContactSerializer(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    channel = serializers.CharField()
    phoneNumber = serializers.CharField()
    lastActivity = serializers.CharField(allow_null=True)
    notes = serializers.CharField()
    stage = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    customFields = serializers.DictField()
    location = WhautomateLocationSerializer()
    createdAt = serializers.CharField()
    updatedAt = serializers.CharField()


class WhautomateContactInput(serializers.Serializer):
    name = StringField(max_length=255)
    phoneNumber = StringField(max_length=32)
    notes = StringField(required=False, allow_blank=True)
    stage = StringField(required=False, allow_blank=True)
    tags = serializers.ListField(required=False, child=StringField(max_length=255), max_length=100)
    customFields = serializers.DictField(required=False)


class WhautomateSearchSerializer(WhautomateListSerializer):
    searchText = serializers.CharField(required=False)


class WhautomateLocations(WhautomateView):
    @extend_schema(summary="List the one location of the key", responses=WhautomateLocationSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response([location(self.organization)])


class WhautomateSegments(WhautomateView):
    @extend_schema(
        summary="List segments",
        parameters=[WhautomateSearchSerializer],
        responses=WhautomateSegmentSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(WhautomateSearchSerializer)
        rows = Segment.objects.for_organization(self.organization).order_by("pk")
        rows = rows.filter(name__icontains=asked.get("searchText", ""))
        return Response([self._shown(one) for one in cut(rows, asked["page"], asked["limit"])])

    def _shown(self, segment: Segment) -> dict[str, Any]:
        place = location(self.organization)
        return {
            "id": str(segment.uuid),
            "name": segment.name,
            "type": "client",
            "criteria": CRITERIA,
            "location": place,
        }


class WhautomateClasses(WhautomateView):
    @extend_schema(
        summary="List classes",
        description="The latest first.",
        parameters=[WhautomateSearchSerializer],
        responses=WhautomateClassSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(WhautomateSearchSerializer)
        rows = Activity.objects.for_organization(self.organization).order_by("-starts_at", "-pk")
        rows = rows.filter(name__icontains=asked.get("searchText", ""))
        return Response([self._shown(one) for one in cut(rows, asked["page"], asked["limit"])])

    def _shown(self, activity: Activity) -> dict[str, Any]:
        return {
            "id": str(activity.uuid),
            "name": activity.name,
            "startDateTime": millis(activity.starts_at),
            "endDateTime": millis(activity.ends_at),
            "location": location(self.organization),
        }


class WhautomateTemplates(WhautomateView):
    @extend_schema(
        summary="List WhatsApp templates",
        description="Each language is an entry.",
        parameters=[WhautomateSearchSerializer],
        responses=WhautomateTemplateSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(WhautomateSearchSerializer)
        templates = Template.objects.for_organization(self.organization)
        templates = templates.filter(medium=Medium.WHATSAPP, channel__isnull=False)
        rows = TemplateTranslation.objects.filter(template__in=templates, removed_at=None)
        rows = rows.filter(template__name__icontains=asked.get("searchText", "")).select_related("template")
        page = cut(rows.order_by("template__name", "position", "pk"), asked["page"], asked["limit"])
        return Response([_template(one) for one in page])


def _template(one: TemplateTranslation) -> dict[str, str]:
    return {
        "id": str(one.uuid),
        "name": one.template.name,
        "language": one.tag or one.language,
        "category": one.category,
        "status": one.status,
    }


class WhautomateContacts(WhautomateView):
    @extend_schema(
        summary="List contacts",
        description="Newest first.",
        parameters=[WhautomateSearchSerializer],
        responses=WhautomateContactSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(WhautomateSearchSerializer)
        rows = Contact.objects.for_organization(self.organization).order_by("-pk")
        if search := asked.get("searchText"):
            rows = rows.filter(audience.search_clause(search))
        return Response([self._shown(one) for one in cut(rows, asked["page"], asked["limit"])])

    @extend_schema(summary="Add a contact", request=WhautomateContactInput, responses=WhautomateContactSerializer)
    @transaction.atomic
    def post(self, request: Request) -> Response:
        given = self.read(WhautomateContactInput)
        own = {name: given[name] for name in OWN_KEYS if given.get(name)}
        values = {
            "full_name": given["name"],
            "phone": given["phoneNumber"],
            "whatsapp_id": given["phoneNumber"],
            "attributes": given.get("customFields", {}) | own,
        }
        form = ContactSerializer(data=values, context=self.context())
        form.is_valid(raise_exception=True)
        contact = form.save()
        AuditEntry.write(contact, "create", organization=self.organization, user=self.user, fields=sorted(values))
        return Response(self._shown(contact))

    def _shown(self, contact: Contact) -> dict[str, Any]:
        attributes = contact.attributes
        tags = attributes.get("tags")
        return {
            "id": str(contact.uuid),
            "name": contact.full_name,
            "channel": "whatsapp",
            "phoneNumber": contact.phone or (f"+{contact.whatsapp_id}" if contact.whatsapp_id.isdecimal() else ""),
            "lastActivity": millis(contact.last_seen_at),
            "notes": str(attributes.get("notes") or ""),
            "stage": str(attributes.get("stage") or ""),
            "tags": [str(one) for one in tags] if isinstance(tags, list) else [],
            "customFields": {key: value for key, value in attributes.items() if key not in OWN_KEYS},
            "location": location(self.organization),
            "createdAt": millis(contact.created),
            "updatedAt": millis(contact.modified),
        }
