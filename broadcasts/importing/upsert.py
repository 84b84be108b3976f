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
        news: dict[str, Any] = {name: value for name, value in row.values.items() if values[name] != value}
        if news.get("no_tracking") is False:
            del news["no_tracking"]  # what somebody asked for is not undone by a file, which may be older
        if "email" in news and row.keys["email_key"] == values["email_key"]:
            del news["email"]  # the same address in another case is no change
        if any(attributes.get(key, _MISSING) != value for key, value in row.attributes.items()):
            news["attributes"] = {**attributes, **row.attributes}
        if not news:
            return False
        values.update(news)
        values.update(row.keys)
        self.changed = True
        return True


_MISSING = object()


class Outcome(NamedTuple):
    """The outcome of a row."""

    row: Any  # a row of any kind of import; it has `line` and `keys`
    word: str  # created, updated, unchanged or refused
    person: ContactState | None = None
    reason: str = ""


class ContactIndex:
    """The contacts of a chunk by their keys, kept up to date while rows change them."""

    def __init__(self, people: Iterable[ContactState]) -> None:
        self.by_key: dict[tuple[str, str], ContactState] = {}
        for person in people:
            self.add(person)

    def add(self, person: ContactState) -> None:
        for name in LOOKUPS:
            if key := person.values[name]:
                self.by_key[name, key] = person

    def remove(self, person: ContactState) -> None:
        for name in LOOKUPS:
            if key := person.values[name]:
                self.by_key.pop((name, key), None)

    def match(self, row: ContactRow) -> ContactState | None:
        """Return the contact with the row's keys, or None; raises CellError if they belong to two contacts."""
        hits = {name: self.by_key[name, key] for name, key in row.keys.items() if (name, key) in self.by_key}
        people = {id(person) for person in hits.values()}
        if len(people) > 1:
            names = " and ".join(LOOKUPS[name] for name in hits)
            raise CellError(f"Its {names} belong to different contacts; rows never merge people.")
        if not hits:
            return None
        name, person = next(iter(hits.items()))
        known = person.values["external_id"]
        if known and row.keys.get("external_id", known) != known:
            raise CellError(f"Its {LOOKUPS[name]} belongs to the contact with the external id {known}.")
        return person


class ContactStore:
    """Writes the contacts of one organization."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.contacts = Contact.objects.for_organization(organization).select_for_update(no_key=True)
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
                rekeyed = any(person.values[name] != key for name, key in row.keys.items())
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
            hits = self.contacts.filter(**{f"{name}__in": wanted})
            for pk, *values in hits.values_list("id", *READ):
                person = found.setdefault(pk, ContactState(pk, dict(zip(READ, values, strict=True))))
                for key_name, keys_held in held.items():
                    if key := person.values[key_name]:
                        keys_held.add(key)
        return list(found.values())

    def write(self, people: Iterable[ContactState]) -> None:
        now = self.prepare("modified", timezone.now())
        constant = {"organization": self.organization.pk, "status": Contact.Status.ACTIVE, "last_seen_at": None}
        constant |= {"created": now, "modified": now}
        fresh, changed = [], []
        for person in people:
            values = person.values
            if person.id is not None and not person.changed:
                continue
            row = {**values, **constant, "attributes": self.prepare("attributes", values["attributes"])}
            row |= {hashed: address_hash(values[key]) for key, hashed in HASHES.items()}
            if person.id is None:
                values["uuid"] = uuid7()
            if person.id is None or values["external_id"]:  # else it stays that of the uuid
                row[EXTERNAL_ID.hash] = reference_hash(values["external_id"] or str(values["uuid"]))
            row["search_text"] = search_text(*(values[name] for name in Contact.SEARCHED))
            if person.id is None:
                row["uuid"] = self.prepare("uuid", values["uuid"])
                fresh.append(self.inserted(row))
            else:
                row["id"] = person.id
                changed.append(self.updated(row))
        if changed:
            self.table.update(changed)
        if fresh:
            self.table.insert(fresh)

    line = 0  # the last line of the file whose rows are committed

    def mark(self, line: int) -> None:
        """Note that all rows up to a line are committed."""
        self.line = line

    def close(self) -> None:
        """Release the resources of the store."""

    def prepare(self, name: str, value: Any) -> Any:
        return self.by_name[name].get_db_prep_save(value, connection)


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

    TABLES = {
        "person": "(id INTEGER PRIMARY KEY, state TEXT)",
        "key": "(name TEXT, key TEXT, person INTEGER, PRIMARY KEY (name, key)) WITHOUT ROWID",
    }

    def __init__(self, organization: Organization, path: Path | None = None) -> None:
        super().__init__(organization)
        self.contacts = Contact.objects.for_organization(organization)
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
