"""How values look in JSON, where dialects differ from the native API."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from broadcasts.api.fields import LineField, MomentField


class UtcField(MomentField):
    """A date-time, always shown in UTC with a Z; one without an offset is meant in UTC."""

    def enforce_timezone(self, value: datetime) -> datetime:
        return super().enforce_timezone(value if value.tzinfo else value.replace(tzinfo=UTC))

    def to_representation(self, value: Any) -> str:
        return utc(value) or ""


def utc(moment: datetime | None, timespec: str = "auto") -> str | None:
    """Write a moment in UTC with a Z: 2030-01-01T08:00:00Z."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z") if moment else None


def millis(moment: datetime | None) -> str | None:
    """Write a moment in UTC with milliseconds: 2025-06-21T15:07:40.248Z."""
    return utc(moment, "milliseconds")


class StringField(LineField):
    """One line of text; a number is none."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class TrueOrFalseField(serializers.BooleanField):
    """A JSON boolean; no word or number stands for one."""

    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data
