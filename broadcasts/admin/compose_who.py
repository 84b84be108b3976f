"""The step Who: name, use case and audience of a broadcast."""

import re
from typing import Any

from django import forms
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.http import HttpRequest

from broadcasts import checking, formats
from broadcasts.models import Broadcast, UseCase

from .broadcast_form import has_many_contacts
from .compose_form import FormStep, StepForm

# The fields of the audience as the page groups them; all but the first and the last group are folded away while empty.
ANYBODY = ("segments", "query", "contacts")
MORE = ("addresses", "activity", "attendance_status")
ONLY = ("retarget_of", "retarget_engagement")
LEFT_OUT = ("excluded_segments", "excluded_broadcasts", "excluded_days")
FIELDS = ("name", "use_case", "send_to_all", *ANYBODY, *MORE, *ONLY, *LEFT_OUT)


# What the page calls them, among their neighbours; and what is said below.
LABELS = {
    "query": "Rules",
    "activity": "People of an activity",
    "attendance_status": "Only with the status",
    "retarget_of": "Earlier broadcast",
    "retarget_engagement": "People who",
    "excluded_segments": "Everyone in these segments",
    "excluded_broadcasts": "Everyone who was sent one of these broadcasts",
    "excluded_days": "Only if that was in the last days",
}
HELP = {
    "name": "Only your team sees it.",
    "send_to_all": "All contacts of your organization.",
    "excluded_broadcasts": "Also those for whom nobody can tell whether their copy arrived.",
    "excluded_days": "How many days; blank: at any time.",
}
HALF_WRITTEN = re.compile(r":\s*null\b")  # what the builder writes for what is still to be chosen
NOT_WHOLE = "A condition is not complete yet."
MADE_HERE = {"segments", "contacts", "excluded_segments"}  # rows that can be added in a window of their own


class WhoForm(StepForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        use_case: Any = self.fields["use_case"]
        use_case.widget = forms.RadioSelect(choices=UseCase.choices)
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label)
            field.help_text = HELP.get(name, field.help_text)
            if isinstance(field.widget, RelatedFieldWidgetWrapper):
                field.widget.can_add_related &= name in MADE_HERE
                field.widget.can_change_related = field.widget.can_delete_related = False
                field.widget.can_view_related = False
        self.fields["query"].widget.attrs["data-folded"] = ""  # the JSON; people who know it find it
        self.fields["addresses"].widget.attrs["rows"] = 4

    def words(self) -> list[str]:
        """Return what is wrong; rules that are being written need no more than that they are not whole yet."""
        is_half = "query" in self.errors and HALF_WRITTEN.search(self.data.get("query", ""))
        label = f"{LABELS['query']}: "
        return [f"{label}{NOT_WHOLE}" if is_half and one.startswith(label) else one for one in super().words()]

    def groups(self) -> dict[str, dict[str, Any]]:
        """Return the groups of fields, each with whether it is open: it holds something, or an error."""
        return {
            name: {"fields": (found := [self[one] for one in names if one in self.fields]), "is_open": _is_used(found)}
            for name, names in (("anybody", ANYBODY), ("more", MORE), ("only", ONLY), ("left_out", LEFT_OUT))
        }


def _is_used(fields: list[Any]) -> bool:
    return any(field.errors or field.value() for field in fields)


def fields(broadcast: Broadcast) -> list[str]:
    """Return the fields of the step; contacts only where they are few enough to show."""
    return [name for name in FIELDS if name != "contacts" or not has_many_contacts(broadcast)]


def context(request: HttpRequest, broadcast: Broadcast, form: StepForm) -> dict[str, Any]:
    """Return what the page of the step shows beside its form."""
    words = checking.use_cases(broadcast.organization)
    many = formats.number(broadcast.contacts.count()) if "contacts" not in form.fields else ""
    return {
        "use_cases": [(radio, words.get(radio.data["value"], "")) for radio in form["use_case"]],
        "groups": form.groups(),  # type: ignore[attr-defined]
        "many_contacts": many,
    }


who_step = FormStep("who", WhoForm, fields, context)
