"""A form field for JSON, in the admin and in the settings of channels."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from broadcasts.database import MAX_DEPTH, json_fault


class JsonFormField(forms.JSONField):
    """Invalid JSON, or JSON that cannot be stored, is an error of the field, which keeps the text as typed."""

    max_depth = MAX_DEPTH

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial if self.disabled else InvalidJSONInput(data or "")

    def to_python(self, value: Any) -> Any:
        try:
            read = super().to_python(value)
        except RecursionError:
            raise ValidationError(f"This is nested more than {self.max_depth} levels deep.") from None
        except ValidationError:
            raise ValidationError(_broken_at(value)) from None
        except ValueError:  # Python refuses to read thousands of digits
            raise ValidationError("A number is too large.") from None
        if fault := json_fault(read, self.max_depth):
            raise ValidationError(fault)
        return read


def _broken_at(text: str) -> str:
    """Return where a text stops being JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"This is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}."
    return "This is not valid JSON."
