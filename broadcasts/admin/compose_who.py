"""The step Who: name, use case and audience of a broadcast."""

from typing import Any

from django import forms
from django.http import HttpRequest

from broadcasts import formats
from broadcasts.models import Broadcast, Organization, UseCase

from .broadcast_form import has_many_contacts
from .compose_form import FormStep, StepForm

# The fields of the audience as the page groups them; all but the first and the last group are folded away while empty.
ANYBODY = ("segments", "query", "contacts")
MORE = ("addresses", "activity", "attendance_status")
ONLY = ("retarget_of", "retarget_engagement")
LEFT_OUT = ("excluded_segments", "excluded_broadcasts", "excluded_days")
FIELDS = ("name", "use_case", "send_to_all", *ANYBODY, *MORE, *ONLY, *LEFT_OUT)


class WhoForm(StepForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        use_case: Any = self.fields["use_case"]
        use_case.widget = forms.RadioSelect(choices=UseCase.choices)
        self.fields["name"].help_text = "Only your team sees it."
        self.fields["send_to_all"].help_text = "All contacts of your organization."
        self.fields["query"].label = "Rules"
        self.fields["query"].widget.attrs["data-folded"] = ""  # the JSON; people who know it find it
        self.fields["addresses"].widget.attrs["rows"] = 4

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


def use_cases(organization: Organization) -> dict[str, str]:
    """Return {use case: what it does, in words}."""
    consent = "has not agreed to it" if organization.consent_required else "unsubscribed"
    cap = ""
    if organization.frequency_cap:
        most, days = formats.number(organization.frequency_cap), formats.number(organization.frequency_cap_days)
        cap = f" A person gets at most {most} of them in {days} days."
    return {
        UseCase.MARKETING: f"News and offers. Leaves out everyone who {consent}, and waits for the end of quiet hours."
        f"{cap} Mail needs an unsubscribe link and your postal address.",
        UseCase.GENERAL: "What people need to know, such as a class that moves or a bill. Also reaches people who "
        "unsubscribed from marketing, but no address that bounced, complained or stopped everything.",
    }


def context(request: HttpRequest, broadcast: Broadcast, form: StepForm) -> dict[str, Any]:
    words = use_cases(broadcast.organization)
    many = formats.number(broadcast.contacts.count()) if "contacts" not in form.fields else ""
    return {
        "use_cases": [(radio, words.get(radio.data["value"], "")) for radio in form["use_case"]],
        "groups": form.groups(),  # type: ignore[attr-defined]
        "many_contacts": many,
    }


who_step = FormStep("who", WhoForm, fields, context)
