"""How values look in JSON, the same in every resource."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import IsoDateTimeFilter
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from broadcasts.clocks import TOO_FAR, is_near, local_moment
from broadcasts.database import MAX_DEPTH, json_fault, tidy_name
from broadcasts.models import Organization

from .permissions import UUID

REF = {
    "type": "object",
    "properties": {"uuid": {"type": "string", "format": "uuid"}, "name": {"type": "string"}},
    "required": ["uuid", "name"],
}
NOT_MEASURED = (
    "Not measured by this channel, unless `measured` of the broadcast names it: a 0 or null then says nothing."
)


def accepting(names: Iterable[str]) -> dict[str, Any]:
    """Return the error messages of a choice, which name what is accepted."""
    return {"invalid_choice": f"“{{input}}” is unknown; accepted: {', '.join(names)}."}


class MomentField(serializers.DateTimeField):
    """A date-time, always shown in UTC with a Z; one without a zone is meant in the organization's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if not is_near(moment):
            raise serializers.ValidationError(TOO_FAR)
        return moment

    def enforce_timezone(self, value: datetime) -> datetime:
        organization = self.context.get("organization")
        if organization and timezone.is_naive(value) and is_near(value):
            value = local_moment(value.date(), value.time(), organization.zone)
        return super().enforce_timezone(value)


class NearMomentField(IsoDateTimeField):
    """A moment of a URL that both databases can compare with, whatever its offset from UTC.

    In UTC: PostgreSQL reads offsets up to 15:59 only, ISO 8601 and Python up to 23:59.
    """

    def to_python(self, value: Any) -> Any:
        moment = super().to_python(value)
        if moment and not is_near(moment):
            raise ValidationError(TOO_FAR)
        return moment and moment.astimezone(UTC)


class MomentFilter(IsoDateTimeFilter):
    """A moment as a parameter of a list."""

    field_class = NearMomentField


class JsonField(serializers.JSONField):
    """JSON that both databases can store: no null characters, no infinity, no abyss."""

    max_depth = MAX_DEPTH

    def to_internal_value(self, data: Any) -> Any:
        if fault := json_fault(data, self.max_depth):
            raise serializers.ValidationError(fault)
        return super().to_internal_value(data)


@extend_schema_field({"type": "object", "additionalProperties": True})
class ObjectField(JsonField):
    def to_internal_value(self, data: Any) -> dict:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Expected an object.")
        return super().to_internal_value(data)


class TreeField(ObjectField):
    """A query or rules: `audience` tells where they are too deep."""

    max_depth = 300


class ArrayField(JsonField):
    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        self.max_length = max_length
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> list:
        if not isinstance(data, list):
            raise serializers.ValidationError("Expected a list.")
        if len(data) > self.max_length:
            raise serializers.ValidationError(f"At most {self.max_length} are possible here.")
        return super().to_internal_value(data)


class TextField(serializers.CharField):
    """Text kept as it was written, white space included."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if not self.allow_blank and not value.strip():
            self.fail("blank")
        return value


class LineField(serializers.CharField):
    """One line of text, such as a subject."""

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if any(ord(char) < 32 or ord(char) == 127 for char in value):
            raise serializers.ValidationError("Line breaks and control characters are not allowed here.")
        return value


class NameField(LineField):
    """A name that rows are looked up by."""

    def to_internal_value(self, data: Any) -> str:
        return tidy_name(super().to_internal_value(data))


@extend_schema_field(REF)
class RefField(serializers.Field):
    """A row of the same organization: `{"uuid", "name"}`, written so or as the bare uuid."""

    def __init__(self, model: type[models.Model], **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> models.Model:
        return resolve(self.model, [data], self.context["organization"])[0]

    def to_representation(self, value: Any) -> dict[str, str]:
        return ref(value)


@extend_schema_field({"type": "array", "items": REF})
class RefsField(serializers.Field):
    """Rows of the same organization, in one query."""

    def __init__(self, model: type[models.Model], *, max_length: int, **kwargs: Any) -> None:
        self.model = model
        self.max_length = max_length
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> list[models.Model]:
        if not isinstance(data, list):
            raise serializers.ValidationError("Expected a list.")
        if len(data) > self.max_length:
            raise serializers.ValidationError(f"At most {self.max_length} are possible here.")
        return resolve(self.model, data, self.context["organization"])

    def to_representation(self, value: Any) -> list[dict[str, str]]:
        return [ref(row) for row in value.all()]


def ref(row: Any) -> dict[str, str]:
    return {"uuid": str(row.uuid), "name": str(row)}


def resolve(model: Any, values: Sequence[Any], organization: Organization) -> list[Any]:
    """Find the rows that uuids, or objects with a uuid, stand for; raises ValidationError naming an unknown one."""
    asked = []
    for value in values:
        given = value.get("uuid") if isinstance(value, dict) else value
        if not isinstance(given, str) or not UUID.fullmatch(given):
            raise serializers.ValidationError(f"“{str(given)[:40]}” is not a uuid.")
        asked.append(given.replace("-", "").lower())
    found = {row.uuid.hex: row for row in model.objects.for_organization(organization).filter(uuid__in=set(asked))}
    for key in asked:
        if key not in found:
            raise serializers.ValidationError(f"There is no {model._meta.verbose_name} {key}.")
    return [found[key] for key in dict.fromkeys(asked)]
