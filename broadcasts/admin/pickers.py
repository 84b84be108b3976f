"""Fields to choose rows with autocompletion; only ids are looked up."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple

from broadcasts.database import as_id
from broadcasts.models import Contact


class Picker(AutocompleteSelect):
    """Choose one row; a value that is no id is an error of the field, not of the database."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        return super().optgroups(name, only_ids(value), attr)


class ManyPicker(AutocompleteSelectMultiple):
    """Several rows."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        return super().optgroups(name, only_ids(value), attr)


def only_ids(values: Sequence[str]) -> list[str]:
    return [value for value in values if as_id(str(value)) is not None]


def with_addresses(field: Any) -> Any:
    """Have a field that picks people show their addresses beside their names."""
    if isinstance(field, forms.ModelChoiceField) and getattr(field.queryset, "model", None) is Contact:
        field.label_from_instance = attrgetter("name_and_address")  # type: ignore[assignment,method-assign]
    return field
