import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from broadcasts import formats, importing
from broadcasts.importing import FIELDS, Result, import_contacts
from broadcasts.management.lookups import find_organization, opened, refusals
from broadcasts.management.progress import ImportBar
from broadcasts.models import ImportJob


class Command(BaseCommand):
    help = (
        "Create and update contacts from a CSV file with a header. People are looked up by external id, then e-mail, "
        "then phone. Empty cells change nothing; nobody's status or opt-out is touched. "
        "Columns that are no field become attributes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the CSV file, or - for standard input")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument(
            "--map", action="append", default=[], metavar="COLUMN=FIELD", dest="mapping",
            help=f"what a column is: {', '.join(FIELDS)}, attributes.<key>, or - to ignore it; may be repeated",
        )  # fmt: skip
        parser.add_argument("--delimiter", default="", help="default: what the header has most of, of , ; tab |")
        parser.add_argument("--encoding", default="", help="default: UTF-8, or UTF-16 when the file begins so")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--errors", type=Path, metavar="FILE", help="where refused rows are told; a CSV")
        parser.add_argument("--static-segment", default="", metavar="NAME", help="everybody in the file joins it")

    def handle(self, *args, **options) -> None:
        organization = find_organization(options["organization"])
        mapping = dict(self.pair(given) for given in options["mapping"])
        delimiter = {"tab": "\t", "\\t": "\t"}.get(options["delimiter"], options["delimiter"])
        source: Any = nullcontext(sys.stdin.buffer) if options["file"] == "-" else opened(options["file"], "rb")
        with refusals(), source as file, stoppable() as stop:
            size = None if options["file"] == "-" else os.fstat(file.fileno()).st_size
            with ImportBar(size) as shown:
                result = import_contacts(
                    organization, file, filename=Path(options["file"]).name, mapping=mapping, delimiter=delimiter,
                    encoding=options["encoding"], dry_run=options["dry_run"], segment=options["static_segment"],
                    error_path=options["errors"], on_progress=shown.update, should_stop=lambda: bool(stop),
                )  # fmt: skip
        self.tell(result)
        if result.job.status == ImportJob.Status.STOPPED:
            sys.exit(130)

    def pair(self, given: str) -> tuple[str, str]:
        column, equals, field = given.rpartition("=")
        if not equals:
            raise CommandError(f'--map {given}: write "Column=field".')
        return column, field

    def tell(self, result: Result) -> None:
        job = result.job
        verb = "would be " if job.dry_run else ""
        self.stdout.write(
            f"{formats.number(job.rows)} rows read: {formats.number(job.created_count)} {verb}created, "
            f"{formats.number(job.updated_count)} {verb}updated, "
            f"{formats.number(job.unchanged_count)} unchanged, {formats.number(job.invalid_count)} refused."
        )
        if result.repeats:
            self.stdout.write(
                f"{formats.number(result.repeats)} of them named somebody whom an earlier row had named; "
                "the later row counts."
            )
        for doubt in importing.doubts_of(job):
            self.stdout.write(f"Worth a look: {doubt}")
        attributes = [column for column in result.columns if column.attribute]
        if attributes:
            self.stdout.write("Attributes: " + ", ".join(f"{one.header} as {one.attribute}" for one in attributes))
        for problem in result.problems:
            where = f"line {problem.line}" + (f", {problem.column}" if problem.column else "")
            self.stderr.write(f"{where}: {problem.reason}")
        if job.error_file:
            self.stderr.write(f"All refused rows: {job.error_file}")
        if job.status == ImportJob.Status.STOPPED:
            self.stderr.write(
                f"Stopped: the first {formats.number(job.rows)} rows are done, the rest is not. Run it again "
                "to do all; what is done is left as it is."
            )


@contextmanager
def stoppable() -> Iterator[list[int]]:
    """Note Ctrl-C instead of breaking off, so that a chunk is finished; the second one breaks off."""
    noted: list[int] = []

    def note(number, frame) -> None:
        if noted:
            raise KeyboardInterrupt
        noted.append(number)

    earlier = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
