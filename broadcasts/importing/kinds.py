"""The registry of the kinds of imports: their columns, options, makers and writers. A new kind is an entry of KINDS."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from broadcasts.models import ImportJob

from .attendances import AttendanceMaker, AttendanceStore
from .columns import ATTENDANCES, CONTACTS, SUPPRESSIONS, Column, Vocabulary
from .reading import Record
from .rows import AttributeRegistry, JsonRowMaker, Problem, RowMaker
from .suppressions import SuppressionMaker, SuppressionRehearsal, SuppressionStore
from .upsert import ContactRehearsal, ContactStore, Outcome


class Maker(Protocol):
    """Makes a clean row of a record, or returns its problems."""

    def learn(self, records: Iterable[Record]) -> None: ...

    def make(self, record: Record) -> Any | list[Problem]: ...


class Writer(Protocol):
    """Writes chunks of rows and returns the outcome of each row."""

    line: int

    def upsert(self, rows: list[Any]) -> list[Outcome]: ...

    def mark(self, line: int) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Kind:
    """The vocabulary of the columns, the additional options, and what opens the maker and writer of the rows."""

    vocabulary: Vocabulary
    options: frozenset[str]
    open: Callable[[ImportJob, list[Column], Path | None], tuple[Maker, Writer]]


def _contacts(job: ImportJob, columns: list[Column], shadow: Path | None) -> tuple[Maker, Writer]:
    organization = job.organization
    attributes = AttributeRegistry(organization, job.options.setdefault("types", {}), register=not job.dry_run)
    maker = JsonRowMaker if job.format == ImportJob.Format.JSON_LINES else RowMaker
    store = ContactRehearsal(organization, shadow) if job.dry_run else ContactStore(organization)
    return maker(columns, organization, attributes), store


def _attendances(job: ImportJob, columns: list[Column], shadow: Path | None) -> tuple[Maker, Writer]:
    store = AttendanceStore(job.organization, create=bool(job.options.get("create")), dry_run=job.dry_run)
    return AttendanceMaker(columns, job.organization), store


def _suppressions(job: ImportJob, columns: list[Column], shadow: Path | None) -> tuple[Maker, Writer]:
    organization = job.organization
    store = SuppressionRehearsal(organization, shadow) if job.dry_run else SuppressionStore(organization)
    return SuppressionMaker(columns, organization, job.options.get("defaults", {})), store


KINDS = {
    ImportJob.Kind.CONTACTS: Kind(CONTACTS, frozenset({"segment", "consent"}), _contacts),
    ImportJob.Kind.ATTENDANCES: Kind(ATTENDANCES, frozenset({"create"}), _attendances),
    ImportJob.Kind.SUPPRESSIONS: Kind(SUPPRESSIONS, frozenset({"defaults"}), _suppressions),
}


def kind_of(job: ImportJob) -> Kind:
    return KINDS[ImportJob.Kind(job.kind)]
