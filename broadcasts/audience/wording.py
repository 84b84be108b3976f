"""The conditions of the vocabulary in words, and what a contact has in their place."""

import json
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format

from broadcasts.models import FACTS, Activity, Attendance, Broadcast, Contact, Delivery, Organization

from .attributes import PREFIX

# What follows the name of a field: by its lookup.
LOOKUPS = {
    "": "be {}",
    "in": "be {}",
    "icontains": "contain {}",
    "gt": "be more than {}",
    "gte": "be at least {}",
    "lt": "be less than {}",
    "lte": "be at most {}",
    "exists": "be known",
    "within": "be in the last {}",
    "within_next": "be in the next {}",
}
OF_TIME = {"gt": "be after {}", "gte": "be {} or later", "lt": "be before {}", "lte": "be {} or earlier"}
NAMES = {
    "search": ("name, e-mail or phone", "contain {}"),
    "all_users": ("they", "be anybody"),
    "contact": ("they", "be the contact {}"),
    "uuid": ("they", "be the contact {}"),
    "activity": ("they", "have a place in {}"),
    "attendance_status": ("they", "have a place somewhere that is {}"),
    "attendance": ("attendance", "be {}"),
    "engagement": ("engagement", "be {}"),
    "consent": ("consent", "be {}"),
    "suppressed": ("they", "be suppressed for {}"),
}
TIMES = ("created", "last_seen_at")
SHOWN = 5  # values of a list, and letters times twenty of a text
ROWS = 1000


def moment(at: datetime, organization: Organization) -> str:
    return date_format(timezone.localtime(at, organization.zone), "j M Y, H:i")


class Facts:
    """What is known about a contact, read when it is first asked for."""

    def __init__(self, contact: Contact, organization: Organization) -> None:
        self.contact, self.organization = contact, organization

    def actual(self, key: str, given: Any) -> str:
        """Say what the contact has where a condition asks for something else; "" where that is no one thing."""
        field = key.partition("__")[0]
        if field in ("activity", "attendance_status", "attendance"):
            return self._attended(
                given if isinstance(given, dict) else {"activity": given} if key == "activity" else {}
            )
        if field == "engagement" and isinstance(given, dict) and isinstance(given.get("broadcast"), str):
            return self._became(given.get("broadcast"))
        return self.known(key)

    def known(self, key: str) -> str:
        """Say what the contact's own row has in the place of a condition, which asks no database."""
        field = key.removeprefix(PREFIX).partition("__")[0]
        if key.startswith(PREFIX):
            return self._it_is(self.contact.attributes.get(field))
        if field in {one.name for one in Contact._meta.concrete_fields} - {"uuid"}:
            return self._it_is(getattr(self.contact, field))
        return ""

    def _it_is(self, value: Any) -> str:
        if isinstance(value, datetime):
            return f"it is {moment(value, self.organization)}"
        return "it is not known" if value in (None, "", []) else f"it is {shown(value)}"

    def _attended(self, asked: dict[str, Any]) -> str:
        rows = self.attendances
        for name, place in (("series", 0), ("activity", 1)):
            wanted = asked.get(name) or []
            if wanted := {str(one).replace("-", "") for one in (wanted if isinstance(wanted, list) else [wanted])}:
                rows = [row for row in rows if str(row[place]).replace("-", "") in wanted]
        labels = [Attendance.Status(row[2]).label.lower() for row in rows]
        counts = [f"{labels.count(label)} {label}" for label in dict.fromkeys(labels)]
        return f"they have {', '.join(counts)}" if counts else "they have no place there"

    @cached_property
    def attendances(self) -> list[tuple[str, UUID, str]]:
        rows = self.contact.attendances.order_by("-pk").values_list("activity__series", "activity__uuid", "status")
        return list(rows[:ROWS])

    def _became(self, uuid: Any) -> str:
        copies = Delivery.objects.filter(contact=self.contact, message__broadcast__uuid=uuid)
        found = [
            ", ".join([copy.get_status_display().lower(), *(fact for fact in FACTS if getattr(copy, f"{fact}_at"))])
            for copy in copies[:SHOWN]
        ]
        return f"for them it was {'; '.join(found)}" if found else "it never reached for them"

    def name_of(self, model: Any, uuid: Any) -> str:
        rows = model.objects.for_organization(self.organization).filter(uuid=uuid)
        return f"“{rows.first() or uuid}”"


def said(key: str, given: Any, facts: Facts) -> tuple[str, str]:
    """Return a condition as the two halves around “must”."""
    field, _, lookup = key.removeprefix(PREFIX).partition("__")
    if key == "activity" and isinstance(given, dict):  # with the status beside it
        place = facts.name_of(Activity, given["activity"]) if isinstance(given["activity"], str) else "one of them"
        return "they", f"have a place in {place} that is {shown(given['attendance_status'])}"
    if key == "activity" and isinstance(given, str):
        return "they", f"have a place in {facts.name_of(Activity, given)}"
    if isinstance(given, dict) and "broadcast" in given and isinstance(given["broadcast"], str):
        given = {**given, "broadcast": facts.name_of(Broadcast, given["broadcast"]).strip("“”")}
    if key in NAMES:
        subject, rest = NAMES[key]
        return subject, rest.format(shown(given))
    subject = field
    if not key.startswith(PREFIX):
        known = {one.name: str(one.verbose_name) for one in Contact._meta.concrete_fields}
        subject = known.get(field, field).replace("_", " ")
    if lookup == "exists":
        return subject, "be known" if given not in (False, "false", "0") else "be unknown"
    wordings = LOOKUPS | OF_TIME if field in TIMES else LOOKUPS
    return subject, wordings.get(lookup, f"be {lookup.replace('_', ' ')} {{}}").format(shown(given))


def shown(value: Any) -> str:
    """Write a value of JSON as people read it."""
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {shown(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        more = f" or one of {len(value) - SHOWN:,} more" if len(value) > SHOWN else ""
        return " or ".join(shown(one) for one in value[:SHOWN]) + more if value else "nothing"
    if isinstance(value, str):
        cut = value[: SHOWN * 20]
        return f"“{cut}{'…' if cut != value else ''}”" if value else "blank"
    return json.dumps(value, default=str)
