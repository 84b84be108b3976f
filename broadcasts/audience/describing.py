"""Describe conditions in English, and the values that a contact has for them."""

import json
from datetime import datetime
from functools import cached_property
from typing import Any

from broadcasts import formats
from broadcasts.models import (
    FACTS,
    Activity,
    Attendance,
    Attribute,
    Broadcast,
    ConsentState,
    Contact,
    Delivery,
    Engagement,
    Organization,
    Place,
    Series,
    UseCase,
)

from .attributes import PREFIX
from .measuring import MARK, is_measured, measured, reported_in

# Lookup -> the phrase that follows the name of the field.
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
    "search": ("name, e-mail or phone", "match the search {}"),
    "all_users": ("they", "be anybody"),
    "contact": ("they", "be the contact {}"),
    "uuid": ("they", "be the contact {}"),
    "activity": ("they", "have a place in {}"),
    "attendance_status": ("they", "have a place somewhere that is {}"),
    "recipient_of": ("they", "be a recipient of {}"),
    "skipped_by": ("they", "be skipped by {}"),
    "lacks": ("they", "lack a value of {}"),
    "suppressed": ("they", "be on the suppression list for {}"),
}
UNITS = {"h": "hours", "d": "days", "w": "weeks"}
TIMES = ("created", "last_seen_at")
SHOWN = 5  # items of a list; a text is cut after twenty times as many characters
ROWS = 1000


class ContactProfile:
    """What is known about a contact; read lazily and cached."""

    def __init__(self, contact: Contact, organization: Organization) -> None:
        self.contact, self.organization = contact, organization

    def actual(self, key: str, given: Any) -> str:
        """Describe the contact's value for a condition; "" if there is no single value to describe."""
        field = key.partition("__")[0]
        if field in ("activity", "attendance_status", "attendance"):
            return self._attended(
                given if isinstance(given, dict) else {"activity": given} if key == "activity" else {}
            )
        if field == "engagement" and isinstance(given, dict) and isinstance(given.get("broadcast"), str):
            return self._became(given.get("broadcast"))
        if field in ("recipient_of", "skipped_by") and isinstance(given, str) and self._is_started(given):
            return self._became(given)
        return self.known(key)

    def _is_started(self, broadcast: str) -> bool:
        rows = Broadcast.objects.for_organization(self.organization)
        return rows.filter(uuid=broadcast, status__in=Broadcast.STARTED).exists()

    def known(self, key: str) -> str:
        """Describe the contact's value where its own row holds it, without a query; otherwise ""."""
        field = key.removeprefix(PREFIX).partition("__")[0]
        if key.startswith(PREFIX):
            return self._it_is(self.contact.attributes.get(field))
        if field in {one.name for one in Contact._meta.concrete_fields} - {"uuid"}:
            return self._it_is(getattr(self.contact, field))
        return ""

    def is_measured(self, engagement: str, broadcast: str | None) -> bool:
        """Return whether a channel of a broadcast (None: of the organization) reports the fact of an engagement."""
        if broadcast is None:
            return is_measured(engagement, reported_in(self.organization))
        rows = Broadcast.objects.for_organization(self.organization).filter(uuid=broadcast)
        return any(engagement in measured(row) for row in rows.prefetch_related("messages__channel"))

    def _it_is(self, value: Any) -> str:
        if isinstance(value, datetime):
            return f"it is {formats.moment(value, self.organization.zone)}"
        return "it is not known" if value in (None, "", []) else f"it is {readable(value)}"

    def _attended(self, asked: dict[str, Any]) -> str:
        rows = self.attendances
        for name in ("series", "activity", "place"):
            if wanted := {str(one).strip().replace("-", "") for one in _listed(asked.get(name) or [])}:
                rows = [row for row in rows if wanted & {str(known).replace("-", "") for known in row[name]}]
        labels = [Attendance.Status(row["status"]).label.lower() for row in rows]
        counts = [f"{labels.count(label)} {label}" for label in dict.fromkeys(labels)]
        return f"they have {', '.join(counts)}" if counts else "they have no place there"

    @cached_property
    def attendances(self) -> list[dict[str, Any]]:
        """The status of each attendance, with what a rule may call its activity, series and place."""
        rows = self.contact.attendances.order_by("-pk").select_related("activity__series", "activity__place")
        return [
            {
                "status": row.status,
                "activity": [row.activity.uuid],
                "series": [row.activity.series, row.activity.series_id],
                "place": [row.activity.place, row.activity.place_id],
            }
            for row in rows[:ROWS]
        ]

    def _became(self, uuid: Any) -> str:
        copies = Delivery.objects.filter(contact=self.contact, message__broadcast__uuid=uuid)
        found = [
            ", ".join([copy.get_status_display().lower(), *(fact for fact in FACTS if getattr(copy, f"{fact}_at"))])
            for copy in copies[:SHOWN]
        ]
        return f"for them it was {'; '.join(found)}" if found else "they were not among its recipients"

    @cached_property
    def labels(self) -> dict[str, str]:
        rows = Attribute.objects.for_organization(self.organization).exclude(label="")
        return dict(rows.values_list("key", "label")[:ROWS])

    def name_of(self, model: Any, uuid: Any) -> str:
        rows = model.objects.for_organization(self.organization).filter(uuid=uuid)
        return f"“{rows.first() or uuid}”"


def describe(key: str, given: Any, profile: ContactProfile) -> tuple[str, str]:
    """Return a condition as (subject, rest), such that “<subject> must <rest>” is a sentence."""
    field, _, lookup = key.removeprefix(PREFIX).partition("__")
    if key == "activity" and isinstance(given, dict):  # with the status beside it
        place = profile.name_of(Activity, given["activity"]) if isinstance(given["activity"], str) else "one of them"
        return "they", f"have a place in {place} that is {readable(given['attendance_status'])}"
    if key == "activity" and isinstance(given, str):
        return "they", f"have a place in {profile.name_of(Activity, given)}"
    if key in ("recipient_of", "skipped_by"):
        names = [profile.name_of(Broadcast, one) for one in _listed(given)[:SHOWN]]
        return NAMES[key][0], NAMES[key][1].format(" or ".join(names))
    if key in PHRASES:
        return "they", " or ".join(PHRASES[key](_object(one), profile) for one in _listed(given)[:SHOWN])
    if key in NAMES:
        subject, rest = NAMES[key]
        return subject, rest.format(readable(given))
    subject = profile.labels.get(field, field)
    if not key.startswith(PREFIX):
        known = {one.name: str(one.verbose_name) for one in Contact._meta.concrete_fields}
        subject = known.get(field, field).replace("_", " ")
    if lookup == "exists":
        return subject, "be known" if given not in (False, "false", "0") else "be unknown"
    if lookup in ("within", "within_next"):
        return subject, LOOKUPS[lookup].format(" or ".join(_span(one) for one in _listed(given)))
    wordings = LOOKUPS | OF_TIME if field in TIMES else LOOKUPS
    return subject, wordings.get(lookup, f"be {lookup.replace('_', ' ')} {{}}").format(readable(given))


def readable(value: Any) -> str:
    """Return a JSON value as readable text."""
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {readable(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        more = f" or one of {formats.number(len(value) - SHOWN)} more" if len(value) > SHOWN else ""
        return " or ".join(dict.fromkeys(readable(one) for one in value[:SHOWN])) + more if value else "nothing"
    if value is None:
        return "blank"
    if isinstance(value, str):
        cut = value[: SHOWN * 20]
        return f"“{cut}{'…' if cut != value else ''}”" if value else "blank"
    return json.dumps(value, default=str)


def _engagement(asked: dict[str, Any], profile: ContactProfile) -> str:
    what = profile.name_of(Broadcast, asked["broadcast"]) if "broadcast" in asked else "a broadcast"
    if "link" in asked:
        words = f"have clicked {readable(asked['link'])} in {what}"
    else:
        words = Engagement(asked["type"]).did(what)
    mark = "" if profile.is_measured(asked["type"], asked.get("broadcast")) else MARK
    return f"{words}{_time(asked)}{mark}"


def _attendance(asked: dict[str, Any], profile: ContactProfile) -> str:
    times = asked.get("at_least", 1)
    places = "a place" if times in (1, "1") else f"at least {times} places"
    where = [_shared(Series, asked["series"], profile)] if "series" in asked else []
    if "activity" in asked:
        where.append(" or ".join(profile.name_of(Activity, one) for one in _listed(asked["activity"])[:SHOWN]))
    at_place = f" at {_shared(Place, asked['place'], profile)}" if "place" in asked else ""
    status = f" with the status {_labels(Attendance.Status, asked['status'])}" if "status" in asked else ""
    return f"have {places} in {', '.join(where) or 'any activity'}{at_place}{status}{_time(asked)}"


def _shared(model: Any, asked: Any, profile: ContactProfile) -> str:
    """Name series or places, which rules give by their names (texts) or ids (numbers)."""
    rows = model.objects.for_organization(profile.organization)
    return readable(
        [one if isinstance(one, str) else str(rows.filter(pk=one).first() or one) for one in _listed(asked)]
    )


def _consent(asked: dict[str, Any], profile: ContactProfile) -> str:
    said, use_case = _labels(ConsentState, asked["state"]), UseCase(asked["use_case"]).label.lower()
    return f"have {said} as their consent to {use_case} by {asked['medium']}"


PHRASES = {"engagement": _engagement, "attendance": _attendance, "consent": _consent}


def _time(asked: dict[str, Any]) -> str:
    words = {
        "since": "since {}",
        "until": "until {}",
        "within": "in the last {}",
        "within_next": "in the next {}",
        "starts_since": "starting since {}",
        "starts_until": "starting until {}",
    }
    told = [
        text.format(_span(asked[key]) if key.startswith("within") else asked[key])
        for key, text in words.items()
        if key in asked
    ]
    return f", {' '.join(told)}" if told else ""


def _span(value: Any) -> str:
    number, unit = str(value)[:-1].strip(), UNITS.get(str(value)[-1:])
    if unit is None:
        return readable(value)
    return f"{number} {unit if number != '1' else unit[:-1]}"


def _labels(choices: Any, values: Any) -> str:
    labels = dict(choices.choices)
    return readable([labels.get(one, one) for one in _listed(values)])


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _object(value: Any) -> dict[str, Any]:
    return json.loads(value) if isinstance(value, str) else value
