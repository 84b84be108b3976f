"""`/api/v2/contact_actions.json`: one action for up to a hundred contacts."""

from typing import Any, ClassVar

from django.db import transaction
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import audience, contacts, segmenting
from broadcasts.models import AuditEntry, Contact, Segment

from .contacts import BY_QUERY
from .fields import MOST, STRINGS, RapidProContactsField, RapidProGroupsField
from .views import RapidProView

OF_GROUPS = ("add", "remove")
STATUSES = {"block": Contact.Status.BLOCKED, "unblock": Contact.Status.ACTIVE}
ACTIONS = (*OF_GROUPS, *STATUSES, "interrupt", "archive_messages", "delete")
NEEDS_GROUP = 'For action "{}" you should also specify a group'
NEEDS_NO_GROUP = 'For action "{}" you should not specify a group'


@extend_schema_field({"type": "string", "minLength": 1})
class GroupField(RapidProGroupsField):
    """One segment by uuid or by name."""

    def to_internal_value(self, data: Any) -> Segment:  # type: ignore[override]
        return super().to_internal_value([data])[0]


@extend_schema_field({**STRINGS, "minItems": 1, "maxItems": MOST})
class SomeContactsField(RapidProContactsField):
    """At least one of them."""


class RapidProActionInput(serializers.Serializer):
    contacts = SomeContactsField()
    action = serializers.ChoiceField(choices=ACTIONS)
    group = GroupField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        action, group = attrs["action"], attrs.get("group")
        if not attrs["contacts"]:
            raise serializers.ValidationError({"contacts": ["Contacts can't be empty."]})
        if action in OF_GROUPS and group is None:
            raise serializers.ValidationError(NEEDS_GROUP.format(action))
        if action not in OF_GROUPS and group is not None:
            raise serializers.ValidationError(NEEDS_NO_GROUP.format(action))
        if group is not None and group.kind != Segment.Kind.STATIC:
            raise serializers.ValidationError({"group": [BY_QUERY.format(group.name)]})
        return attrs


class RapidProActions(RapidProView):
    acts: ClassVar[dict[str, str]] = {"POST": "write"}

    @extend_schema(
        summary="Act on contacts",
        description="`interrupt` and `archive_messages` do nothing: there are no flows here, and the log stays as it "
        "is. `delete` is for admins.",
        request=RapidProActionInput,
        responses={204: None},
    )
    @transaction.atomic
    def post(self, request: Request) -> Response:
        given = self.read(RapidProActionInput)
        action, found = given["action"], given["contacts"]
        if action == "delete" and not self.may("manage"):
            raise PermissionDenied()
        rows = Contact.objects.filter(pk__in=[one.pk for one in found])
        if action in OF_GROUPS:
            (segmenting.add if action == "add" else segmenting.remove)(given["group"], rows)
            audience.count_segment(given["group"])
            self._note(given["group"], "change", ["members"])
        for one in found:
            self._act(action, one)
        return Response(status=204)

    def _act(self, action: str, contact: Contact) -> None:
        if status := STATUSES.get(action):
            contact.status = status
            contact.save(update_fields=["status", "modified"])
            self._note(contact, "change", ["status"])
        elif action == "delete":
            self._note(contact, "delete", [])
            contacts.delete(contact)

    def _note(self, row: Any, act: str, fields: list[str]) -> None:
        AuditEntry.write(row, act, organization=self.organization, user=self.user, fields=fields)
