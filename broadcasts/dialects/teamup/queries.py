"""TeamUp's filters of customers and attendances, as conditions of the native vocabulary (api/docs: `query`).

A key that is not known is refused, since a filter that is overlooked would widen the audience.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from broadcasts import audience, formats
from broadcasts.database import as_id
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Activity, Attendance, Attribute, Broadcast, Contact, Organization

from .picking import NOT_FILTERS, as_list

Condition = dict[str, Any]
STATUSES: dict[str, list[str]] = {
    "not_registered": ["not_registered"],
    "registered": ["booked"],
    "attended": ["attended"],
    "no_show": ["no_show"],
    "late_cancelled": ["late_cancelled"],
    "plans_to_attend": ["booked", "waitlisted"],
}
MOST = 5_000  # ids in a filter
TWINS = ("event_starts_at_…", "event_local_starts_at_…")


class FilterError(Exception):
    """A filter that cannot be read; its path and what would be right."""


def audience_of(target: Mapping[str, Any], organization: Organization) -> dict[str, Any]:
    """Return what `drafting.save` takes for a target: everybody, or a query; raises ValidationError."""
    kind, query = target["query_type"], target["query"]
    try:
        conditions = conditions_of(kind, query, organization, "query.")
    except FilterError as error:
        raise ValidationError({"target_recipients": [str(error)]}) from None
    if not conditions:
        return {"send_to_all": True, "query": {}}
    return {"send_to_all": False, "query": {"all": conditions}}


def conditions_of(kind: str, given: Mapping[str, Any], organization: Organization, path: str = "") -> list[Condition]:
    """Return the conditions of a filter on `customer`s or `attendance`s; [] for everybody; raises FilterError."""
    given = {name: value for name, value in given.items() if name not in NOT_FILTERS}
    known = CUSTOMER if kind == "customer" else ATTENDANCE
    if unknown := [name for name in given if name not in known]:
        raise FilterError(f"{path}{unknown[0]}: unknown; accepted: {', '.join(known)}")
    found: list[Condition] = []
    attendance: Condition = {}
    for name, value in given.items():
        try:
            condition = known[name](value, organization)
        except FilterError as error:
            raise FilterError(f"{path}{name}: {error}") from None
        if kind == "attendance" and name != "customer":
            if attendance.keys() & condition.keys():
                raise FilterError(f"{path}{name}: given twice; {' and '.join(TWINS)} ask the same of a start")
            attendance |= condition
        else:
            found.append(condition)
    if kind == "attendance":
        try:
            _attendances(attendance, given, organization)
        except FilterError as error:
            raise FilterError(f"{path}{error}") from None
        found.append({"attendance": attendance or {"at_least": 1}})
    return found


def _contacts(value: Any, organization: Organization) -> Condition:
    return {"contact": _uuids(Contact, value, organization)}


def _uuids(model: Any, value: Any, organization: Organization) -> list[str]:
    ids = [_whole(one) for one in as_list(value)]
    if not ids:
        raise FilterError("give at least one id")
    if len(ids) > MOST:
        raise FilterError(f"at most {formats.number(MOST)} ids are possible")
    rows = model.objects.for_organization(organization).filter(pk__in=ids)
    found = {pk: str(uuid) for pk, uuid in rows.values_list("pk", "uuid")}
    if missing := [pk for pk in ids if pk not in found]:
        raise FilterError(f"there is no {model._meta.verbose_name} {missing[0]}")
    return [found[pk] for pk in dict.fromkeys(ids)]


def _whole(value: Any) -> int:
    text = str(value)
    found = None if isinstance(value, bool) else as_id(text)
    if found is None:
        raise FilterError(f"“{text[:40]}” is no id")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise FilterError("give a text")
    return value


def _attribute(*keys: str) -> Callable[[Any, Organization], Condition]:
    def condition(value: Any, organization: Organization) -> Condition:
        key = _known(organization, keys).key
        if value is None or value in ("", "null"):
            return {f"attributes__{key}__isnull": True}
        return {f"attributes__{key}": as_list(value)}

    return condition


def _known(organization: Organization, keys: tuple[str, ...]) -> Attribute:
    found = {one.key: one for one in Attribute.objects.for_organization(organization).filter(key__in=keys)}
    for key in keys:
        if key in found:
            return found[key]
    raise FilterError(f"contacts here have no attribute {' or '.join(keys)}")


def _age(lookup: str) -> Callable[[Any, Organization], Condition]:
    """Return the reader of an age in whole years, by the date of birth or an attribute `age`."""

    def condition(value: Any, organization: Organization) -> Condition:
        years = _whole(value)
        attribute = _known(organization, ("date_of_birth", "age"))
        key = f"attributes__{attribute.key}"
        if attribute.type in (Attribute.Type.DATE, Attribute.Type.DATETIME):
            born = _years_ago(years if lookup == "gte" else years + 1, organization)
            return {f"{key}__lte" if lookup == "gte" else f"{key}__gt": born.isoformat()}
        return {f"{key}__{lookup}": years}

    return condition


def _years_ago(years: int, organization: Organization) -> date:
    today = timezone.localdate(timezone=organization.zone)
    year = max(today.year - years, 1)
    try:
        return today.replace(year=year)
    except ValueError:  # born on the 29th of February
        return today.replace(year=year, day=28)


def _deleted(value: Any, organization: Organization) -> Condition:
    if value not in (True, False, "true", "false"):
        raise FilterError("must be true or false")
    archived: Condition = {"status": "archived"}
    return archived if value in (True, "true") else {"not": archived}


def _refused(why: str) -> Callable[[Any, Organization], Condition]:
    def condition(value: Any, organization: Organization) -> Condition:
        raise FilterError(why)

    return condition


def _statuses(value: Any, organization: Organization) -> Condition:
    words = as_list(value)
    if unknown := [word for word in words if not isinstance(word, str) or word not in STATUSES]:
        raise FilterError(f"“{str(unknown[0])[:40]}” is no status; accepted: {', '.join(STATUSES)}")
    if not words:
        raise FilterError(f"give at least one of {', '.join(STATUSES)}")
    return {"status": list(dict.fromkeys(ours for word in words for ours in STATUSES[word]))}


def _moment(key: str) -> Callable[[Any, Organization], Condition]:
    return lambda value, organization: {key: _text(value)}


def _reached(key: str) -> Callable[[Any, Organization], Condition]:
    """Return the reader of messages that are sent to people, or skip them: a key of the native vocabulary."""
    return lambda value, organization: {key: _uuids(Broadcast, value, organization)}


def _shared(key: str) -> Callable[[Any, Organization], Condition]:
    """Return the reader of places or series: digits are an id, another text is a name."""

    def condition(value: Any, organization: Organization) -> Condition:
        asked = [int(one) if str(one).isascii() and str(one).isdigit() else _text(one) for one in as_list(value)]
        if not asked:
            raise FilterError("give at least one id")
        return {key: asked}

    return condition


CUSTOMER: dict[str, Callable[[Any, Organization], Condition]] = {
    "ids": _contacts,
    "query": lambda value, organization: {"search": _text(value)},
    "autocomplete": lambda value, organization: {"search": _text(value)},
    "active_memberships": _attribute("active_memberships"),
    "age_gte": _age("gte"),
    "age_lte": _age("lte"),
    "family": _attribute("family"),
    "broadcast_message_recipients": _reached("recipient_of"),
    "broadcast_message_non_recipients": _reached("skipped_by"),
    "deleted": _deleted,
    "can_delete": _refused("it is about permissions and not about people"),
    "status": _attribute("status"),
}
ATTENDANCE: dict[str, Callable[[Any, Organization], Condition]] = {
    "customer": _contacts,
    "event": lambda value, organization: {"activity": _uuids(Activity, value, organization)},
    "venue": _shared("place"),
    "offering_types": _shared("series"),
    "event_starts_at_gte": _moment("starts_since"),
    "event_starts_at_lte": _moment("starts_until"),
    "event_local_starts_at_gte": _moment("starts_since"),
    "event_local_starts_at_lte": _moment("starts_until"),
    "status": _statuses,
    "event_applicable_to_recurring_reservation": _refused("recurring bookings are not kept here"),
}


def attendances_matching(given: Mapping[str, Any], organization: Organization) -> QuerySet[Attendance]:
    """Return the attendances that a filter chooses, as a target's condition counts them; raises FilterError."""
    *people, found = conditions_of("attendance", given, organization)
    rows = _attendances(found["attendance"], given, organization)
    return rows.filter(contact__uuid__in=people[0]["contact"]) if people else rows


def _attendances(asked: Condition, given: Mapping[str, Any], organization: Organization) -> QuerySet[Attendance]:
    """Return the attendances that a condition counts; raises FilterError that begins with the filter's name."""
    try:
        return audience.matching_attendances(asked, organization)
    except InvalidInput as error:
        [(key, text)] = error.errors.items()
        names = [name for name in given if name in ATTENDANCE and name != "customer"]
        name = next((one for one in names if key in ATTENDANCE[one](given[one], organization)), key)
        raise FilterError(f"{name}: {text}") from None
