"""Conditions on what contacts did: attendance of activities, engagement with earlier broadcasts."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q

from broadcasts.models import Activity, Attendance, Broadcast, Delivery, Engagement, Message

from .leaves import (
    NOBODY,
    Exact,
    Leaf,
    Read,
    Refused,
    Scope,
    any_of,
    at,
    read_choice,
    read_object,
    read_uuid,
    read_words,
)

read_attendance_status = read_choice(Attendance.Status, "an attendance status")
read_engagement_type = read_choice(Engagement, "an engagement")


def attended(
    *,
    activity_ids: Iterable[int] | None = None,
    series: str | None = None,
    statuses: Iterable[str] | None = None,
    at_least: int = 1,
) -> Q:
    """Contacts with so many attendances, of any status unless some are given."""
    rows = Attendance.objects.filter(contact=OuterRef("pk"))
    if activity_ids is not None:
        rows = rows.filter(activity__in=activity_ids)
    if series is not None:
        rows = rows.filter(activity__series=series)
    if statuses is not None:
        rows = rows.filter(status__in=statuses)
    # "There is an n-th one" stops counting there.
    return Q(Exists(rows[at_least - 1 :]))


def engaged(broadcast_id: int, type_: str) -> Q:
    """Contacts for whom an earlier broadcast became this; the facts are those of any of its messages."""
    messages = list(Message.objects.filter(broadcast=broadcast_id).values_list("pk", flat=True))
    if not messages:
        return NOBODY
    rows = Delivery.objects.filter(message__in=messages, contact=OuterRef("pk"))
    sent = Q(Exists(rows.filter(status=Delivery.Status.SENT)))
    if type_ == Engagement.SENT:
        return sent
    if type_ == Engagement.NOT_OPENED:
        return sent & ~Q(Exists(rows.filter(opened_at__isnull=False)))
    if type_ == Engagement.FAILED:  # on one channel and reached on no other
        return Q(Exists(rows.filter(status=Delivery.Status.FAILED))) & ~sent
    return Q(Exists(rows.filter(**{f"{type_}_at__isnull": False})))


class ActivityLeaf(Leaf):
    help = "The uuid of an activity: whoever has a place in it."

    def read(self, value: Any, scope: Scope) -> int:
        return _find(Activity, value, scope, "activity")

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(1)
        return attended(activity_ids=values)


class AttendanceStatusLeaf(Leaf):
    help = f"{', '.join(Attendance.Status.values)}; of the activity beside it, or of any."

    def read(self, value: Any, scope: Scope) -> str:
        return read_attendance_status(value, scope)

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(1)
        return attended(statuses=values)


class AttendanceLeaf(Leaf):
    help = 'JSON, such as {"series": "Yoga", "status": "attended", "at_least": 3}.'

    def read(self, value: Any, scope: Scope) -> dict[str, Any]:
        given = read_object(value, ("series", "activity", "status", "at_least"))
        found: dict[str, Any] = {}
        if "series" in given:
            found["series"] = _inner("series", read_words, given, scope)
        if "activity" in given:
            found["activity_ids"] = [
                _inner("activity", lambda one, scope: _find(Activity, one, scope, "activity"), given, scope)
            ]
        if "status" in given:
            statuses = Exact("status", read_attendance_status)
            found["statuses"] = _inner("status", statuses.read_all, given, scope)
        if "at_least" in given:
            found["at_least"] = _inner("at_least", _read_times, given, scope)
        return found

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(len(values))
        return any_of([attended(**value) for value in values])


class EngagementLeaf(Leaf):
    help = 'JSON, such as {"broadcast": "<uuid>", "type": "opened"}.'

    def read(self, value: Any, scope: Scope) -> tuple[int, str]:
        given = read_object(value, ("broadcast", "type"))
        for key in ("broadcast", "type"):
            if key not in given:
                raise Refused('missing; give both, such as {"broadcast": "<uuid>", "type": "opened"}', f".{key}")
        type_ = _inner("type", read_engagement_type, given, scope)
        return _inner("broadcast", lambda one, scope: _find(Broadcast, one, scope, "broadcast"), given, scope), type_

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(2 * len(values))
        return any_of([engaged(broadcast_id, type_) for broadcast_id, type_ in values])


def _inner(key: str, read: Read, given: dict[str, Any], scope: Scope) -> Any:
    with at(f".{key}"):
        return read(given[key], scope)


def _find(model: Any, value: Any, scope: Scope, word: str) -> int:
    uuid = read_uuid(value, scope)
    pk = model.objects.for_organization(scope.organization).filter(uuid=uuid).values_list("pk", flat=True).first()
    if pk is None:
        raise Refused(f"there is no {word} {uuid}")
    return pk


def _read_times(value: Any, scope: Scope) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1000:
        raise Refused("must be a whole number from 1 to 1000")
    return value


RELATION_LEAVES: dict[str, Leaf] = {
    "activity": ActivityLeaf(),
    "attendance_status": AttendanceStatusLeaf(),
    "attendance": AttendanceLeaf(),
    "engagement": EngagementLeaf(),
}
