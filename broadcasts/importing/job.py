"""Run an import: chunk by chunk, each one transaction with its counts, so that it can stop or die at any point."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from broadcasts import audience
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact, ImportJob, Organization, Segment, SegmentMember

from .columns import Column, columns_of, described
from .reading import Reader, Record
from .rows import Attributes, Problem, RowMaker
from .upsert import Person, Rehearsal, Row, Store

CHUNK = 2000
Status = ImportJob.Status


@dataclass
class Result:
    """What came of an import: the job with its counts, and what only the one who runs it wants to know."""

    job: ImportJob
    columns: list[Column]
    bytes_read: int = 0
    repeats: int = 0  # rows that named a contact which an earlier row of the file had named
    problems: list[Problem] = field(default_factory=list)  # the first few; all are in the error file


Progress = Callable[[Result], None]


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
    """Import contacts from a binary CSV file whose first line is a header.

    mapping: {header: field}, over what headers say by themselves; "-" ignores a column.
    segment: the name of a static segment that everybody in the file joins; made when there is none.
    Raises InvalidInput when the file, the mapping or the segment cannot be used at all; what is wrong with single
    rows goes to the error file (`job.error_file`). Between chunks it asks `should_stop`.
    """
    reader = Reader(file, encoding, delimiter)
    records = iter(reader)
    columns = columns_of(_header(records, reader), mapping or {})
    group = None if dry_run else _segment(organization, segment)
    job = ImportJob.objects.create(
        organization=organization, filename=filename[:255], mapping=described(columns), dry_run=dry_run
    )
    errors = ErrorFile(error_path or settings.DATA_DIR / "imports" / f"{job.uuid}.errors.csv")
    run = Run(Result(job, columns), errors, group)
    try:
        for chunk in iter(lambda: list(islice(records, CHUNK)), []):
            run.take(chunk)
            run.result.bytes_read = reader.bytes_read
            on_progress(run.result)
            if should_stop():
                return run.end(Status.STOPPED)
    except KeyboardInterrupt:
        return run.end(Status.STOPPED)
    except Exception as error:
        run.end(Status.FAILED, f"{type(error).__name__}: {error}")
        raise
    finally:
        errors.close()
    return run.end(Status.DONE)


def _header(records: Iterator[Record], reader: Reader) -> list[str]:
    header = next(records, None)
    if header is None:
        raise InvalidInput({"file": "It is empty: it needs a header, and then one line for each person."})
    text = "".join(header.cells)
    if header.fault or "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise InvalidInput(
            {"file": f"Its header cannot be read as {reader.encoding}. {header.fault or 'Give its encoding.'}"}
        )
    return header.cells


def _segment(organization: Organization, name: str) -> Segment | None:
    name = name.strip()
    if not name:
        return None
    segment = Segment.objects.for_organization(organization).filter(name__iexact=name).first()
    if segment is None:
        return Segment.objects.create(organization=organization, name=name, kind=Segment.Kind.STATIC)
    if segment.kind != Segment.Kind.STATIC:
        raise InvalidInput({"segment": f"“{segment}” chooses its contacts by rule; name a static segment."})
    return segment


class Run:
    """The state of one import between its chunks."""

    def __init__(self, result: Result, errors: "ErrorFile", segment: Segment | None) -> None:
        job = result.job
        self.result = result
        self.job = job
        self.errors = errors
        self.segment = segment
        self.attributes = Attributes(job.organization, result.columns, register=not job.dry_run)
        self.maker = RowMaker(result.columns, job.organization, self.attributes)
        self.store = Rehearsal(job.organization) if job.dry_run else Store(job.organization)
        self.newest = Contact.objects.aggregate(newest=Max("pk"))["newest"] or 0
        self.seen = Seen()

    def take(self, records: list[Record]) -> None:
        """Import one chunk; it is written with its counts, or not at all."""
        self.attributes.learn(records)
        made = [self.maker.make(record) for record in records]
        rows = [row for row in made if isinstance(row, Row)]
        problems = [row for row in made if not isinstance(row, Row)]
        with transaction.atomic():
            outcomes = self.store.upsert(rows)
            people = {outcome.person: None for outcome in outcomes if outcome.person}
            if self.segment:
                self.join(people)
            words = Counter(outcome.word for outcome in outcomes)
            self.job.rows += len(records)
            self.job.created_count += words["created"]
            self.job.updated_count += words["updated"]
            self.job.unchanged_count += words["unchanged"]
            self.job.invalid_count += len(problems) + words["refused"]
            self.job.save()
        self.result.repeats += sum(self.is_repeat(outcome.person) for outcome in outcomes if outcome.person)
        problems += [
            [Problem(row.line, "", reason, " | ".join(row.keys.values()))]
            for row, word, _, reason in outcomes
            if word == "refused"
        ]
        self.report(sorted(problems))

    def is_repeat(self, person: Person) -> bool:
        """Tell whether an earlier row named this contact, and remember that one did."""
        named, person.named = person.named, True
        if named or person.id is None:
            return named
        return person.id < 0 or person.id > self.newest or self.seen.add(person.id)

    def join(self, people: Iterable[Person]) -> None:
        """Put people into the segment; those just created are known by their uuid only."""
        assert self.segment is not None
        uuids = [person.values["uuid"] for person in people if person.id is None]
        ids = [person.id for person in people if person.id is not None]
        ids += Contact.objects.filter(uuid__in=uuids).values_list("pk", flat=True)
        SegmentMember.objects.bulk_create(
            [SegmentMember(segment=self.segment, contact_id=pk) for pk in ids], ignore_conflicts=True
        )

    def report(self, problems: list[list[Problem]]) -> None:
        shown = self.result.problems
        for problem in (one for row in problems for one in row):
            self.errors.write(problem)
            if len(shown) < 10:
                shown.append(problem)

    def end(self, status: str, message: str = "") -> Result:
        self.job.refresh_from_db()  # a chunk that was not written does not count
        self.job.status = status
        self.job.error_message = message
        self.job.error_file = str(self.errors.path) if self.errors.file else ""
        self.job.finished_at = timezone.now()
        self.job.save()
        if self.segment and status != Status.FAILED:
            audience.count_segment(self.segment)
        return self.result


class Seen:
    """A set of ids at one bit each, in pages, so that a million cost little wherever they lie."""

    PAGE = 1 << 15

    def __init__(self) -> None:
        self.pages: dict[int, bytearray] = {}

    def add(self, n: int) -> bool:
        """Add a number; True when it was there already."""
        page, bit = divmod(n, self.PAGE)
        bits = self.pages.setdefault(page, bytearray(self.PAGE // 8))
        there = bool(bits[bit >> 3] & 1 << (bit & 7))
        bits[bit >> 3] |= 1 << (bit & 7)
        return there


class ErrorFile:
    """A CSV of what was refused, made at the first problem."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: TextIO | None = None

    def write(self, problem: Problem) -> None:
        if self.file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = self.path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            self.writer = csv.writer(self.file)
            self.writer.writerow(Problem._fields)
        self.writer.writerow(problem._replace(value=problem.value[:200]))

    def close(self) -> None:
        if self.file:
            self.file.close()
