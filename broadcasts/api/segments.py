from typing import Any

from django.db import transaction
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import audience, segmenting
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact, Segment

from .contacts import ContactSerializer
from .counting import Counted
from .fields import NameField, RefsField, TreeField
from .resources import FullResource, ResourceSerializer, StrictSerializer

MEMBERS_AT_ONCE = 1000


class SegmentFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains")
    kind = filters.ChoiceFilter(choices=Segment.Kind.choices)

    class Meta:
        model = Segment
        fields: list[str] = []


class SegmentSerializer(ResourceSerializer):
    name = NameField(max_length=255)
    rules = TreeField(required=False)
    unique_by = "name"

    class Meta:
        model = Segment
        fields = ("uuid", "id", "created", "modified", "name", "kind", "rules", "contacts_count", "counted_at")
        read_only_fields = ("uuid", "id", "contacts_count", "counted_at")
        validators: list = []

    def check(self, row: Segment) -> None:
        super().check(row)
        if row.kind == Segment.Kind.STATIC:
            if row.rules:
                raise InvalidInput({"rules": "A static segment has members and no rules; leave this empty."})
            return
        audience.validate_rules(row)

    def save(self, **kwargs: Any) -> Segment:
        before = None if self.instance is None else dict(self.instance.rules)
        segment = super().save(**kwargs)
        if segment.rules != before:
            audience.count_segment(segment)
        return segment

    def validate_kind(self, value: str) -> str:
        if self.instance is not None and value != self.instance.kind:
            raise serializers.ValidationError("The kind of a segment cannot be changed; make another segment.")
        return value


class MembersSerializer(StrictSerializer):
    """Contacts to put into a static segment and to take out of it."""

    add = RefsField(Contact, required=False, max_length=MEMBERS_AT_ONCE)
    query = TreeField(required=False, help_text="Everybody whom this query chooses is added too.")
    remove = RefsField(Contact, required=False, max_length=MEMBERS_AT_ONCE)


class FreezeSerializer(StrictSerializer):
    """The name of the static segment to make."""

    name = NameField(max_length=255)


class ChangedSerializer(serializers.Serializer):
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    contacts_count = serializers.IntegerField()


@extend_schema_view(
    list=extend_schema(summary="List segments"),
    retrieve=extend_schema(summary="Read a segment"),
    create=extend_schema(summary="Add a segment"),
    update=extend_schema(summary="Write a segment"),
    partial_update=extend_schema(summary="Change a segment"),
    destroy=extend_schema(
        summary="Delete a segment", description="Not while a broadcast that is yet to be sent, or a segment, uses it."
    ),
)
class Segments(FullResource):
    """Named choices of contacts."""

    model = Segment
    serializer_class = SegmentSerializer
    filterset_class = SegmentFilter
    ordering_fields = {"name": "name", "created": "created"}
    default_ordering = "name"

    def remove(self, row: Segment) -> None:
        audience.require_unused(row)
        row.delete()

    @extend_schema(summary="List the contacts of a segment", responses=ContactSerializer(many=True), filters=False)
    @action(detail=True, filterset_class=None, serializer_class=ContactSerializer, ordering_fields={})
    def members(self, request: Request, uuid: str) -> Response:
        segment = self.get_object()
        rows = audience.segment_contacts(segment).order_by("-id")
        of = (segment.pk, segment.modified, "members")
        return self.paged(Counted(rows, lambda: audience.segment_contacts(segment, of_all=True).count(), of=of))

    @extend_schema(
        summary="Change the members of a static segment",
        request=MembersSerializer,
        responses=ChangedSerializer,
    )
    @members.mapping.post
    def change_members(self, request: Request, uuid: str) -> Response:
        segment = self.get_object()
        given = MembersSerializer(data=request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        contacts = Contact.objects.for_organization(self.organization)
        named = {name: [row.pk for row in given.validated_data.get(name, [])] for name in ("add", "remove")}
        with transaction.atomic():
            added = segmenting.add(segment, contacts.filter(pk__in=named["add"]))
            if "query" in given.validated_data:
                chosen = audience.compile_query(given.validated_data["query"], self.organization, of_all=True)
                added += segmenting.add(segment, chosen)
            removed = segmenting.remove(segment, contacts.filter(pk__in=named["remove"]))
            self.audit(segment, "change", ["members"])
        count = audience.count_segment(segment)
        return Response({"added": added, "removed": removed, "contacts_count": count})

    @extend_schema(
        summary="Freeze a dynamic segment",
        description="Makes a static segment of whoever its rules choose now.",
        request=FreezeSerializer,
        responses={201: SegmentSerializer},
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def freeze(self, request: Request, uuid: str) -> Response:
        segment = self.get_object()
        given = FreezeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        with transaction.atomic():
            frozen = segmenting.freeze(segment, given.validated_data["name"])
            self.audit(frozen, "create", ["members", "name"])
        return self.shown(self.fresh(frozen), 201)
