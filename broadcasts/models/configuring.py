"""Settings and secrets that a form checks, of channels and of mailboxes."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from broadcasts.transports import SettingsForm


def configured(
    form_class: type[SettingsForm], values: Mapping[str, Any], secrets: Mapping[str, Any] | None, *, is_moved: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check values against a form and return them as settings and secrets.

    secrets: those that are stored; one that is not given anew is kept, unless where it would be sent changes.
    is_moved: whether that changes.
    Raises ValidationError keyed `settings`.
    """
    if unknown := sorted(set(values) - set(form_class.base_fields)):
        accepted = ", ".join(form_class.base_fields) or "none"
        raise ValidationError({"settings": f"{', '.join(unknown)}: unknown; accepted: {accepted}."})
    initial = {name: field.initial for name, field in form_class.base_fields.items() if field.initial is not None}
    stored = {} if is_moved else secrets or {}
    kept = {name: value for name, value in stored.items() if not values.get(name)}
    form = form_class(data={**initial, **values, **kept})
    if not form.is_valid():
        raise ValidationError(
            {"settings": [f"{name}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()]}
        )
    cleaned = form.cleaned_data
    return (
        {name: value for name, value in cleaned.items() if name not in form_class.secret},
        {name: cleaned[name] for name in form_class.secret if cleaned.get(name)},
    )


def differs(values: Mapping[str, Any], stored: Mapping[str, Any], name: str) -> bool:
    """Tell whether a value is given that is another one than the stored one; nothing and blank are the same."""
    return name in values and str(values[name] or "") != str(stored.get(name) or "")
