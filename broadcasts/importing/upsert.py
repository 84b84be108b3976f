"""Look contacts up by their keys and write their changes, chunk by chunk.

A row never merges contacts: it is refused if its keys belong to two. Fields that a row does not have stay as they are;
an import never changes status, consents or suppressions.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from broadcasts.mediums import ADDRESS_FIELDS, EXTERNAL_ID, address_hash, reference_hash
from broadcasts.models import Contact, Organization, attributes_fault, search_text
from broadcasts.models.base import uuid7

from .bulk import Table
from .cells import CellError
from .shadow import Shadow

WRITTEN = (*Contact.PROFILE, "no_tracking", "attributes")
HASHES = {one.key: one.hash for one in ADDRESS_FIELDS.values()}
# Unique column -> its label, in the order in which contacts are looked up.
LOOKUPS = {"external_id": "external id", **{one.key: one.label for one in ADDRESS_FIELDS.values()}}
_searched = itemgetter(*Contact.SEARCHED)
READ = (*WRITTEN, *HASHES, EXTERNAL_ID.hash)


@dataclass(slots=True)
class ContactRow:
    """A clean row: its line and its values, without the empty ones."""

    line: int
    values: dict[str, Any]
    attributes: dict[str, Any]
    keys: dict[str, str]


@dataclass(slots=True, eq=False)
class ContactState:
    """The state of a contact while a chunk changes it; `id` is None for a new contact."""

    id: int | None
    values: dict[str, Any]
    changed: bool = False
    named: bool = False  # whether an earlier row of the chunk was of this contact

    def check(self, row: ContactRow) -> None:
        """Raise CellError if the contact would have too many or too long attributes with those of a row."""
        if row.attributes and (fault := attributes_fault({**self.values["attributes"], **row.attributes})):
            raise CellError(f"With what is known already: {fault}")

    def take(self, row: ContactRow) -> bool:
        """Apply a row; returns whether it changed anything."""
        values = self.values
        attributes = values["attributes"]
        if row.values.items() <= values.items() and row.attributes.items() <= attributes.items():
            return False
        news: dict[str, Any] = {name: value for name, value in row.values.items() if values[name] != value}
        if news.get("no_tracking") is False:
            del news["no_tracking"]  # what somebody asked for is not undone by a file, which may be older
        if "email" in news and row.keys["email_key"] == values["email_key"]:
            del news["email"]  # the same address in another case is no change
        if not row.attributes.items() <= attributes.items():
            news["attributes"] = {**attributes, **row.attributes}
        if not news:
            return False
        values.update(news)
        values.update(row.keys)
        self.changed = True
        return True


class Outcome(NamedTuple):
    """The outcome of a row."""

    row: Any  # a row of any kind of import; it has `line` and `keys`
    word: str  # created, updated, unchanged or refused
    person: ContactState | None = None
    reason: str = ""


class ContactIndex:
    """The contacts of a chunk by their keys, kept up to date while rows change them."""

    def __init__(self, people: Iterable[ContactState]) -> None:
        self.by_key: dict[str, dict[str, ContactState]] = {name: {} for name in LOOKUPS}
        for person in people:
            self.add(person)

    def add(self, person: ContactState) -> None:
        for name, people in self.by_key.items():
            if key := person.values[name]:
                people[key] = person

    def remove(self, person: ContactState) -> None:
        for name, people in self.by_key.items():
            if key := person.values[name]:
                people.pop(key, None)

    def match(self, row: ContactRow) -> ContactState | None:
        """Return the contact with the row's keys, or None; raises CellError if they belong to two contacts."""
        by_key = self.by_key
        hits = {name: person for name, key in row.keys.items() if (person := by_key[name].get(key))}
        if not hits:
            return None
        name, person = next(iter(hits.items()))
        if any(other is not person for other in hits.values()):
            names = " and ".join(LOOKUPS[name] for name in hits)
            raise CellError(f"Its {names} belong to different contacts; rows never merge people.")
        known = person.values["external_id"]
        if known and row.keys.get("external_id", known) != known:
            raise CellError(f"Its {LOOKUPS[name]} belongs to the contact with the external id {known}.")
        return person


class ContactStore:
    """Writes the contacts of one organization."""

    LOCK = "FOR NO KEY UPDATE"  # of those that are found, until the end of the transaction; SQLite has one writer

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        fields = [f for f in Contact._meta.concrete_fields if not f.primary_key]
        self.by_name = {f.name: f for f in fields}
        self.inserted = itemgetter(*self.by_name)
        changeable = [name for name in self.by_name if name in {*READ, *HASHES.values(), "search_text", "modified"}]
        self.updated = itemgetter(*changeable, "id")
        self.table = Table(Contact, [*self.by_name], changeable)

    def upsert(self, rows: list[ContactRow]) -> list[Outcome]:
        """Write a chunk in one transaction and return the outcome of each row.

        After a conflict with a concurrent writer, or of two rows that exchange a key, the chunk is split in halves,
        which read the new rows.
        """
        try:
            with transaction.atomic():
                return self._upsert(rows)
        except IntegrityError:
            if len(rows) == 1:
                return [Outcome(rows[0], "refused", reason="Somebody else is writing this contact; import it again.")]
            half = len(rows) // 2
            return self.upsert(rows[:half]) + self.upsert(rows[half:])

    def _upsert(self, rows: list[ContactRow]) -> list[Outcome]:
        index = ContactIndex(self.find(rows))
        people: dict[ContactState, None] = {}
        outcomes = []
        for row in rows:
            try:
                person = index.match(row)
                if person is not None:
                    person.check(row)
            except CellError as error:
                outcomes.append(Outcome(row, "refused", reason=str(error)))
                continue
            if person is None:
                person = ContactState(None, blank())
                person.take(row)
                index.add(person)
                outcomes.append(Outcome(row, "created", person))
            else:
                rekeyed = not row.keys.items() <= person.values.items()
                if rekeyed:
                    index.remove(person)
                outcomes.append(Outcome(row, "updated" if person.take(row) else "unchanged", person))
                if rekeyed:
                    index.add(person)
            people[person] = None
        self.write(people)
        return outcomes

    def find(self, rows: list[ContactRow]) -> list[ContactState]:
        """Return the contacts that have a key of the rows, locked until the end of the transaction."""
        found: dict[int, ContactState] = {}
        held: dict[str, set[str]] = {name: set() for name in LOOKUPS}
        for name in LOOKUPS:
            wanted = {row.keys[name] for row in rows if name in row.keys} - held[name]
            if not wanted:
                continue
            for pk, *stored in self.table.find(("id", *READ), name, wanted, self.organization.pk, self.LOCK):
                values = dict(zip(READ, stored, strict=True))
                values["attributes"] = json.loads(values["attributes"])
                values["no_tracking"] = bool(values["no_tracking"])  # in SQLite a number
                person = found.setdefault(pk, ContactState(pk, values))
                for key_name, keys_held in held.items():
                    if key := person.values[key_name]:
                        keys_held.add(key)
        return list(found.values())

    def write(self, people: Iterable[ContactState]) -> None:
        now = str(self.by_name["modified"].get_db_prep_save(timezone.now(), connection))
        same = {"organization": self.organization.pk, "status": Contact.Status.ACTIVE.value, "last_seen_at": None}
        same |= {"created": now, "modified": now}
        fresh = [person for person in people if person.id is None]
        changed = [person for person in people if person.id is not None and person.changed]
        # Each row is made while the database takes in those before it.
        if changed:
            self.table.update(self._updated(person, same) for person in changed)
        if fresh:
            self.table.insert(self._inserted(person, same) for person in fresh)

    def _inserted(self, person: ContactState, same: dict[str, Any]) -> tuple[Any, ...]:
        values = person.values
        values["uuid"] = uuid7()
        row = _row(values, same)
        row["uuid"] = values["uuid"].hex
        row[EXTERNAL_ID.hash] = reference_hash(values["external_id"] or str(values["uuid"]))
        return self.inserted(row)

    def _updated(self, person: ContactState, same: dict[str, Any]) -> tuple[Any, ...]:
        row = _row(person.values, same)
        row["id"] = person.id
        if external_id := row["external_id"]:  # else the hash stays that of the uuid
            row[EXTERNAL_ID.hash] = reference_hash(external_id)
        return self.updated(row)

    line = 0  # the last line of the file whose rows are committed

    def mark(self, line: int) -> None:
        """Note that all rows up to a line are committed."""
        if not self.line:
            self.table.look_over()
        self.line = line

    def close(self) -> None:
        """Release the resources of the store."""


def _row(values: dict[str, Any], same: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a contact, as the drivers of both databases take them without converting them again."""
    row = {**values, **same, "attributes": json.dumps(values["attributes"])}
    for key, hashed in HASHES.items():
        row[hashed] = address_hash(values[key])
    row["search_text"] = search_text(*_searched(values))
    return row


def blank() -> dict[str, Any]:
    return {
        **dict.fromkeys(WRITTEN, ""),
        **dict.fromkeys(HASHES),
        "external_id": None,
        "no_tracking": False,
        EXTERNAL_ID.hash: None,
        "attributes": {},
    }


class ContactRehearsal(Shadow, ContactStore):
    """The store of a dry run; contacts that exist only in the shadow have negative ids."""

    LOCK = ""

    TABLES = {
        "person": "(id INTEGER PRIMARY KEY, state TEXT)",
        "key": "(name TEXT, key TEXT, person INTEGER, PRIMARY KEY (name, key)) WITHOUT ROWID",
    }

    def __init__(self, organization: Organization, path: Path | None = None) -> None:
        super().__init__(organization)
        self.open_shadow(path)
        ((lowest,),) = self.shadow.execute("SELECT MIN(id) FROM person")
        self.created = max(0, -(lowest or 0))

    def upsert(self, rows: list[ContactRow]) -> list[Outcome]:
        self.begin()
        return self._upsert(rows)

    def forget(self) -> None:
        super().forget()
        self.created = 0

    def find(self, rows: list[ContactRow]) -> list[ContactState]:
        people = {person.id: person for person in super().find(rows)}
        one = self.shadow.cursor()
        owners = {
            owner
            for row in rows
            for key in row.keys.items()
            for (owner,) in one.execute("SELECT person FROM key WHERE name = ? AND key = ?", key)
        }
        for pk in {*owners, *people}:
            for (state,) in one.execute("SELECT state FROM person WHERE id = ?", (pk,)):
                people[pk] = ContactState(pk, json.loads(state))
        return list(people.values())

    def write(self, people: Iterable[ContactState]) -> None:
        for person in people:
            if person.id is None:
                self.created += 1
                pk = -self.created
            elif person.changed:
                pk = person.id
            else:
                continue
            values = person.values
            self.shadow.execute("REPLACE INTO person VALUES (?, ?)", (pk, json.dumps(values)))
            for name in LOOKUPS:
                if values[name]:
                    self.shadow.execute("REPLACE INTO key VALUES (?, ?, ?)", (name, values[name], pk))
