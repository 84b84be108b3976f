"""Import attendances: each row is the attendance of one contact at one activity, which is created if it is new."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone

from broadcasts.database import tidy_name
from broadcasts.models import Activity, Attendance, Contact, Organization

from .cells import CellError, FieldCleaner, keys, moment
from .columns import ATTENDANCE_FIELDS, KEYS, Column
from .reading import Record
from .rows import Problem, as_text, wrong_width
from .upsert import ContactIndex, ContactRow, ContactState, ContactStore, Outcome


def _longest(model: Any, field: str) -> int:
    """Return how many characters a text of a model may have."""
    return model._meta.get_field(field).max_length


MOMENTS = ("starts_at", "ends_at", "at")
PLAN = ("series", "kind", "name", "starts_at", "ends_at", "place")  # the fields of the activity in a row
PERSON = ("full_name", *KEYS)
_LENGTHS: dict[str, int] = {
    **{name: _longest(Activity, name) for name in ("kind", "name")},
    **{name: _longest(model, "name") for name, model in Activity.SHARED.items()},
}
_STATUSES = {status.replace("_", ""): status for status in Attendance.Status.values} | {
    "canceled": "cancelled",
    "present": "attended",
    "absent": "no_show",
    "didnotcome": "no_show",
    "latecanceled": "late_cancelled",
    "waitinglist": "waitlisted",
}

ActivityKey = tuple[str, Any]  # ("id", external id), or (name, its start)


@dataclass(slots=True)
class AttendanceRow(ContactRow):
    """A clean row; `values` and `keys` are those of the contact, `plan` has the fields of the activity."""

    plan: dict[str, Any] = field(default_factory=dict)
    external_id: str = ""  # the activity's
    status: str = ""
    at: datetime | None = None

    @property
    def activity_key(self) -> ActivityKey:
        return ("id", self.external_id) if self.external_id else (self.plan["name"], self.plan.get("starts_at"))


class AttendanceMaker:
    """Make rows of the records of one file of attendances, CSV or JSON lines."""

    def __init__(self, columns: list[Column], organization: Organization) -> None:
        self.targets = [(column.index, column.target, column.header) for column in columns if column.target]
        self.width = len(columns)
        self.cleaner = FieldCleaner(organization.country)
        self.zone = organization.zone

    def learn(self, records: Iterable[Record]) -> None:
        """Do nothing: attendances have no attributes."""

    def make(self, record: Record) -> AttendanceRow | list[Problem]:
        cells = record.cells
        reason = record.fault or (wrong_width(cells, self.width) if isinstance(cells, list) else "")
        if reason:
            return [Problem(record.line, "", reason, str(cells))]
        row = AttendanceRow(record.line, {}, {}, {})
        problems = list(self._fill(row, cells))
        if not problems and (reason := self._lack(row)):
            problems = [Problem(row.line, "", reason, "")]
        return problems or row

    def _fill(self, row: AttendanceRow, cells: Any) -> Iterator[Problem]:
        named = isinstance(cells, dict)
        told = [(name, name) for name in cells] if named else [(target, header) for _, target, header in self.targets]
        values = list(cells.values()) if named else [cells[index] for index, _, _ in self.targets]
        for (target, header), value in zip(told, values, strict=True):
            try:
                if value is not None and (text := as_text(value)):
                    self._put(row, target, text)
            except CellError as error:
                yield Problem(row.line, header[:200], str(error), str(value))

    def _put(self, row: AttendanceRow, target: str, value: str) -> None:
        if target in PERSON:
            row.values[target] = self.cleaner.clean(target, value)
        elif target == "activity":
            row.external_id = self.cleaner.clean("external_id", value)
        elif target == "status":
            row.status = _status(value)
        elif target == "at":
            row.at = moment(value, self.zone)
        elif target in MOMENTS:
            row.plan[target] = moment(value, self.zone)
        elif target in PLAN:
            if len(value) > _LENGTHS[target]:
                raise CellError(f"It has {len(value)} characters; {_LENGTHS[target]} at most.")
            row.plan[target] = tidy_name(value)
        else:
            raise CellError(f"This is no field; accepted: {', '.join(ATTENDANCE_FIELDS)}.")

    def _lack(self, row: AttendanceRow) -> str:
        row.keys = keys(row.values)
        if not row.keys:
            return "It has no e-mail address, phone number or external id."
        if not row.external_id and not row.plan.get("name"):
            return "It names no activity: give its external id, or its name."
        start, end = row.plan.get("starts_at"), row.plan.get("ends_at")
        return "Its activity ends before it starts." if start and end and end < start else ""


def _status(value: str) -> str:
    found = _STATUSES.get("".join(filter(str.isalpha, value.lower())))
    if found is None:
        raise CellError(f"“{value[:40]}” is none of {', '.join(Attendance.Status.values)}.")
    return found


class AttendanceStore:
    """Writes the activities and attendances of one organization, and new contacts if `create` is set."""

    def __init__(self, organization: Organization, *, create: bool, dry_run: bool) -> None:
        self.organization = organization
        self.create = create
        self.dry_run = dry_run
        self.people = ContactStore(organization)
        self.line = 0

    def upsert(self, rows: list[AttendanceRow]) -> list[Outcome]:
        """Write a chunk in one transaction, which a dry run rolls back, and return the outcome of each row.

        After a conflict with a concurrent writer the chunk is split in halves, which read the new rows.
        """
        try:
            with transaction.atomic():
                outcomes = self._upsert(rows)
                if self.dry_run:
                    transaction.set_rollback(True)
                return outcomes
        except IntegrityError:
            if len(rows) == 1:
                return [Outcome(rows[0], "refused", reason="Somebody else is writing this; import it again.")]
            half = len(rows) // 2
            return self.upsert(rows[:half]) + self.upsert(rows[half:])

    def mark(self, line: int) -> None:
        self.line = line

    def close(self) -> None:
        pass

    def _upsert(self, rows: list[AttendanceRow]) -> list[Outcome]:
        found, refused = self._find_people(rows)
        ids = self._ids(found.values())
        activities = self._activities([row for row in rows if row.line in found], refused)
        wanted = [row for row in rows if row.line in found and row.line not in refused]
        pairs = {row.line: (activities[row.activity_key].pk, ids[id(found[row.line])]) for row in wanted}
        words = self._write(wanted, pairs)
        outcomes = [Outcome(row, words[row.line], found[row.line]) for row in wanted]
        return outcomes + [Outcome(row, "refused", reason=refused[row.line]) for row in rows if row.line in refused]

    def _find_people(self, rows: list[AttendanceRow]) -> tuple[dict[int, ContactState], dict[int, str]]:
        """Return ({line: contact}, {line: reason why there is none})."""
        refused: dict[int, str] = {}
        people: dict[int, ContactState] = {}
        if self.create:
            for outcome in self.people.upsert(list(rows)):
                if outcome.person is None:
                    refused[outcome.row.line] = outcome.reason
                else:
                    people[outcome.row.line] = outcome.person
            return people, refused
        index = ContactIndex(self.people.find(list(rows)))
        for row in rows:
            try:
                person = index.match(row)
            except CellError as error:
                refused[row.line] = str(error)
                continue
            if person is None:
                refused[row.line] = f"There is no contact with {' or '.join(row.keys.values())}; import contacts first."
            else:
                people[row.line] = person
        return people, refused

    def _ids(self, people: Iterable[ContactState]) -> dict[int, int]:
        """Return {id(person): contact id}; new contacts are read by their uuid."""
        known = {id(person): person for person in people}
        uuids = [person.values["uuid"] for person in known.values() if person.id is None]
        made = dict(Contact.objects.filter(uuid__in=uuids).values_list("uuid", "pk")) if uuids else {}
        return {key: person.id or made[person.values["uuid"]] for key, person in known.items()}

    def _activities(self, rows: list[AttendanceRow], refused: dict[int, str]) -> dict[ActivityKey, Activity]:
        """Create and update activities as the rows say, and return {activity key: activity}; adds to `refused`."""
        found = self._known(rows)
        if any(row.activity_key not in found and not row.external_id for row in rows):
            # Names have no unique constraint, so concurrent imports lock the organization and look again.
            Organization.objects.select_for_update(no_key=True).get(pk=self.organization.pk)
            found = self._known(rows)
        plans = self._plans(rows)
        fresh: dict[ActivityKey, Activity] = {}
        changed: dict[ActivityKey, Activity] = {}
        for row in rows:
            key = row.activity_key
            activity, plan = found.get(key), plans[row.line]
            if activity is None:
                name = row.plan.get("name") or row.plan.get("series")
                if not name:
                    refused[row.line] = f"There is no activity {row.external_id} yet: give its name."
                    continue
                activity = Activity(
                    organization=self.organization, external_id=row.external_id or None, **{**plan, "name": name}
                )
                found[key] = fresh[key] = activity
            elif news := {name: value for name, value in plan.items() if getattr(activity, name) != value}:
                start, end = ({**vars(activity), **news}[name] for name in ("starts_at", "ends_at"))
                if start and end and end < start:
                    refused[row.line] = "Its activity would end before it starts."
                    continue
                for name, value in news.items():
                    setattr(activity, name, value)
                if key not in fresh:
                    changed[key] = activity
        Activity.objects.bulk_create(fresh.values())
        self._change(changed.values())
        return found

    def _plans(self, rows: list[AttendanceRow]) -> dict[int, dict[str, Any]]:
        """Return {line: fields of its activity}, with the ids of series and places, which are made if they are new."""
        plans = {row.line: dict(row.plan) for row in rows}
        for name, model in Activity.SHARED.items():
            told = [plan for plan in plans.values() if name in plan]
            found = model.named(self.organization, (plan[name] for plan in told))
            for plan in told:
                plan[f"{name}_id"] = found[plan.pop(name)].pk
        return plans

    def _change(self, activities: Iterable[Activity]) -> None:
        rows = list(activities)
        for activity in rows:
            activity.modified = timezone.now()
        if rows:
            Activity.objects.bulk_update(rows, [*PLAN, "modified"], batch_size=200)

    def _known(self, rows: list[AttendanceRow]) -> dict[ActivityKey, Activity]:
        activities = Activity.objects.for_organization(self.organization).order_by("-pk")
        found: dict[ActivityKey, Activity] = {}
        if ids := {row.external_id for row in rows if row.external_id}:
            found |= {("id", one.external_id): one for one in activities.filter(external_id__in=ids)}
        named = {row.activity_key for row in rows if not row.external_id}
        if named:
            names = {name for name, _ in named}
            # Activities with a start are found by an index; those without a start are few.
            starts = {start for _, start in named if start}
            near = activities.filter(name__in=names, starts_at__in=starts) | activities.filter(
                name__in=names, starts_at=None
            )
            found |= {(one.name, one.starts_at): one for one in near if (one.name, one.starts_at) in named}
        return found

    def _write(self, rows: list[AttendanceRow], pairs: dict[int, tuple[int, int]]) -> dict[int, str]:
        """Insert and update attendances and return {line: outcome}; the last of several rows for one pair counts."""
        there = {(one.activity_id, one.contact_id): one for one in _of_pairs(set(pairs.values()))}
        words: dict[int, str] = {}
        written: dict[tuple[int, int], Attendance] = {}
        for row in rows:
            pair = pairs[row.line]
            attendance = there.get(pair)
            if attendance is None:
                attendance = Attendance(activity_id=pair[0], contact_id=pair[1], at=row.at)
                attendance.status = row.status or attendance.status
                there[pair] = written[pair] = attendance
                words[row.line] = "created"
                continue
            status, at = row.status or attendance.status, row.at or attendance.at
            if (status, at) == (attendance.status, attendance.at):
                words[row.line] = "unchanged"
                continue
            attendance.status, attendance.at = status, at
            written[pair] = attendance
            words[row.line] = "updated"
        Attendance.objects.bulk_create(
            [Attendance(activity_id=a, contact_id=c, status=one.status, at=one.at) for (a, c), one in written.items()],
            update_conflicts=True,
            unique_fields=["activity", "contact"],
            update_fields=["status", "at", "modified"],
        )
        return words


def _of_pairs(pairs: set[tuple[int, int]]) -> Iterable[Attendance]:
    """Return the attendances of exactly these (activity, contact) pairs, not of all their combinations."""
    if not pairs:
        return []
    table = connection.ops.quote_name(Attendance._meta.db_table)
    values = ", ".join(["(%s, %s)"] * len(pairs))
    ids = RawSQL(  # noqa: S611
        f"SELECT id FROM {table} WHERE (activity_id, contact_id) IN (VALUES {values})",  # noqa: S608
        [one for pair in pairs for one in pair],
    )
    return Attendance.objects.filter(pk__in=ids)
