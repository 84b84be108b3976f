"""The form of an organization, with the quiet hours of each medium as two clock times."""

from collections.abc import Sequence
from datetime import time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString

from broadcasts.models import Medium, Organization, validate_quiet_hours

from .base import OrganizationForm

PREFIX = "quiet_"


class ClockInput(forms.TimeInput):
    """The browser's input for a clock time, with a label for screen readers."""

    input_type = "time"

    def __init__(self, label: str) -> None:
        super().__init__(attrs={"aria-label": label}, format="%H:%M")


class HoursWidget(forms.MultiWidget):
    use_fieldset = True

    def __init__(self, label: str) -> None:
        super().__init__({"from": ClockInput(f"{label}: from"), "until": ClockInput(f"{label}: until")})

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        clocks = self.get_context(name, value, attrs)["widget"]["subwidgets"]
        shown = [self._render(clock["template_name"], {"widget": clock}, renderer) for clock in clocks]  # type: ignore[attr-defined]
        return format_html("{} until {}", *shown)

    def decompress(self, value: Any) -> Sequence[Any]:
        return value or [None, None]


class HoursField(forms.MultiValueField):
    """When quiet hours begin and end, both or neither; its value is that of the column."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        clocks = [forms.TimeField(input_formats=["%H:%M", "%H:%M:%S"]) for _ in range(2)]
        widget = HoursWidget(f"Quiet hours, {label}")
        super().__init__(clocks, label=label, widget=widget, required=False, require_all_fields=False, **kwargs)

    def clean(self, value: Any) -> list[str]:
        if any(value or ()) and not all(value):
            raise ValidationError("Give both when they begin and when they end, or neither.")
        return super().clean(value)

    def compress(self, data_list: list[time]) -> list[str]:
        return [f"{clock:%H:%M}" for clock in data_list]


class _QuietHoursForm(OrganizationForm):
    class Meta:
        model = Organization
        exclude = ["quiet_hours", "answer_texts"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for medium in Medium.values:
            self.initial[PREFIX + medium] = self.instance.quiet_hours.get(medium)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not set(QUIET_FIELDS) <= set(self.fields):
            return cleaned  # they are only shown
        found = {medium: hours for medium in Medium.values if (hours := cleaned.get(PREFIX + medium))}
        for medium, hours in found.items():
            try:
                validate_quiet_hours({medium: hours})
            except ValidationError as error:
                self.add_error(PREFIX + medium, error)
        self.instance.quiet_hours = found
        return cleaned


QUIET_FIELDS = [PREFIX + medium for medium in Medium.values]
QuietHoursForm: Any = type(
    "QuietHoursForm", (_QuietHoursForm,), {PREFIX + medium: HoursField(label) for medium, label in Medium.choices}
)
