"""`bench import`: how fast a file of contacts is imported, when all are new, some are changed, and in another order."""

import csv
import json
import math
import os
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from broadcasts import importing
from broadcasts.models import ImportJob, Organization

from . import processes
from .figures import MOST_OTHERS, Target, columns, row_of, told
from .room import Room, is_inside, leave
from .send import make_club, number

HELP = "Import a file of 8 columns into a scratch database: new people, a fifth of them changed, in another order."
HEADER = ("external_id", "full_name", "email", "phone", "language", "plan", "visits", "joined")
CHANGED = 5  # one row in so many says something new
FIRST_NAMES = ("Ana", "Bea", "Chloé", "David", "Eva", "François", "Gabriela", "Håkon", "Inés", "Jürgen")
LAST_NAMES = ("García", "Smith", "Martin", "Núñez", "Müller", "Okafor", "Rossi", "Silva", "Tanaka", "Uwase", "Weber")
DOMAINS = ("example.com", "mail.example", "post.example.org", "bücher.example", "swimming-club.example")
RATE, MORE = Target(10_000, 20_000), Target(20, 10)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--contacts", type=number, default=100_000, metavar="N", help="rows; default: 100000")
    parser.add_argument("--json", action="store_true", help="for machines")


@dataclass(frozen=True, kw_only=True)
class ImportRun:
    """One import of the file: how fast it was, and what it cost."""

    label: str
    rows: int
    seconds: float
    cpu_seconds: float  # of the process that imports
    database_cpu_seconds: float | None  # None: SQLite, or a server elsewhere
    others_share: float  # of the machine
    peak: int  # bytes
    more: int  # bytes at most, than it held before
    kills: int = 0

    @property
    def rate(self) -> float:
        return self.rows / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds / self.rows * 1e6

    @property
    def database_cpu_us(self) -> float | None:
        return None if self.database_cpu_seconds is None else self.database_cpu_seconds / self.rows * 1e6

    @property
    def is_valid(self) -> bool:
        """Whether the machine was quiet enough for the figures to mean something."""
        return self.others_share <= MOST_OTHERS

    def as_json(self) -> dict[str, Any]:
        derived = ("rate", "cpu_us", "database_cpu_us", "is_valid")
        return {**asdict(self), **{name: getattr(self, name) for name in derived}}


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    if is_inside():
        leave([asdict(one) for one in measure(options["contacts"])])
        return
    machine = processes.machine()
    with Room() as room:
        runs = [ImportRun(**one) for one in room.run("bench", "import", "--contacts", str(options["contacts"]))]
    if options["json"]:
        document = {"machine": machine, "contacts": options["contacts"], "runs": [one.as_json() for one in runs]}
        command.stdout.write(json.dumps(document, indent=2))
        return
    words = "{cpu}, {cores} cores; {database}; Python {python}".format_map(machine)
    command.stdout.write(f"{words}\n{table(runs)}")


def table(runs: list[ImportRun]) -> str:
    def row(label: str, tell: Callable[[ImportRun], str], target: Target | None = None, value: Any = None) -> tuple:
        return row_of(runs, label, tell, target, value)

    rows = [
        (f"{runs[0].rows:,} rows of {len(HEADER)} columns", *(f"{one.label}    " for one in runs), "at least", "aim"),
        row("rows/s", lambda one: f"{one.rate:,.0f}", RATE, lambda one: one.rate),
        row("CPU us a row: this process", lambda one: f"{one.cpu_us:,.1f}"),
        row("  PostgreSQL", lambda one: told(one.database_cpu_us, 1)),
        row("peak memory, MB", lambda one: f"{one.peak / 1e6:.0f}"),
        row("  more than before it", lambda one: f"{one.more / 1e6:.1f}", MORE, lambda one: one.more / 1e6),
        row("% of the machine taken by others", lambda one: f"{100 * one.others_share:.1f}"),
    ]
    lines = [columns(rows)]
    if any(not one.is_valid for one in runs):
        most = f"{100 * MOST_OTHERS:.0f} %"
        lines.append(f"NOT VALID: other processes took more than {most} of the machine. Run it again when it is quiet.")
    return "\n".join(lines)


def measure(n: int) -> list[ImportRun]:
    # In a process of its own, since what migrating takes is not given back.
    migrate = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--verbosity=0"]
    subprocess.run(migrate, check=True)  # noqa: S603  (a command of ours)
    club = make_club()
    few = len(range(0, n, CHANGED))
    return [
        one_import(club, "new", numbered(n), 0, (n, 0, 0)),
        one_import(club, "a fifth changed", numbered(n), 1, (0, few, n - few)),
        one_import(club, "another order", shuffled(n), 2, (0, few, n - few)),
    ]


def one_import(club: Organization, label: str, people: Iterator[int], edition: int, expected: tuple) -> ImportRun:
    """Import one edition of the file and check what became of its rows: (created, updated, unchanged)."""
    path = Path(settings.DATA_DIR) / "people.csv"
    write_file(path, people, edition)
    # The server may write what the last import left it.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
    servers = processes.database_pids()[1:]  # the server itself has the time of all that ended, such as autovacuum
    held = _forget_peak()
    before = _used(servers)
    begun = time.perf_counter()
    with path.open("rb") as file:
        job = importing.import_contacts(club, file, filename=path.name).job
    seconds = time.perf_counter() - begun
    after = _used(servers)
    check(job, expected)
    return ImportRun(
        label=label,
        rows=job.rows,
        seconds=seconds,
        cpu_seconds=after[0] - before[0],
        database_cpu_seconds=after[1] - before[1] if servers else None,
        others_share=after[2].others_since(before[2]),
        peak=(peak := processes.peaks([os.getpid()])[os.getpid()]),
        more=peak - held,
    )


def check(job: ImportJob, expected: tuple) -> None:
    """Raise CommandError if the import did something else than it should have."""
    found = (job.created_count, job.updated_count, job.unchanged_count)
    if found != expected:
        raise CommandError(f"Created, updated, unchanged: {found}, not {expected}; refused: {job.invalid_count}.")


def _forget_peak() -> int:
    """Have the system measure the peak of this process anew, and return the bytes that it holds now."""
    Path("/proc/self/clear_refs").write_text("5")
    return processes.peaks([os.getpid()])[os.getpid()]


def _used(servers: list[int]) -> tuple[float, float, processes.MachineLoad]:
    """Return the processor seconds of this process and of PostgreSQL, and how busy the machine was."""
    own, theirs = time.process_time(), processes.cpu_seconds(servers)
    return own, theirs, processes.MachineLoad.now(own + theirs)


def write_file(path: Path, people: Iterator[int], edition: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(cells(i, edition) for i in people)


def cells(i: int, edition: int) -> list[Any]:
    """Return the row of a person; each edition says something new of one in CHANGED."""
    first, last = FIRST_NAMES[i % len(FIRST_NAMES)], LAST_NAMES[i % len(LAST_NAMES)]
    visits = i % 300 + (edition if i % CHANGED == 0 else 0)
    return [
        f"member-{i}",
        f"{first} {last}",
        f"{last}.{i}@{DOMAINS[i % len(DOMAINS)]}",
        f"+346{i:08}",
        ("es", "en", "pt-BR")[i % 3],
        ("basic", "gold", "family, with children")[i % 3],
        visits,
        f"20{i % 20:02}-{i % 12 + 1:02}-{i % 28 + 1:02}",
    ]


def numbered(n: int) -> Iterator[int]:
    yield from range(n)


def shuffled(n: int) -> Iterator[int]:
    """Yield the numbers below n in an order in which neighbours are far apart, and hold none of them."""
    step = next(step for step in range(int(n * 0.618) | 1, 2 * n + 2) if math.gcd(step, n) == 1)
    for i in range(n):
        yield i * step % n
