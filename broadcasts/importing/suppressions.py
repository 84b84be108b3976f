"""Bring a list of addresses that must not be reached, as CSV or JSON lines, however long.

What is known already stays as it is, or becomes stricter. Chunk by chunk, so what was read before a fault stays.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from broadcasts.exceptions import InvalidInput
from broadcasts.models import (
    AuditEntry,
    ChannelKind,
    Organization,
    Suppression,
    UseCase,
    User,
    address_hash,
    stored_key,
    typed_address,
)

from .cells import Refused, fault, unquoted
from .reading import CsvReader, Record

CHUNK = 1000
ERRORS_SHOWN = 50
LINE_LIMIT = 65_536  # bytes
COLUMNS = ("address", "channel_kind", "reason", "use_case", "source", "hash")
ALSO_KNOWN_AS = {"email": "address", "e-mail": "address", "email address": "address", "kind": "channel_kind"}
CHOICES = {"channel_kind": ChannelKind.values, "reason": Suppression.Cause.values, "use_case": ["", *UseCase.values]}
_HASH = re.compile(r"[0-9a-f]{32}")

Key = tuple[str, str, str]  # channel kind, hash, reason


@dataclass
class Report:
    """What came of a list."""

    dry_run: bool = False
    rows: int = 0
    added: int = 0
    known: int = 0
    invalid: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)  # the first ones: {"line": 3, "error": "..."}

    def refuse(self, line: int, error: str) -> None:
        self.invalid += 1
        if len(self.errors) < ERRORS_SHOWN:
            self.errors.append({"line": line, "error": error})


def import_suppressions(
    file: BinaryIO,
    organization: Organization,
    *,
    json_lines: bool = False,
    dry_run: bool = False,
    defaults: Mapping[str, str] | None = None,
    by: User | None = None,
) -> Report:
    """Take a list in and say what came of it; InvalidInput when it has no column that could be an address.

    `defaults` stand where a line says nothing: by e-mail, because it was imported, what that reason stops.
    """
    stated = {"channel_kind": ChannelKind.EMAIL, "reason": Suppression.Cause.IMPORT, "source": "import"}
    stated |= defaults or {}
    report = Report(dry_run=dry_run)
    taker = Rehearsal(organization) if dry_run else Taker(organization)
    chunk: dict[Key, Suppression] = {}
    for line, values in (_json_records if json_lines else _csv_records)(file, report):
        try:
            row = _suppression(values, stated, organization)
        except (Refused, ValidationError) as error:
            report.refuse(line, " ".join(error.messages) if isinstance(error, ValidationError) else str(error))
            continue
        key = (row.channel_kind, row.address_hash, row.reason)
        if key in chunk:
            report.known += 1
            chunk[key].use_case = both(row.use_case, chunk[key].use_case)
            continue
        chunk[key] = row
        if len(chunk) == CHUNK:
            taker.take(chunk, report)
            chunk = {}
    taker.take(chunk, report)
    if not dry_run:
        counts = {name: n for name, n in asdict(report).items() if isinstance(n, int) and name != "dry_run"}
        AuditEntry.write(organization, "import suppressions", organization=organization, user=by, **counts)
    return report


def _csv_records(file: BinaryIO, report: Report) -> Iterator[tuple[int, dict[str, str]]]:
    records = iter(CsvReader(file))
    first = next(records, Record(1, []))
    names = [name.strip().lower() for name in first.cells]
    header = [ALSO_KNOWN_AS.get(name, name) for name in names]
    if not {"address", "hash"} & set(header):
        raise InvalidInput(
            {"file": f"The first line must name the columns, address or hash among them; of: {', '.join(COLUMNS)}."}
        )
    for record in records:
        report.rows += 1
        if record.fault:
            report.refuse(record.line, record.fault)
        else:
            cells = (unquoted(cell.strip()) for cell in record.cells)
            yield record.line, dict(zip(header, cells, strict=False))


def _json_records(file: BinaryIO, report: Report) -> Iterator[tuple[int, dict[str, str]]]:
    for n, line in enumerate(iter(lambda: file.readline(LINE_LIMIT), b""), start=1):
        if not line.strip():
            continue
        report.rows += 1
        if len(line) == LINE_LIMIT:
            report.refuse(n, f"It is longer than {LINE_LIMIT:,} bytes; nothing was read from here on.")
            return
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            values = None
        if isinstance(values, dict) and all(isinstance(one, str | None) for one in values.values()):
            yield n, {name: (value or "").strip() for name, value in values.items()}
        else:
            report.refuse(n, 'It is not an object of texts, such as {"address": "joe@example.com"}.')


def _suppression(values: Mapping[str, str], stated: Mapping[str, str], organization: Organization) -> Suppression:
    """Return a row of the list, not saved yet, or raise Refused or ValidationError."""
    given = {name: values.get(name) or stated.get(name, "") for name in COLUMNS}
    given["use_case"] = _use_case(values, stated, given["reason"])
    for name, value in given.items():
        if reason := fault(value):
            raise Refused(f"{name}: {reason}")
    for name, choices in CHOICES.items():
        if given[name] not in choices:
            accepted = ", ".join(filter(None, choices))
            raise Refused(f"{name}: “{given[name][:40]}” is not known; accepted: {accepted}.")
    address = typed_address(given["channel_kind"], given["address"], organization.country)
    digest = address_hash(stored_key(address)) or given["hash"].lower()
    if not digest:
        raise Refused("It has no address.")
    if len(address) > 320:
        raise Refused("address: It is longer than 320 characters.")
    if not _HASH.fullmatch(digest):
        raise Refused(f"hash: “{digest[:40]}” is none of ours, which have 32 hexadecimal digits.")
    return Suppression(
        organization=organization,
        channel_kind=given["channel_kind"],
        address_hash=digest,
        address=address,
        reason=given["reason"],
        use_case=given["use_case"],
        source=given["source"][:255],
    )


def _use_case(values: Mapping[str, str], stated: Mapping[str, str], reason: str) -> str:
    """Return what a line stops; blank is everything where we exported it, which the hash tells."""
    if {"hash", "use_case"} <= values.keys():
        return values["use_case"]
    return values.get("use_case") or stated.get("use_case", Suppression.stops(reason))


def both(one: str, other: str) -> str:
    """Return the use case that two noes stop together; "" is all of them."""
    return one if one == other else ""


class Taker:
    """Writes chunks, each in a transaction of its own."""

    def __init__(self, organization: Organization) -> None:
        self.rows = Suppression.objects.for_organization(organization)

    def take(self, chunk: dict[Key, Suppression], report: Report) -> None:
        # By every kind, as the index begins with it.
        same = self.rows.filter(
            channel_kind__in=ChannelKind.values, address_hash__in={digest for _, digest, _ in chunk}
        )
        columns = ("channel_kind", "address_hash", "reason", "pk", "use_case")
        found = {tuple(key): (pk, use_case) for *key, pk, use_case in same.order_by().values_list(*columns)}
        erased = {key[:2] for key in (*found, *chunk) if key[2] == Suppression.Cause.ERASED}
        for key, row in chunk.items():
            if key[:2] in erased:
                row.address = ""
        fresh = [row for key, row in chunk.items() if key not in found]
        stricter = [pk for key, (pk, known) in found.items() if known and key in chunk and chunk[key].use_case != known]
        added = self.write(fresh, stricter)
        report.added += added
        report.known += len(chunk) - added

    @transaction.atomic
    def write(self, fresh: list[Suppression], stricter: list[int]) -> int:
        Suppression.objects.bulk_create(fresh, ignore_conflicts=True)
        if stricter:
            self.rows.filter(pk__in=stricter).update(use_case="", modified=timezone.now())
        return len(fresh)


class Rehearsal(Taker):
    """A dry run: what would have been added is remembered on disk, so that it is counted once."""

    def __init__(self, organization: Organization) -> None:
        super().__init__(organization)
        self.shadow = sqlite3.connect("", isolation_level=None)
        self.shadow.execute("CREATE TABLE seen (kind, hash, reason, PRIMARY KEY (kind, hash, reason)) WITHOUT ROWID")

    def write(self, fresh: list[Suppression], stricter: list[int]) -> int:
        seen = [(row.channel_kind, row.address_hash, row.reason) for row in fresh]
        self.shadow.execute("BEGIN")
        added = self.shadow.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", seen).rowcount if seen else 0
        self.shadow.execute("COMMIT")
        return added
