"""Import suppressions: known suppressions stay as they are, or become stricter."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from broadcasts import consenting, formats
from broadcasts.exceptions import InvalidInput
from broadcasts.mediums import address_hash, typed_with_key
from broadcasts.models import Medium, Organization, Suppression, UseCase
from broadcasts.models.base import uuid7

from .bulk import Table
from .cells import CellError, fault, moment, unquoted
from .columns import SUPPRESSION_FIELDS, Column
from .reading import Record
from .rows import Problem, as_text, wrong_width
from .shadow import Shadow
from .upsert import Outcome

CHOICES = {"medium": Medium.values, "reason": Suppression.Cause.values, "use_case": ["", *UseCase.values]}
STATED = {"medium": Medium.EMAIL, "reason": Suppression.Cause.IMPORT, "source": "import"}
FORMERLY_MEDIUM = "channel_kind"  # the name of the column in exports of older versions
# In the API's representation; accepted and ignored.
READ_ONLY = frozenset({"uuid", "id", "created", "modified", "delivery", "report"})
WRITTEN = ("medium", "address_hash", "address", "reason", "use_case", "source", "expires_at")
_TABLE = Suppression._meta.db_table
_IS_LONGER = (
    f"({_TABLE}.expires_at IS NOT NULL AND (excluded.expires_at IS NULL OR excluded.expires_at > {_TABLE}.expires_at))"
)
_HASH = re.compile(r"[0-9a-f]{32}")
_ADDRESS_LENGTH = Suppression._meta.get_field("address").max_length or 0
_SOURCE_LENGTH = Suppression._meta.get_field("source").max_length or 0

Key = tuple[str, str, str]  # medium, hash, reason
Extent = tuple[str, datetime | None]  # use case, end


def validate_defaults(given: Mapping[str, str]) -> dict[str, str]:
    """Return {field: value} for blank columns; raises InvalidInput({field: ...})."""
    for name, value in given.items():
        if name not in {*CHOICES, "source"}:
            raise InvalidInput({name: f"This is none of {', '.join(CHOICES)}, source."})
        if reason := _wrong(name, value):
            raise InvalidInput({name: reason})
    return {name: value[:_SOURCE_LENGTH] for name, value in given.items()}


def _wrong(name: str, value: str) -> str:
    if reason := fault(value):
        return reason
    if value in CHOICES.get(name, [value]):
        return ""
    return f"“{value[:40]}” is not known; accepted: {', '.join(filter(None, CHOICES[name]))}."


@dataclass(slots=True)
class SuppressionRow:
    """A clean row of the list."""

    line: int
    medium: str
    address_hash: str
    address: str
    reason: str
    use_case: str
    source: str
    expires_at: datetime | None = None  # None: never

    @property
    def key(self) -> Key:
        return self.medium, self.address_hash, self.reason


class SuppressionMaker:
    """Makes rows of the records of one list, CSV or JSON lines.

    `defaults` are the values of blank columns; by default the medium is e-mail, the reason that of an import, and the
    use case what that reason stops.
    """

    def __init__(self, columns: list[Column], organization: Organization, defaults: Mapping[str, str]) -> None:
        self.targets = [(column.target, column.index) for column in columns if column.target]
        self.headers = {column.target: column.header for column in columns}
        self.width = len(columns)
        self.country, self.zone = organization.country, organization.zone
        self.stated: dict[str, str] = {**STATED, **defaults}

    def learn(self, records: Iterable[Record]) -> None:
        """Do nothing: suppressions have no attributes."""

    def make(self, record: Record) -> SuppressionRow | list[Problem]:
        column, cells = "", record.cells
        try:
            if record.fault:
                raise CellError(record.fault)
            told = self._told_by_name(cells) if isinstance(cells, dict) else self._told_by_column(cells)
            for column, value in told.items():
                if value and (reason := _wrong(column, value)):
                    raise CellError(reason)
            column = "expires_at"
            ends = moment(told["expires_at"], self.zone) if told.get("expires_at") else None
            column = "address"
            return self._row(record.line, told, ends)
        except CellError as error:
            reason = str(error)
        except ValidationError as error:
            reason = " ".join(error.messages)
        shown = " | ".join(cells) if isinstance(cells, list) else str(cells)
        return [Problem(record.line, self.headers.get(column, column), reason, shown)]

    def _told_by_column(self, cells: list[str]) -> dict[str, str]:
        # The missing cells of a short row are blank: its suppression must not be lost.
        if len(cells) > self.width and (reason := wrong_width(cells, self.width)):
            raise CellError(reason)
        return {name: unquoted(cells[n].strip()) if n < len(cells) else "" for name, n in self.targets}

    def _told_by_name(self, values: dict[str, Any]) -> dict[str, str]:
        values = {"medium" if name == FORMERLY_MEDIUM else name: value for name, value in values.items()}
        if unknown := values.keys() - SUPPRESSION_FIELDS.keys() - READ_ONLY:
            raise CellError(f"“{min(unknown)[:40]}” is no field; accepted: {', '.join(SUPPRESSION_FIELDS)}.")
        told = {}
        for name in values.keys() - READ_ONLY:
            try:
                told[name] = "" if values[name] is None else as_text(values[name])
            except CellError as error:
                raise CellError(f"{name}: {error}") from None
        return told

    def _row(self, line: int, told: Mapping[str, str], ends: datetime | None) -> SuppressionRow:
        """Return a row; raises CellError or ValidationError."""
        medium, reason, source = (told.get(name) or self.stated[name] for name in ("medium", "reason", "source"))
        address, key = typed_with_key(medium, told.get("address", ""), self.country)
        digest = address_hash(key) or told.get("hash", "").lower()
        if not digest:
            raise CellError("It has no address.")
        if len(address) > _ADDRESS_LENGTH:
            raise CellError(f"It has {formats.number(len(address))} characters; {_ADDRESS_LENGTH} at most.")
        if not _HASH.fullmatch(digest):
            raise CellError(f"The hash “{digest[:40]}” is none of ours, which have 32 hexadecimal digits.")
        use_case = self._use_case(told, reason)
        return SuppressionRow(line, medium, digest, address, reason, use_case, source[:_SOURCE_LENGTH], ends)

    def _use_case(self, told: Mapping[str, str], reason: str) -> str:
        """Return the use case that a row stops; in our own exports, which have a hash, blank means all."""
        if {"hash", "use_case"} <= told.keys():
            return told["use_case"]
        return told.get("use_case") or self.stated.get("use_case", Suppression.stops(reason))


class SuppressionStore:
    """Writes the suppressions of one organization; two with the same reason are combined to what stops more."""

    line = 0
    # Of two concurrent inserts, the later one makes the other stricter, as `consenting.stricter` does.
    OTHERWISE = (
        "ON CONFLICT (organization_id, medium, address_hash, reason) DO UPDATE SET modified = excluded.modified, "
        f"use_case = CASE WHEN {_TABLE}.use_case = excluded.use_case THEN excluded.use_case ELSE '' END, "
        f"expires_at = CASE WHEN {_IS_LONGER} THEN excluded.expires_at ELSE {_TABLE}.expires_at END "
        f"WHERE {_TABLE}.use_case NOT IN ('', excluded.use_case) OR {_IS_LONGER}"
    )

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.rows = Suppression.objects.for_organization(organization).order_by()
        self.table = Table(Suppression, ["uuid", "created", "modified", "organization", *WRITTEN], [])

    def upsert(self, rows: list[SuppressionRow]) -> list[Outcome]:
        """Write a chunk in one transaction and return the outcome of each row."""
        with transaction.atomic():
            return self._upsert(rows)

    def _upsert(self, rows: list[SuppressionRow]) -> list[Outcome]:
        known = self.find(rows)
        outcomes, written = [], {}
        for row in rows:
            told, before = (row.use_case, row.expires_at), known.get(row.key)
            if before is None:
                word, known[row.key] = "created", told
                written[row.key] = row
            elif (both := consenting.stricter(before, told)) == before:
                word = "unchanged"
            else:
                word, known[row.key] = "updated", both
                stays = written.setdefault(row.key, row)
                stays.use_case, stays.expires_at = both
            outcomes.append(Outcome(row, word))
        erased = {key[:2] for key in known if key[2] == Suppression.Cause.ERASED}
        for key, row in written.items():
            if key[:2] in erased:
                row.address = ""
        # In the order of the index, so that two imports of the same addresses cannot deadlock.
        self.write([written[key] for key in sorted(written)])
        return outcomes

    def find(self, rows: list[SuppressionRow]) -> dict[Key, Extent]:
        """Return {key: what it stops} of the existing suppressions of these addresses."""
        # With all mediums, since the index begins with the medium.
        same = self.rows.filter(medium__in=Medium.values, address_hash__in={row.address_hash for row in rows})
        found = same.values_list("medium", "address_hash", "reason", "use_case", "expires_at")
        return {row[:3]: row[3:] for row in found}

    def write(self, rows: list[SuppressionRow]) -> None:
        if not rows:
            return
        fields = {field.name: field for field in Suppression._meta.concrete_fields}
        uuid, modified = fields["uuid"], fields["modified"]
        now = modified.get_db_prep_save(timezone.now(), connection)
        fixed = (now, now, self.organization.pk)
        made = [
            (
                uuid.get_db_prep_save(uuid7(), connection),
                *fixed,
                *(getattr(row, name) for name in WRITTEN[:-1]),
                modified.get_db_prep_save(row.expires_at, connection),
            )
            for row in rows
        ]
        self.table.insert(made, self.OTHERWISE)

    def mark(self, line: int) -> None:
        """Note that all rows up to a line are committed."""
        self.line = line

    def close(self) -> None:
        """Release the resources of the store."""


class SuppressionRehearsal(Shadow, SuppressionStore):
    """The store of a dry run."""

    TABLES = {
        "suppression": "(medium TEXT, hash TEXT, reason TEXT, use_case TEXT, expires_at TEXT, "
        "PRIMARY KEY (medium, hash, reason)) WITHOUT ROWID"
    }

    def __init__(self, organization: Organization, path: Path | None = None) -> None:
        super().__init__(organization)
        self.open_shadow(path)

    def upsert(self, rows: list[SuppressionRow]) -> list[Outcome]:
        self.begin()
        return self._upsert(rows)

    def find(self, rows: list[SuppressionRow]) -> dict[Key, Extent]:
        found = super().find(rows)
        asked = "SELECT use_case, expires_at FROM suppression WHERE medium = ? AND hash = ? AND reason = ?"
        for key in {row.key for row in rows}:
            for use_case, ends in self.shadow.execute(asked, key):
                found[key] = use_case, datetime.fromisoformat(ends) if ends else None
        return found

    def write(self, rows: list[SuppressionRow]) -> None:
        self.shadow.executemany(
            "REPLACE INTO suppression VALUES (?, ?, ?, ?, ?)",
            [(*row.key, row.use_case, row.expires_at and row.expires_at.isoformat()) for row in rows],
        )
