"""Conditions on the attendances of contacts: one attendance meets all that is asked of it at once."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, lookups
from django.db.models.functions import Coalesce

from broadcasts.database import tidy_name
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Activity, Attendance, Organization, Place, Series

from .conditions import Condition, ExactCondition, any_of
from .relations import ObjectCondition, having
from .values import (
    LARGEST_ID,
    QueryError,
    Scope,
    read_choice,
    read_moment,
    read_uuid,
    read_within,
    read_within_next,
    read_words,
    shown,
)

NO_ID = 0  # of no row: with an empty list instead, an INSERT ... SELECT would not compile

read_attendance_status = read_choice(Attendance.Status, "an attendance status")


def attendances(
    *,
    activity: Iterable[int] | None = None,
    series: Iterable[int] | None = None,
    place: Iterable[int] | None = None,
    status: Iterable[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    starts_since: datetime | None = None,
    starts_until: datetime | None = None,
) -> QuerySet[Attendance]:
    """Return the attendances that meet all of this; activities, series and places are given by their ids.

    since, until: the time of the attendance, which is its own or else the start of its activity; one with neither is in
    no period. starts_since, starts_until: the start of its activity.
    """
    rows = Attendance.objects.all()
    for column, wanted in (("activity", activity), ("activity__series", series), ("activity__place", place)):
        if wanted is not None:
            rows = rows.filter(**{f"{column}__in": wanted})
    if status is not None:
        rows = rows.filter(status__in=status)
    time = Coalesce("at", "activity__starts_at")
    if since is not None:
        rows = rows.filter(lookups.GreaterThanOrEqual(time, since))
    if until is not None:
        rows = rows.filter(lookups.LessThanOrEqual(time, until))
    if starts_since is not None:
        rows = rows.filter(activity__starts_at__gte=starts_since)
    if starts_until is not None:
        rows = rows.filter(activity__starts_at__lte=starts_until)
    return rows


def attended(*, at_least: int = 1, of_all: bool = False, **asked: Any) -> Q:
    """Return the clause for contacts with at least so many attendances; `asked` is as for `attendances`."""
    rows = attendances(**asked)
    if at_least == 1:
        return having(rows, of_all)
    # Counted for all contacts at once: with "an n-th row exists" PostgreSQL would do a million single lookups.
    often = rows.values("contact").annotate(times=Count("contact")).filter(times__gte=at_least)
    return Q(pk__in=often.order_by().values("contact"))


class ActivityCondition(Condition):
    help = "The uuid of an activity: whoever has a place in it."

    def read(self, value: Any, scope: Scope) -> Any:
        return read_uuid(value, scope)

    def read_all(self, given: Any, scope: Scope) -> list[int]:
        uuids = super().read_all(given, scope)
        found = Activity.objects.for_organization(scope.organization).filter(uuid__in=uuids)
        pks = dict(found.values_list("uuid", "pk"))
        for i, uuid in enumerate(uuids):
            if uuid not in pks:
                raise QueryError(f"there is no activity {uuid}", f"[{i}]" if isinstance(given, list | tuple) else "")
        return list(pks.values())

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(1)
        return attended(activity=values, of_all=scope.of_all)


class AttendanceStatusCondition(Condition):
    help = f"{', '.join(Attendance.Status.values)}; of the activity beside it, or of any."

    def read(self, value: Any, scope: Scope) -> str:
        return read_attendance_status(value, scope)

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(1)
        return attended(status=values, of_all=scope.of_all)


class SharedCondition(Condition):
    """A series or a place: a text is its name, a number its id. No activity has an unknown name."""

    def __init__(self, model: type[Series | Place]) -> None:
        self.model = model

    def read(self, value: Any, scope: Scope) -> int | str:
        if isinstance(value, str):
            return tidy_name(read_words(value, scope))
        name = self.model._meta.verbose_name
        if not isinstance(value, int) or isinstance(value, bool):
            raise QueryError(f"{shown(value)} is neither the name of a {name}, a text, nor its id, a whole number")
        if not 0 < value <= LARGEST_ID:
            raise QueryError(f"{shown(value)} is not the id of a {name}")
        return value

    def read_all(self, given: Any, scope: Scope) -> list[int]:
        asked = super().read_all(given, scope)
        ids, names = ({one for one in asked if isinstance(one, kind)} for kind in (int, str))
        rows = self.model.objects.for_organization(scope.organization).filter(Q(pk__in=ids) | Q(name__in=names))
        found = {row.pk for row in rows}
        for i, one in enumerate(asked):
            if isinstance(one, int) and one not in found:
                unknown = f"there is no {self.model._meta.verbose_name} {one}"
                raise QueryError(unknown, f"[{i}]" if isinstance(given, list | tuple) else "")
        return sorted(found) or [NO_ID]


class AttendanceCondition(ObjectCondition):
    """Attendances by series, activity, place, status (each may be a list), time and number."""

    example = '{"series": "Yoga", "status": "attended", "at_least": 3, "since": "2026-05-01"}'
    parts = {
        "series": SharedCondition(Series).read_all,
        "activity": ActivityCondition().read_all,
        "place": SharedCondition(Place).read_all,
        "status": ExactCondition("status", read_attendance_status).read_all,
        "at_least": lambda value, scope: _read_times(value),
        "since": lambda value, scope: read_moment(value, scope)[0],
        "until": lambda value, scope: read_moment(value, scope)[1],
        "within": read_within,
        "within_next": read_within_next,
        "starts_since": lambda value, scope: read_moment(value, scope)[0],
        "starts_until": lambda value, scope: read_moment(value, scope)[1],
    }

    @property
    def help(self) -> str:  # type: ignore[override]
        return f"{super().help[:-1]}; a series or place by its name (a text) or its id (a number)."

    def read(self, value: Any, scope: Scope) -> dict[str, Any]:
        found = super().read(value, scope)
        relative = {key for key in ("within", "within_next") if key in found}
        if relative and len(found.keys() & {"since", "until", "within", "within_next"}) > 1:
            raise QueryError("give since and until, or within, or within_next; not together", f".{min(relative)}")
        for key in relative:
            found["since"], found["until"] = found.pop(key)
        return found

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(len(values))
        return any_of([attended(**value, of_all=scope.of_all) for value in values])


def matching_attendances(condition: dict[str, Any], organization: Organization) -> QuerySet[Attendance]:
    """Return the attendances of an organization that a condition `attendance` counts; {} for all of them.

    Raises InvalidInput({key: what is wrong}).
    """
    try:
        asked = AttendanceCondition().read(condition, Scope(organization)) if condition else {}
    except QueryError as error:
        raise InvalidInput({error.path.lstrip(".").partition("[")[0] or "attendance": error.message}) from None
    asked.pop("at_least", None)
    return attendances(**asked).filter(activity__organization=organization)


def _read_times(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1000:
        raise QueryError("must be a whole number from 1 to 1000")
    return value


ATTENDANCE_CONDITIONS: dict[str, Condition] = {
    "activity": ActivityCondition(),
    "attendance_status": AttendanceStatusCondition(),
    "attendance": AttendanceCondition(),
}
