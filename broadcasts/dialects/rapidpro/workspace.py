"""`/api/v2/workspace.json`, fields, globals and channels."""

import re
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts.api.attributes import AttributeSerializer
from broadcasts.api.errors import Conflict
from broadcasts.models import Attribute, AuditEntry, Channel

from .languages import codes_of, primary_of
from .views import RapidProListSerializer, RapidProView, UuidParameter, paged, shown

LONGEST_NAME = 36
# Ours of their types of values, and theirs of ours.
TYPES = dict.fromkeys(("text", "state", "district", "ward"), "text") | {"number": "number", "datetime": "datetime"}
SHOWN = {"number": "number", "date": "datetime", "datetime": "datetime"}
NO_ROOM = "Cannot create object because workspace has reached limit."
NO_KEY = "Its key is made of the letters a to z and the digits in it: it needs to begin with a letter."


class RapidProWorkspaceSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    country = serializers.CharField(allow_null=True)
    languages = serializers.ListField(child=serializers.CharField())
    primary_language = serializers.CharField(allow_null=True)
    timezone = serializers.CharField()
    date_style = serializers.CharField()
    credits = serializers.DictField()
    anon = serializers.BooleanField()


@extend_schema_field({"type": "string", "pattern": f"^({'|'.join(TYPES)})$"})
class FieldTypeField(serializers.CharField):
    """The type of a field."""


class RapidProFieldInput(serializers.Serializer):
    name = serializers.CharField(required=False, max_length=LONGEST_NAME)
    label = serializers.CharField(required=False, max_length=LONGEST_NAME)  # type: ignore[assignment]
    type = FieldTypeField(required=False)
    value_type = FieldTypeField(required=False, help_text="As type.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        name, kind = attrs.get("name") or attrs.get("label"), attrs.get("type") or attrs.get("value_type")
        missing = {name: ["This field is required."] for name, given in (("name", name), ("type", kind)) if not given}
        if missing:
            raise serializers.ValidationError(missing)
        if kind not in TYPES:
            raise serializers.ValidationError({"type": [f'"{kind}" is not a valid choice.']})
        return {"label": name, "type": TYPES[kind]}


class RapidProFieldSerializer(serializers.Serializer):
    key = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()
    label = serializers.CharField(help_text="As name.")  # type: ignore[assignment]
    value_type = serializers.CharField(help_text="As type.")


class RapidProGlobalSerializer(serializers.Serializer):
    key = serializers.CharField()
    name = serializers.CharField()
    value = serializers.CharField()
    modified_on = serializers.CharField()


class RapidProChannelSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    address = serializers.CharField()
    type = serializers.CharField()
    country = serializers.CharField(allow_null=True)
    device = serializers.DictField(allow_null=True)
    last_seen = serializers.CharField(allow_null=True)
    created_on = serializers.CharField()


class RapidProFieldKey(serializers.Serializer):
    key = serializers.CharField(required=False)


class RapidProKeyFilter(RapidProFieldKey, RapidProListSerializer):
    pass


class RapidProChannelsFilter(RapidProListSerializer):
    uuid = UuidParameter(required=False)
    address = serializers.CharField(required=False)


class RapidProWorkspace(RapidProView):
    @extend_schema(summary="Read the workspace", responses=RapidProWorkspaceSerializer)
    def get(self, request: Request) -> Response:
        own = self.organization
        return Response(
            {
                "uuid": str(own.uuid),
                "name": own.name,
                "country": own.country or None,
                "languages": codes_of(own),
                "primary_language": primary_of(own),
                "timezone": own.time_zone,
                "date_style": own.date_style,
                "credits": {"used": 0, "remaining": None},
                "anon": False,
            }
        )


class RapidProFields(RapidProView):
    keys = ("key",)

    @extend_schema(summary="List fields", parameters=[RapidProKeyFilter], responses=paged(RapidProFieldSerializer))
    def get(self, request: Request) -> Response:
        rows = Attribute.objects.for_organization(self.organization)
        if wanted := self.param("key"):
            rows = rows.filter(key=wanted)
        pages, page = self.pages(rows)
        return pages.get_paginated_response([field(one) for one in page])

    @extend_schema(
        summary="Add or change a field",
        parameters=[RapidProFieldKey],
        request=RapidProFieldInput,
        responses={200: RapidProFieldSerializer, 201: RapidProFieldSerializer},
    )
    @transaction.atomic
    def post(self, request: Request) -> Response:
        found = self.named(Attribute.objects.for_organization(self.organization))
        values = self.read(RapidProFieldInput)
        if found is None:
            if Attribute.no_room_for(1, self.organization):
                raise Conflict(NO_ROOM)
            values["key"] = key_of(values["label"])
            if not values["key"][:1].isalpha():
                raise serializers.ValidationError({"name": [NO_KEY]})
        form = AttributeSerializer(found, data=values, partial=found is not None, context=self.context(view=self))
        form.is_valid(raise_exception=True)
        saved = form.save()
        act = "change" if found else "create"
        AuditEntry.write(saved, act, organization=self.organization, user=self.user, fields=sorted(values))
        return Response(field(saved), 200 if found else 201)


class RapidProGlobals(RapidProView):
    @extend_schema(summary="List globals", parameters=[RapidProKeyFilter], responses=paged(RapidProGlobalSerializer))
    def get(self, request: Request) -> Response:
        own, wanted = self.organization, self.param("key")
        found = [
            {"key": key, "name": key.replace("_", " ").title(), "value": str(value), "modified_on": shown(own.modified)}
            for key, value in sorted(own.globals.items())
            if wanted in ("", key)
        ]
        return Response({"next": None, "previous": None, "results": found})


class RapidProChannels(RapidProView):
    @extend_schema(
        summary="List channels", parameters=[RapidProChannelsFilter], responses=paged(RapidProChannelSerializer)
    )
    def get(self, request: Request) -> Response:
        rows: QuerySet[Any] = Channel.objects.for_organization(self.organization).filter(is_active=True)
        rows = self.chosen(rows, "uuid")
        if wanted := self.param("address"):
            rows = rows.filter(from_address=wanted)
        pages, page = self.pages(rows)
        return pages.get_paginated_response([channel(one) for one in page])


def field(attribute: Attribute) -> dict[str, str]:
    name, kind = str(attribute), SHOWN.get(attribute.type, "text")
    return {"key": attribute.key, "name": name, "type": kind, "label": name, "value_type": kind}


def key_of(name: str) -> str:
    """Return the key that RapidPro makes of the name of a field: "First Name!" is first_name."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def channel(one: Channel) -> dict[str, Any]:
    return {
        "uuid": str(one.uuid),
        "name": one.name,
        "address": one.from_address,
        "type": one.kind,
        "country": one.organization.country or None,
        "device": None,
        "last_seen": None,
        "created_on": shown(one.created),
    }
