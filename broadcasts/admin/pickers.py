"""Fields that pick a row by typing; whatever an address or a form says, only an id is looked up."""

from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple

from .search import as_id


class OnlyIds:
    """Goes before a select of rows: what is no id is an error of its field, and not of the database."""

    def optgroups(self, name: str, value: list[Any], attrs: Any = None) -> Any:
        found = [one for one in value if as_id(str(one)) is not None]
        return super().optgroups(name, found, attrs)  # type: ignore[misc]


class Picker(OnlyIds, AutocompleteSelect):
    """One row."""


class ManyPicker(OnlyIds, AutocompleteSelectMultiple):
    """Several rows."""
