"""`/api/v2/groups.json`: segments."""

import json
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import audience
from broadcasts.database import tidy_name
from broadcasts.dialects.fields import StringField
from broadcasts.models import AuditEntry, Segment

from .fields import find_group
from .views import RapidProListSerializer, RapidProView, UuidParameter, is_true, paged

LONGEST_NAME = 64
NOT_UNIQUE = "This field must be unique."


class RapidProGroupInput(serializers.Serializer):
    name = StringField(max_length=LONGEST_NAME)

    def validate_name(self, name: str) -> str:
        name = tidy_name(name)
        rows = Segment.objects.for_organization(self.context["organization"]).filter(name__iexact=name)
        own = self.context.get("group")
        if (rows.exclude(pk=own.pk) if own else rows).exists():
            raise serializers.ValidationError(NOT_UNIQUE)
        return name


class RapidProGroupSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    query = serializers.CharField(allow_null=True, help_text="The rules as JSON; null where it has members.")
    status = serializers.CharField()
    system = serializers.BooleanField()
    count = serializers.IntegerField()


class RapidProGroupKey(serializers.Serializer):
    uuid = UuidParameter(required=False)
    name = serializers.CharField(required=False)


class RapidProGroupsFilter(RapidProGroupKey, RapidProListSerializer):
    manual_only = serializers.CharField(required=False)


class RapidProGroups(RapidProView):
    keys = ("name", "uuid")
    acts: ClassVar[dict[str, str]] = {"DELETE": "write"}

    def by(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        if name == "uuid":
            return super().by(rows, name, value)
        found = find_group(value, self.organization)
        return rows.filter(pk=found.pk) if found else rows.none()

    @extend_schema(summary="List groups", parameters=[RapidProGroupsFilter], responses=paged(RapidProGroupSerializer))
    def get(self, request: Request) -> Response:
        rows: QuerySet[Any] = Segment.objects.for_organization(self.organization)
        if name := self.one_of(*self.keys):
            rows = self.by(rows, name, self.param(name))
        if is_true(self.param("manual_only")):
            rows = rows.filter(kind=Segment.Kind.STATIC)
        pages, page = self.pages(rows)
        return pages.get_paginated_response([group(one) for one in page])

    @extend_schema(
        summary="Add or rename a group",
        description="A new one has members and no rules.",
        parameters=[RapidProGroupKey],
        request=RapidProGroupInput,
        responses={200: RapidProGroupSerializer, 201: RapidProGroupSerializer},
    )
    def post(self, request: Request) -> Response:
        found = self.named(Segment.objects.for_organization(self.organization))
        given = self.read(RapidProGroupInput, group=found)
        segment = found or Segment(organization=self.organization, kind=Segment.Kind.STATIC, contacts_count=0)
        segment.name = given["name"]
        try:
            with transaction.atomic():
                segment.save()
                act = "change" if found else "create"
                AuditEntry.write(segment, act, organization=self.organization, user=self.user, fields=["name"])
        except IntegrityError:
            raise serializers.ValidationError({"name": [NOT_UNIQUE]}) from None
        return Response(group(segment), 200 if found else 201)

    @extend_schema(
        summary="Delete a group",
        description="Not while a broadcast that is yet to be sent, or another group, uses it.",
        parameters=[RapidProGroupKey],
        responses={204: None},
    )
    @transaction.atomic
    def delete(self, request: Request) -> Response:
        segment = self.named(Segment.objects.for_organization(self.organization), required=True)
        audience.require_unused(segment)
        AuditEntry.write(segment, "delete", organization=self.organization, user=self.user)
        segment.delete()
        return Response(status=204)


def group(segment: Segment) -> dict[str, Any]:
    is_dynamic = segment.kind == Segment.Kind.DYNAMIC
    return {
        "uuid": str(segment.uuid),
        "name": segment.name,
        "query": json.dumps(segment.rules, ensure_ascii=False) if is_dynamic else None,
        "status": "ready",
        "system": False,
        "count": segment.contacts_count or 0,
    }
