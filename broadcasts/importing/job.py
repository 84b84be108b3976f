"""Run an import in chunks: each one is committed with its counts, so that it can stop or die at any point."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import audience
from broadcasts.database import is_storable, tidy_name
from broadcasts.exceptions import InvalidInput, LeaseLost
from broadcasts.models import (
    Contact,
    ImportJob,
    Organization,
    OrganizationQuerySet,
    Segment,
    SegmentMember,
    lease_end,
)
from broadcasts.models.caps import ROW_PROBLEMS

from .columns import Column, columns_of, described
from .consents import grant, is_suppressed, suppressed
from .doubts import MOST_LINES, doubt_of
from .kinds import kind_of
from .reading import CsvReader, JsonReader, Record, RecordReader
from .rows import Problem
from .upsert import ContactState, Outcome

CHUNK = 2000
Status = ImportJob.Status


@dataclass
class Result:
    """The result of an import: the job with its counts, and details that are not stored."""

    job: ImportJob
    columns: list[Column]
    bytes_read: int = 0
    repeats: int = 0  # rows of contacts that an earlier row of the file had already
    problems: list[Problem] = field(default_factory=list)  # the first few; all are in the error file


Progress = Callable[[Result], None]


@dataclass
class Source:
    """An open file: its columns and its records."""

    reader: RecordReader
    columns: list[Column]
    records: Iterator[Record]

    @classmethod
    def of(cls, job: ImportJob, file: BinaryIO, *, is_final: bool = True) -> "Source":
        """Open a file with the format and options of a job; raises InvalidInput."""
        told = job.options
        mapping = told.get("mapping") or {}
        reader: RecordReader
        if job.format == ImportJob.Format.JSON_LINES:
            if mapping:
                raise InvalidInput({"mapping": "JSON lines name their fields themselves; a mapping is for CSV."})
            reader = JsonReader(file, told.get("encoding", ""))
            return cls(reader, [], iter(reader))
        reader = CsvReader(file, told.get("encoding", ""), told.get("delimiter", ""))
        records = iter(reader)
        columns = columns_of(header_of(records, reader), mapping, kind_of(job).vocabulary, is_final=is_final)
        return cls(reader, columns, records)


def import_contacts(
    organization: Organization,
    file: BinaryIO,
    *,
    filename: str = "",
    mapping: Mapping[str, str] | None = None,
    delimiter: str = "",
    encoding: str = "",
    dry_run: bool = False,
    segment: str = "",
    error_path: Path | None = None,
    on_progress: Progress = lambda result: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Import contacts from a binary CSV file whose first line is a header, in this process and at once.

    mapping: {header: field}, over what headers say by themselves; "-" ignores a column.
    segment: the name of a static segment that all contacts of the file are added to; created if it does not exist.
    Raises InvalidInput when the file, the mapping or the segment cannot be used at all; what is wrong with single
    rows goes to the error file (`job.error_file`). Between chunks it asks `should_stop`.
    """
    options = {"mapping": dict(mapping or {}), "delimiter": delimiter, "encoding": encoding}
    job = ImportJob(organization=organization, filename=filename[:255], dry_run=dry_run, options=options)
    source = Source.of(job, file)
    group = None if dry_run else find_segment(organization, segment)
    job.options["segment"] = str(group.uuid) if group else ""
    job.mapping = described(source.columns)
    job.started_at = timezone.now()
    job.save()
    run = Run(job, source, ErrorFile(error_path or job.file("errors.csv")))
    try:
        if run.go_on(should_stop, on_progress):
            return run.end(Status.STOPPED)
    except KeyboardInterrupt:
        return run.end(Status.STOPPED)
    except Exception as error:
        run.end(Status.FAILED, f"{type(error).__name__}: {error}")
        raise
    finally:
        run.close()
    return run.end(Status.DONE)


def header_of(records: Iterator[Record], reader: RecordReader) -> list[str]:
    """Return the header of a CSV file; raises InvalidInput."""
    header = next(records, None)
    if header is None:
        raise InvalidInput({"file": "It is empty: it needs a header, and then its rows."})
    text = "".join(header.cells)
    if header.fault or not is_storable(text):
        raise InvalidInput(
            {"file": f"Its header cannot be read as {reader.encoding}. {header.fault or 'Give its encoding.'}"}
        )
    return header.cells


def find_segment(organization: Organization, given: str, *, make: bool = True) -> Segment | None:
    """Return the static segment with a name or uuid; a new name is created if `make` is set. Raises InvalidInput."""
    given = tidy_name(given)
    if not given:
        return None
    segments = Segment.objects.for_organization(organization)
    segment = segments.filter(name__iexact=given).first()
    if segment is None and (uuid := _uuid(given)):
        segment = segments.filter(uuid=uuid).first()
        if segment is None:
            raise InvalidInput({"segment": f"There is no segment {given}."})
    if segment is None and len(given) > 255:
        raise InvalidInput({"segment": "A name has 255 characters at most."})
    if segment is None:
        return Segment.objects.create(organization=organization, name=given, kind=Segment.Kind.STATIC) if make else None
    if segment.kind != Segment.Kind.STATIC:
        raise InvalidInput({"segment": f"“{segment}” chooses its contacts by rule; name a static segment."})
    return segment


def segment_of(job: ImportJob) -> Segment | None:
    """Return the segment that the people of an import joined; None for a dry run, and where it had none."""
    uuid = None if job.dry_run else _uuid(job.options.get("segment", ""))
    return Segment.objects.for_organization(job.organization_id).filter(uuid=uuid).first() if uuid else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class Run:
    """The state of one import between its chunks."""

    def __init__(self, job: ImportJob, source: Source, errors: "ErrorFile", shadow: Path | None = None) -> None:
        self.job = job
        self.source = source
        self.errors = errors
        self.result = Result(job, source.columns)
        self.maker, self.store = kind_of(job).open(job, source.columns, shadow)
        self.segment = self._segment()
        self.newest = Contact.objects.aggregate(newest=Max("pk"))["newest"] or 0
        self.seen = IdSet()

    def _segment(self) -> Segment | None:
        uuid = self.job.options.get("segment")
        if not uuid or self.job.dry_run:
            return None
        return Segment.objects.for_organization(self.job.organization).filter(uuid=uuid).first()  # or deleted

    def go_on(self, should_stop: Callable[[], bool], on_progress: Progress = lambda result: None) -> bool:
        """Import chunks after `job.line` until the end of the file; returns True if it was stopped before."""
        if self.is_stop_asked():
            return True
        self.source.reader.skip_to(self.job.line)
        for chunk in iter(lambda: list(islice(self.source.records, CHUNK)), []):
            self.take(chunk)
            on_progress(self.result)
            if should_stop() or self.is_stop_asked():
                return True
        return False

    def is_stop_asked(self) -> bool:
        self.job.refresh_from_db(fields=["stop_asked"])
        return self.job.stop_asked

    def take(self, records: list[Record]) -> None:
        """Import one chunk in one transaction with its counts."""
        self.maker.learn(records)
        made = [self.maker.make(record) for record in records]
        problems = [row for row in made if isinstance(row, list)]
        # A dry run only reads, and must not block writers.
        with nullcontext() if self.job.dry_run else transaction.atomic():
            outcomes = self.store.upsert([row for row in made if not isinstance(row, list)])
            people = {outcome.person: None for outcome in outcomes if outcome.person}
            barred = suppressed(self.job.organization, people)
            if not self.job.dry_run:
                self.follow(people, barred)
            problems += [
                [Problem(row.line, "", reason, " | ".join(row.keys.values()))]
                for row, word, _, reason in outcomes
                if word == "refused"
            ]
            words = Counter(outcome.word for outcome in outcomes)
            words["suppressed"] = any(barred.values()) and sum(
                is_suppressed(outcome.person, barred) for outcome in outcomes if outcome.person
            )
            words["invalid"] = len(problems)
            warnings = self.doubts(outcomes)
            with transaction.atomic(savepoint=False):
                self.hold()
                self.report(sorted(problems))
                self.commit(len(records), words, warnings)
        self.store.mark(self.job.line)
        self.result.bytes_read = self.job.bytes_read
        self.result.repeats += sum(self.is_repeat(outcome.person) for outcome in outcomes if outcome.person)

    def mine(self) -> OrganizationQuerySet[ImportJob]:
        return ImportJob.objects.filter(pk=self.job.pk, token=self.job.token, status=Status.RUNNING)

    def hold(self) -> None:
        """Lock the import until the end of the transaction, since its error file has one writer; raises LeaseLost."""
        if not self.mine().select_for_update(no_key=True).values_list("pk"):
            raise LeaseLost(f"Somebody else goes on with the import {self.job.uuid}.")

    def doubts(self, outcomes: Iterable[Outcome]) -> dict[str, Any]:
        """Return the warnings with those of the rows that were taken, {kind: {"count": n, "lines": the first few}}."""
        found = {kind: dict(told) for kind, told in self.job.warnings.items()}
        for row, _, person, _ in outcomes:
            kind = doubt_of(person.values["email_key"] or "") if person else ""
            if kind:
                told = found.setdefault(kind, {"count": 0, "lines": []})
                told["count"] += 1
                if len(told["lines"]) < MOST_LINES:
                    told["lines"] = [*told["lines"], row.line]
        return found

    def commit(self, rows: int, words: Counter[str], warnings: dict[str, Any]) -> None:
        """Write the counts and the position in the file, in the transaction of the chunk."""
        job = self.job
        counted = ("created", "updated", "unchanged", "invalid", "suppressed")
        changes: dict[str, Any] = {f"{name}_count": getattr(job, f"{name}_count") + words[name] for name in counted}
        changes |= {"rows": job.rows + rows, "line": self.source.reader.line}
        changes |= {"bytes_read": self.source.reader.bytes_read, "options": job.options, "tries": 0}
        changes |= {"warnings": warnings}
        changes |= {"error_bytes": self.errors.size, "error_file": str(self.errors.path) if self.errors.size else ""}
        self.mine().update(**changes, lease_until=lease_end() if job.source else None, modified=Now())
        for name, value in changes.items():
            setattr(job, name, value)

    def is_repeat(self, person: ContactState) -> bool:
        """Return whether an earlier row was of this contact, and remember this one."""
        named, person.named = person.named, True
        if named or person.id is None:
            return named
        return person.id < 0 or person.id > self.newest or self.seen.add(person.id)

    def follow(self, people: Iterable[ContactState], barred: Mapping[str, set[str]]) -> None:
        """Add contacts to the segment and grant their consent; new contacts are read by their uuid."""
        consent = self.job.options.get("consent")
        if not self.segment and not consent:
            return
        made = {person.values["uuid"]: person for person in people if person.id is None}
        ids = {person.id: person for person in people if person.id is not None}
        ids |= {pk: made[uuid] for uuid, pk in Contact.objects.filter(uuid__in=made).values_list("uuid", "pk")}
        if self.segment:
            as_they_were = [person.id for person in people if person.id is not None and not person.changed]
            Contact.touch(Contact.objects.filter(pk__in=as_they_were).exclude(segment_members__segment=self.segment))
            SegmentMember.objects.bulk_create(
                [SegmentMember(segment=self.segment, contact_id=pk) for pk in ids], ignore_conflicts=True
            )
        if consent:
            grant(self.job, ids, barred)

    def report(self, problems: list[list[Problem]]) -> None:
        shown = self.result.problems
        for problem in (one for row in problems for one in _first(row)):
            self.errors.write(problem)
            if len(shown) < 10:
                shown.append(problem)
        self.errors.flush()

    def end(self, status: str, message: str = "") -> Result:
        """Write the final status, unless another worker took the import over."""
        finish(self.job, status, message)
        if self.segment and status != Status.FAILED:
            audience.count_segment(self.segment)
        return self.result

    def close(self) -> None:
        self.errors.close()
        self.store.close()


def finish(job: ImportJob, status: str, message: str = "") -> bool:
    """End a running import and return whether it was ours to end; uncommitted rows do not count."""
    mine = ImportJob.objects.filter(pk=job.pk, token=job.token, status=Status.RUNNING)
    done = mine.transition(
        status=status, error_message=message[:2000], finished_at=Now(), lease_until=None, modified=Now()
    )
    job.refresh_from_db()
    if done:
        job.file("rehearsal").unlink(missing_ok=True)
        job.discard_upload()
    return done


def _first(problems: list[Problem]) -> list[Problem]:
    """Return the problems of one row that are reported: the first few, and the number of the others."""
    if len(problems) <= ROW_PROBLEMS:
        return problems
    told = problems[: ROW_PROBLEMS - 1]
    return [*told, Problem(told[0].line, "", f"It has {len(problems) - len(told)} faults more.", "")]


class IdSet:
    """A set of ids as bits in pages, so that a million ids take little memory."""

    PAGE = 1 << 15

    def __init__(self) -> None:
        self.pages: dict[int, bytearray] = {}

    def add(self, n: int) -> bool:
        """Add a number; returns whether it was in the set already."""
        page, bit = divmod(n, self.PAGE)
        bits = self.pages.setdefault(page, bytearray(self.PAGE // 8))
        there = bool(bits[bit >> 3] & 1 << (bit & 7))
        bits[bit >> 3] |= 1 << (bit & 7)
        return there


class ErrorFile:
    """The CSV file of refused rows; created at the first problem, and truncated to its committed size."""

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path = path
        self.size = size
        self.file: TextIO | None = None

    def write(self, problem: Problem) -> None:
        if self.file is None:
            self._open()
        assert self.file is not None
        self.writer.writerow(problem._replace(column=_harmless(problem.column), value=_harmless(problem.value[:200])))

    def flush(self) -> None:
        if self.file:
            self.file.flush()
            self.size = os.fstat(self.file.fileno()).st_size

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        os.truncate(self.path, self.size)
        self.file = self.path.open("a", encoding="utf-8", errors="backslashreplace", newline="")
        self.writer = csv.writer(self.file)
        if not self.size:
            self.writer.writerow(Problem._fields)

    def close(self) -> None:
        if self.file:
            self.file.close()


def _harmless(text: str) -> str:
    """Return a text such that no spreadsheet reads it as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not text[1:].isdecimal() else text
