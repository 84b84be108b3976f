from collections.abc import Iterable
from datetime import UTC
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string

from broadcasts import confirming, consenting
from broadcasts.exceptions import WrongState
from broadcasts.models import (
    Consent,
    ConsentChange,
    ConsentState,
    Contact,
    Medium,
    PersonalLink,
    UseCase,
)

from .base import OrganizationAdmin, OrganizationForm, ReadOnlyAdmin
from .by_contact import ByContact
from .filters import choice_filter, row_filter

CHANGES_SHOWN = 200


class ConsentForm(OrganizationForm):
    """Record a consent that a contact gave to staff, with its evidence; also if there is a consent already."""

    source = forms.CharField(
        max_length=255, help_text="How you know: who said it, where and when. It is kept in the history."
    )
    wording = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="The words that were agreed to. A yes over a no of the person needs them, and the time.",
    )
    said_at = forms.SplitDateTimeField(required=False, widget=AdminSplitDateTime, label="Said at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "state" in self.fields:
            labels = {
                ConsentState.GRANTED: "Granted",
                ConsentState.WITHDRAWN: "Withdrawn",
                ConsentState.PENDING: "Ask: by e-mail the person gets a link to confirm",
            }
            self.fields["state"] = forms.ChoiceField(choices=labels.items())

    def _get_validation_exclusions(self) -> set[str]:
        # One that is on record already is no error: it is changed, and the change added to its history.
        return super()._get_validation_exclusions() | {"contact"}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors or cleaned["state"] == ConsentState.WITHDRAWN:
            return cleaned
        contact, medium, use_case = (cleaned[name] for name in ("contact", "medium", "use_case"))
        refusal = consenting.why_not(contact, medium, use_case, source=cleaned["source"], evidence=self.evidence())
        if not refusal and cleaned["state"] == ConsentState.PENDING and medium == Medium.EMAIL:
            refusal = confirming.why_not(contact)
        if refusal:
            self.add_error("state", refusal)
        return cleaned

    def evidence(self, **facts: object) -> dict[str, object]:
        said_at = self.cleaned_data.get("said_at")
        time = said_at.astimezone(UTC).isoformat() if said_at else ""
        return consenting.evidence_of(self.cleaned_data.get("wording", ""), time=time, form="admin", **facts)


@admin.register(Consent)
class ConsentAdmin(ByContact, OrganizationAdmin):
    """Consents: `write` may add one; they are not edited, so that the history is complete."""

    form = ConsentForm
    list_display = ["contact", "medium", "use_case", "state", "modified"]
    list_select_related = ["contact"]
    list_filter = [
        choice_filter("medium", Medium),
        choice_filter("use_case", UseCase),
        choice_filter("state", ConsentState),
        row_filter(Contact),
    ]
    autocomplete_fields = ["contact"]
    fields = ["contact", "medium", "use_case", "state", "source", "wording", "said_at"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["contact", "medium", "use_case", "state", "modified", "history"] if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(["modified", "history"] if obj else [])]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="History")
    def history(self, obj: Consent) -> str:
        [(_, changes)] = with_history([obj])
        return render_to_string("admin/broadcasts/contact/changes.html", {"changes": changes})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        try:
            return super().add_view(request, form_url, extra_context)
        except WrongState as error:  # a no that came while the form was looked at
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Consent, form: Any, change: bool) -> None:
        self.check_may_save(request, obj, change)
        contact, medium, use_case = place = (obj.contact, obj.medium, obj.use_case)
        source, evidence = form.cleaned_data["source"], form.evidence(recorded_by=str(request.user))
        if obj.state == ConsentState.GRANTED:
            consenting.grant(*place, source=source, evidence=evidence)
        elif obj.state == ConsentState.WITHDRAWN:
            consenting.withdraw(*place, source=source, evidence=evidence)
        elif medium == Medium.EMAIL:
            confirming.ask(contact, use_case, source=source, evidence=evidence)
        else:
            consenting.ask(*place, source=source, evidence=evidence)
        obj.pk = Consent.objects.get(contact=contact, medium=medium, use_case=use_case).pk


@admin.register(ConsentChange)
class ConsentChangeAdmin(ByContact, ReadOnlyAdmin):
    list_display = ["contact", "medium", "use_case", "state", "source", "created"]
    list_select_related = ["contact"]
    list_filter = [choice_filter("state", ConsentState), row_filter(Contact)]


@admin.register(PersonalLink)
class PersonalLinkAdmin(ByContact, ReadOnlyAdmin):
    """Links mailed to contacts, with the error of those that were not mailed."""

    list_display = ["contact", "purpose", "created", "sent_at", "due_at", "error"]
    list_select_related = ["contact"]
    list_filter = [choice_filter("purpose", PersonalLink.Purpose), row_filter(Contact)]
    exclude = ["address_hash"]


def with_history(consents: Iterable[Consent]) -> list[tuple[Consent, list[ConsentChange]]]:
    """Return consents of one contact, each with its changes, newest first."""
    consents = list(consents)
    told: dict[tuple[str, str], list[ConsentChange]] = {}
    if consents:
        for change in ConsentChange.objects.filter(contact=consents[0].contact_id).order_by("-pk")[:CHANGES_SHOWN]:
            told.setdefault((change.medium, change.use_case), []).append(change)
    return [(one, told.get((one.medium, one.use_case), [])) for one in consents]
