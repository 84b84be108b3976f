"""TeamUp's shapes of a message, a customer and an attendance."""

import json
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from broadcasts.api.fields import TextField
from broadcasts.database import MAX_DEPTH, json_fault
from broadcasts.dialects.fields import millis
from broadcasts.models import Attendance, Broadcast, Contact, UseCase

from .picking import NOT_FILTERS, Tree

LONGEST = 1_600  # characters of a message: ten parts of an SMS
QUERY_TYPES = ("customer", "attendance")
STATUSES = {
    "booked": "registered",
    "attended": "attended",
    "no_show": "no_show",
    "cancelled": "late_cancelled",
    "late_cancelled": "late_cancelled",
    "waitlisted": "plans_to_attend",
    "not_registered": "not_registered",
    "rescheduled": "not_registered",
}


class PlainTextField(TextField):
    """A text that is not blank; a number is none."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


TARGET = {
    "type": "object",
    "properties": {
        "query": {"type": "object", "additionalProperties": True},
        "query_type": {"type": "string", "enum": list(QUERY_TYPES)},
    },
    "required": ["query", "query_type"],
}


@extend_schema_field(TARGET)
class TargetField(serializers.Field):
    """{"query": {…}, "query_type": "customer"}."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError('Expected an object: {"query": {}, "query_type": "customer"}.')
        wrong = []
        if data.get("query_type") not in QUERY_TYPES:
            wrong.append(f"query_type: must be one of {', '.join(QUERY_TYPES)}")
        if not isinstance(data.get("query"), Mapping):
            wrong.append("query: must be an object; {} is everybody")
        if wrong:
            raise serializers.ValidationError(wrong)
        query = {name: value for name, value in data["query"].items() if name not in NOT_FILTERS}
        if fault := json_fault(query, MAX_DEPTH):
            raise serializers.ValidationError(fault)
        return {"query": query, "query_type": data["query_type"]}


class TeamUpMessageInput(serializers.Serializer):
    """A message to write; other keys are ignored, so that what was read may be sent back."""

    message = PlainTextField(max_length=LONGEST)
    use_case = serializers.ChoiceField(choices=UseCase.choices)
    target_recipients = TargetField()


class TeamUpChangeInput(serializers.Serializer):
    message = PlainTextField(max_length=LONGEST)
    use_case = serializers.ChoiceField(choices=UseCase.choices)


class TeamUpMessageSerializer(serializers.Serializer):
    """A broadcast message; `recipient_counts` is JSON as a text."""

    id = serializers.IntegerField()
    message = serializers.CharField()
    use_case = serializers.ChoiceField(choices=UseCase.choices)
    sent_by = serializers.JSONField()
    is_sent = serializers.BooleanField()
    sent_at = serializers.DateTimeField(allow_null=True)
    scheduled_at = serializers.DateTimeField(allow_null=True)
    recipient_counts = serializers.CharField()


class TeamUpPageOfRowsSerializer(serializers.Serializer):
    """The envelope of a list; subclasses have its `results`."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class TeamUpMessagesSerializer(TeamUpPageOfRowsSerializer):
    results = TeamUpMessageSerializer(many=True)


class TeamUpCustomerSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    object = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.CharField()
    image = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    family = serializers.JSONField()
    family_role = serializers.CharField(allow_null=True)
    is_lead = serializers.BooleanField()
    lead_source = serializers.CharField(allow_null=True)
    participating = serializers.BooleanField()
    provider = serializers.IntegerField()
    referral_code = serializers.JSONField()
    visibility = serializers.CharField()


class TeamUpCustomersSerializer(TeamUpPageOfRowsSerializer):
    results = TeamUpCustomerSerializer(many=True)


class TeamUpAttendanceSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    object = serializers.CharField()
    customer = serializers.JSONField()
    event = serializers.JSONField()
    status = serializers.CharField()
    customer_membership = serializers.JSONField()
    booking_source = serializers.JSONField()


class TeamUpAttendancesSerializer(TeamUpPageOfRowsSerializer):
    results = TeamUpAttendanceSerializer(many=True)


def message_of(broadcast: Broadcast, counts: Mapping[str, int], expand: Tree) -> dict[str, Any]:
    """Return a broadcast with exactly its eight keys."""
    first = next(iter(broadcast.messages.all()), None)
    content = first.translation(broadcast.base_language) if first else None
    return {
        "id": broadcast.pk,
        "message": content.text if content else "",
        "use_case": broadcast.use_case,
        "sent_by": _author(broadcast.author) if "sent_by" in expand and broadcast.author else broadcast.author_id,
        "is_sent": broadcast.has_begun,  # some copies may have left
        "sent_at": millis(broadcast.started_at),
        "scheduled_at": millis(broadcast.scheduled_at),
        "recipient_counts": json.dumps(counts, separators=(",", ":")),
    }


def _author(user: Any) -> dict[str, Any]:
    first, _, last = user.full_name.partition(" ")
    return {"id": user.pk, "first_name": first, "last_name": last, "email": user.email}


def customer_of(contact: Contact, expand: Tree, said_no: frozenset[tuple[int, str]]) -> dict[str, Any]:
    """Return a contact; `said_no` has (contact id, medium) of those who withdrew their consent to marketing."""
    first, _, last = contact.full_name.partition(" ")
    attributes = contact.attributes
    told = {
        "id": contact.pk,
        "object": "customer",
        "first_name": first,
        "last_name": last,
        "email": contact.email,
        "image": None,
        "created_at": millis(contact.created),
        "family": attributes.get("family"),
        "family_role": attributes.get("family_role"),
        "is_lead": bool(attributes.get("is_lead")),
        "lead_source": attributes.get("lead_source"),
        "participating": contact.status == Contact.Status.ACTIVE,
        "provider": contact.organization_id,
        "referral_code": {"code": None, "share_url": None},
        "visibility": "visible" if contact.status == Contact.Status.ACTIVE else "hidden",
    }
    deferred = {
        "field_values": attributes,
        "is_opted_into_broadcast_messages": not any((contact.pk, medium) in said_no for medium in ("email", "sms")),
        "is_opted_into_sms_marketing": (contact.pk, "sms") not in said_no,
        "sms_account": {"full_number": contact.phone, "enabled": True, "verified": True} if contact.phone else None,
        "customer_venue": None,
        "credit_balance": None,
    }
    return told | {name: value for name, value in deferred.items() if name in expand}


def attendance_of(attendance: Attendance, expand: Tree) -> dict[str, Any]:
    activity = attendance.activity
    event = {
        "id": activity.pk,
        "object": "event",
        "name": activity.name,
        "starts_at": millis(activity.starts_at),
        "ends_at": millis(activity.ends_at),
    }
    customer = (
        customer_of(attendance.contact, expand.get("customer", {}), frozenset()) if "customer" in expand else None
    )
    return {
        "id": attendance.pk,
        "object": "attendance",
        "customer": customer or attendance.contact_id,
        "event": event if "event" in expand else activity.pk,
        "status": STATUSES.get(attendance.status, attendance.status),
        "customer_membership": None,
        "booking_source": None,
    }
