"""The confirmation forms of actions: content, number of recipients and time must still be those shown."""

import re
from collections.abc import Sequence
from copy import copy
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from broadcasts import checking, formats
from broadcasts.checking import Line
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, User
from broadcasts.sending import moments

from .moment_field import MomentFormField

TYPED_ABOVE = 1000  # more recipients than this are typed before they are sent to
CHECK_FIRST = "The check is not done: see to its points first."
NOW, AT = "now", "at"  # how a broadcast is sent


class Confirmation(forms.Form):
    """A confirmation without fields."""

    def __init__(self, *args: Any, broadcast: Broadcast, user: User, may_send: bool, **kwargs: Any) -> None:
        self.broadcast, self.user, self.may_send = broadcast, user, may_send
        super().__init__(*args, **kwargs)


class SeenForm(Confirmation):
    """Contains `modified` of the broadcast that is shown; is invalid if the broadcast was changed since."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = stamp(self.broadcast)

    def clean_seen(self) -> str:
        if self.cleaned_data["seen"] != stamp(self.broadcast):
            self.show_again("seen", "The broadcast was changed since you looked. Read it again, then confirm.")
        return self.cleaned_data["seen"]

    def show_again(self, name: str, error: str) -> None:
        """Add an error, and show the current state."""
        self.data = {**{key: self.data[key] for key in self.data}, name: self.initial[name]}
        self.add_error(None, error)


class SendForm(SeenForm):
    """Contains the number of recipients that is shown; a large number has to be typed.

    Is invalid while the check of the broadcast holds something open.
    """

    expected = forms.CharField(required=False, widget=forms.HiddenInput)
    typed = forms.CharField(label="Number of recipients", help_text="Type the number above to confirm it.")

    def __init__(self, *args: Any, recipients: int, open_lines: Sequence[Line], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recipients, self.open_lines = recipients, open_lines
        self.initial["expected"] = recipients
        if recipients <= TYPED_ABOVE:
            del self.fields["typed"]

    def clean_expected(self) -> str:
        if self.cleaned_data["expected"] != str(self.recipients):
            now = formats.number(self.recipients)
            said = f"The number has changed meanwhile: it is {now} now. Look again, then confirm."
            self.show_again("expected", said)
        return self.cleaned_data["expected"]

    def clean_typed(self) -> str:
        typed = self.cleaned_data["typed"]
        if "".join(filter(str.isdigit, typed)) != str(self.recipients):
            raise ValidationError(f"This is not the number of recipients, {formats.number(self.recipients)}.")
        return typed

    def clean(self) -> dict[str, Any]:
        if self.open_lines:
            raise ValidationError(CHECK_FIRST)
        return self.cleaned_data

    @property
    def is_refused(self) -> bool:
        """Whether nothing that is typed here can make it valid."""
        return bool(self.open_lines) or not self.recipients


class SendStepForm(SendForm):
    """Asks whether it is sent now or at the time that the broadcast has."""

    how = forms.ChoiceField(label="When", widget=forms.RadioSelect)
    field_order = ["how"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(NOW, f"Now. {begins(self.broadcast)}")]
        at = self.broadcast.own_time
        if at and self.broadcast.status != Broadcast.Status.SCHEDULED and at > timezone.now():
            planned = formats.planned(at, self.broadcast.organization.zone)
            choices.append((AT, f"{planned[0].upper()}{planned[1:]}"))
        self.fields["how"].choices = choices  # type: ignore[attr-defined]
        self.initial["how"] = choices[-1][0]


def begins(broadcast: Broadcast) -> str:
    """Say when a broadcast begins that is sent from the admin now."""
    seconds = broadcast.organization.undo_seconds
    words = "It begins at once."
    if seconds:
        words = f"The first copies leave in {formats.seconds(seconds)}. You can stop it until then."
    return f"{words} People whose clock time has not come yet wait for it." if broadcast.local_time else words


def what_now(broadcast: Broadcast) -> str:
    """Say what sending from the admin now does, and that a time which the broadcast has is not waited for."""
    words, at = begins(broadcast), broadcast.own_time
    if at and not broadcast.local_time and (broadcast.status == Broadcast.Status.SCHEDULED or at > timezone.now()):
        return f"{words} It does not wait until {formats.planned(at, broadcast.organization.zone)}."
    return words


class ScheduleForm(SendForm):
    """Asks for the time, and for the number as SendForm does; the check must hold nothing open for that time."""

    at = MomentFormField(label="Send at")
    field_order = ["at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.open_lines = self.lines_of_others()
        self.zone = self.broadcast.organization.zone
        self.fields["at"].help_text = (
            "Everybody gets it on this day, at this time by their own clock; people whose local time has already "
            f"passed get it right away. Above is the clock of {self.zone}."
            if self.broadcast.local_time
            else f"In the organization's time zone, {self.zone}."
        )
        if self.broadcast.scheduled_at:
            self.initial["at"] = timezone.localtime(self.broadcast.scheduled_at, self.zone).replace(tzinfo=None)

    def lines_of_others(self) -> list[Line]:
        """Return the open lines that another time does not settle."""
        return [line for line in self.open_lines if line.step != "when"]

    @property
    def is_refused(self) -> bool:
        return bool(self.lines_of_others()) or not self.recipients

    def clean(self) -> dict[str, Any]:
        if at := self.cleaned_data.get("at"):
            planned = copy(self.broadcast)
            planned.scheduled_at = at
            self.open_lines = checking.open_lines(planned, checking.check(planned))
        return super().clean()

    def full_clean(self) -> None:
        with timezone.override(self.zone):
            super().full_clean()

    def clean_at(self) -> datetime | None:
        """Return the moment, or None for the one that the broadcast has."""
        at = self.cleaned_data["at"] if "at" in self.changed_data else None
        try:
            moments.to_schedule(self.broadcast, at, None)
        except InvalidInput as error:
            raise ValidationError(list(error.errors.values())) from None
        return at


class TestForm(SeenForm):
    addresses = forms.CharField(
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        help_text="One per line, at most 10. It is sent through the real channel and counted nowhere.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["addresses"] = self.user.email
        if not self.may_send:
            self.fields["addresses"].disabled = True
            self.fields["addresses"].help_text = "Authors send tests to themselves."

    def clean_addresses(self) -> list[str]:
        return [address for address in re.split(r"[\s,;]+", self.cleaned_data["addresses"]) if address]


def stamp(broadcast: Broadcast) -> str:
    """Write down which state of a broadcast a page shows."""
    return broadcast.modified.isoformat()
