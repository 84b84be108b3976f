"""The step When: at once, at a time, or at that time by each recipient's own clock."""

from typing import Any

from django import forms
from django.http import HttpRequest

from broadcasts.models import Broadcast, Medium, UseCase

from .compose_form import FormStep, StepForm

NO_TIME = "Choose a day and a time."


class Way(forms.ChoiceField):
    """How the time is said: now, at a moment, or at a clock time where each recipient is."""

    NOW, AT, LOCAL = "now", "at", "local"
    CHOICES = ((NOW, "As soon as I send it"), (AT, "At a time"), (LOCAL, "At a time by each recipient's own clock"))

    def __init__(self) -> None:
        super().__init__(choices=self.CHOICES, widget=forms.RadioSelect, label="When")


class WhenForm(StepForm):
    """Asks first how the time is said; the fields of a broadcast follow from that."""

    way = Way()
    own_fields = ("way",)

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        if data and data.get("way") == Way.NOW:  # the page does not show the time then, whatever stands in it
            data = data.copy()
            data["scheduled_at_0"] = data["scheduled_at_1"] = ""
        super().__init__(data, *args, **kwargs)
        self.was_local = self.instance.local_time
        self.fields["expires_at"].label = "Stop sending after"
        if "scheduled_at" in self.fields:
            self.fields["scheduled_at"].label = "Day and time"
        if "scheduled_at" not in self.fields:  # it is scheduled: an action changes the time
            del self.fields["way"]
        elif self.instance.scheduled_at:
            self.initial["way"] = Way.LOCAL if self.was_local else Way.AT
        else:
            self.initial["way"] = Way.NOW

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        is_blank = not cleaned.get("scheduled_at") and "scheduled_at" not in self.errors
        if cleaned.get("way") in (Way.AT, Way.LOCAL) and is_blank:
            self.add_error("scheduled_at", NO_TIME)
        return cleaned

    def values(self) -> dict[str, Any]:
        values = super().values()
        is_local = values.pop("way", self["way"].value() if "way" in self.fields else None) == Way.LOCAL
        if "way" in self.fields and is_local != self.was_local:
            values["local_time"] = is_local
        return values


def fields(broadcast: Broadcast) -> list[str]:
    """Return the fields of the step: whose time is an action's, without the time; marketing keeps quiet hours.

    The archive is offered where the organization has one.
    """
    names = ["expires_at"]
    if broadcast.status != Broadcast.Status.SCHEDULED:
        names.append("scheduled_at")
    if broadcast.use_case == UseCase.GENERAL or broadcast.ignore_quiet_hours:
        names.append("ignore_quiet_hours")
    if broadcast.organization.has_archive or broadcast.in_archive:
        names.append("in_archive")
    return names


def quiet_hours(broadcast: Broadcast) -> list[str]:
    """Return the quiet hours of the organization for the media of a broadcast, in words."""
    organization = broadcast.organization
    media = dict.fromkeys(message.medium for message in broadcast.messages.select_related("channel"))
    found = {medium: organization.quiet_hours_on(medium, broadcast.use_case, ignored=False) for medium in media}
    return [
        f"{Medium(medium).label} {begin} to {end}" for medium, times in found.items() if times for begin, end in [times]
    ]


def context(request: HttpRequest, broadcast: Broadcast, form: StepForm) -> dict[str, Any]:
    """Return what the page of the step shows beside its form."""
    return {
        "zone": broadcast.organization.zone,
        "quiet_hours": quiet_hours(broadcast),
        "is_scheduled": broadcast.status == Broadcast.Status.SCHEDULED,
    }


when_step = FormStep("when", WhenForm, fields, context)
