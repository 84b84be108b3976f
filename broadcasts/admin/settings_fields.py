"""The fields of settings forms in the form of a row, such as of a channel or a mailbox."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from broadcasts.transports import SettingsForm

from .base import OrganizationForm

PREFIX = "setting_"


class SettingsFields(OrganizationForm):
    """Carries the fields of settings forms under a prefix; secrets are never rendered.

    The row has `settings`, `secrets` and `configure`.
    """

    settings_forms: tuple[type[SettingsForm], ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for settings_form in self.settings_forms:
            for name in settings_form.base_fields:
                if field := self.fields.get(PREFIX + name):
                    self._show(settings_form, name, field)

    def _show(self, settings_form: type[SettingsForm], name: str, field: forms.Field) -> None:
        if name in settings_form.secret:
            attrs = {**field.widget.attrs, "autocomplete": "new-password"}
            field.widget = forms.PasswordInput(render_value=False, attrs=attrs)
            if (self.instance.secrets or {}).get(name):
                field.required = False
                field.help_text = "Leave blank to keep the stored one."
        elif self.instance.pk and name in self.instance.settings:
            self.initial[PREFIX + name] = value = self.instance.settings[name]
            if value and isinstance(field, forms.ChoiceField) and not field.valid_value(value):
                field.help_text = f"The stored choice “{value}” is not offered any more; choose another."

    def chosen_form(self, cleaned: dict[str, Any]) -> type[SettingsForm]:
        """Return the settings form that counts for what was entered."""
        return self.settings_forms[0]

    def prepare(self, cleaned: dict[str, Any]) -> None:
        """Set the columns of the row that `configure` reads."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        chosen = self.chosen_form(cleaned)
        values = {name: cleaned.get(PREFIX + name) for name in chosen.base_fields}
        stored = self.instance.secrets or {}
        data = {name: value or stored.get(name) for name, value in values.items()} | {
            name: value for name, value in values.items() if name not in chosen.secret
        }
        check = chosen(data=data)
        for name, errors in check.errors.items():
            shown = PREFIX + name if PREFIX + name in self.fields else None
            if shown not in self.errors:
                self.add_error(shown, ValidationError(list(errors)))
        if not self.errors:
            self.prepare(cleaned)
            try:
                self.instance.configure(values)
            except ValidationError as error:
                self.add_error(None, error.messages)
        return cleaned


def prefixed(settings_form: type[SettingsForm]) -> dict[str, forms.Field]:
    """Return the fields of a settings form under the prefix, each with a label."""
    fields = {PREFIX + name: deepcopy(field) for name, field in settings_form.base_fields.items()}
    for name, field in settings_form.base_fields.items():
        fields[PREFIX + name].label = field.label or name.replace("_", " ").capitalize()
    return fields


def in_words(settings: Mapping[str, Any]) -> str:
    """Return settings for those who may see them and not change them."""
    return ", ".join(f"{name}: {value}" for name, value in settings.items() if value not in ("", None))
