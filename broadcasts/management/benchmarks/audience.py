"""`bench audience`: how long it takes to count, estimate, page, expand and import, beside what it may take."""

import csv
import json
import os
import statistics
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.models import Max
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import audience, drafting, importing, indexing, sending
from broadcasts.management import serving
from broadcasts.models import (
    ApiToken,
    Attribute,
    Broadcast,
    Channel,
    Contact,
    Delivery,
    Member,
    Organization,
    Role,
    User,
)
from broadcasts.models import Segment as Group

from . import content, population, processes
from .figures import columns
from .room import Room, is_inside, leave
from .send import number

HELP = "Make contacts with all that rules ask about, and print how fast they are counted, estimated and imported."
SIZES = {"postgresql": 1_000_000, "sqlite": 100_000}
TIMES = 5
IMPORTED = 10  # one in so many contacts is in the file; half of its rows are of people who are new


def contacts(text: str) -> int:
    if (n := number(text)) % 1000:
        raise ArgumentTypeError(f"“{text}” is not a multiple of a thousand")
    return n


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--contacts", type=contacts, metavar="N", help="default: 1000000 on PostgreSQL, 100000 on SQLite"
    )
    parser.add_argument("--explain", action="store_true", help="print how the database answers each")
    parser.add_argument("--json", action="store_true", help="for machines")


@dataclass
class Figure:
    """One thing measured: how much of it at most, or at least, and how it was answered."""

    label: str
    value: float
    target: float
    unit: str = "ms"
    at_least: bool = False
    note: str = ""
    plan: str = ""

    @property
    def is_reached(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def row(self) -> tuple[str, ...]:
        sign = ">=" if self.at_least else "<="
        mark = "ok" if self.is_reached else "no"
        return self.label, f"{self.value:,.0f} {self.unit}", mark, f"{sign} {self.target:,.0f}", self.note


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    n = options["contacts"] or SIZES.get(connection.vendor, 0)
    if is_inside():
        leave([asdict(figure) for figure in Bench(n, options["explain"]).measure()])
        return
    machine = processes.machine()
    if not options["json"]:
        load = " ".join(f"{load:.2f}" for load in machine["load"])
        words = "{cpu}, {cores} cores; {database}; Python {python}".format_map(machine)
        command.stdout.write(f"{words}; load average: {load}\n{n:,} contacts; medians of {TIMES}")
        command.stdout.flush()
    with Room() as room:
        found = room.run("bench", "audience", "--contacts", str(n), *(["--explain"] if options["explain"] else []))
    figures = [Figure(**one) for one in found]
    if options["json"]:
        document = {"machine": machine, "load_after": os.getloadavg(), "contacts": n}
        rows = [asdict(figure) | {"is_reached": figure.is_reached} for figure in figures]
        command.stdout.write(json.dumps({**document, "figures": rows}, indent=2))
        return
    for figure in figures:
        if figure.plan:
            command.stdout.write(f"\n{figure.label}\n{figure.plan}")
    command.stdout.write(columns([("", "measured", "", "target", ""), *(figure.row() for figure in figures)]))
    command.stdout.write(f"load average afterwards: {' '.join(f'{load:.2f}' for load in os.getloadavg())}")


class Bench:
    """One run, in a room."""

    def __init__(self, n: int, explains: bool) -> None:
        self.n, self.explains = n, explains
        self.figures: list[Figure] = []

    def measure(self) -> list[Figure]:
        serving.prepare()
        self.club = make_club()
        self.channel = make_channel(self.club)
        begun = time.perf_counter()
        population.fill(self.club, self.channel, self.n)
        self.note(f"{self.n:,} contacts made in {time.perf_counter() - begun:.0f} s")
        self.broadcast = make_broadcast(self.channel)
        some = [f"bench-{i}" for i in range(1, self.n + 1, max(1, self.n // 1000))][:1000]
        self.count("count, an indexed field", {"external_id": some}, 50)
        on_attribute = {"attributes__doctor": "Dr. 13"}
        self.count("count, an attribute", on_attribute, 250)
        Attribute.objects.filter(key="doctor").update(is_indexed=True)
        indexing.arrange()
        self.count("count, an indexed attribute", on_attribute, 50)
        self.count("count, three levels with attendance and engagement", three_levels(), 500)
        self.estimate()
        self.page()
        self.expand()
        self.importing()
        return self.figures

    def note(self, text: str) -> None:
        # Where `bench` runs it, this is what shows that it goes on.
        print(text, flush=True)  # noqa: T201

    def add(self, label: str, value: float, target: float, **more: Any) -> None:
        self.figures.append(Figure(label, value, target, **more))
        self.note(f"{label}: {value:,.0f}")

    def timed(self, label: str, act: Callable[[], Any], target: float) -> None:
        """Measure the median of some times after one to warm up."""
        note = str(act())
        times = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            act()
            times.append(1000 * (time.perf_counter() - begun))
        plan = explain(act) if self.explains else ""
        self.add(label, statistics.median(times), target, note=note, plan=plan)

    def count(self, label: str, query: dict[str, Any], target: float) -> None:
        def act() -> str:
            return f"{audience.compile_query(query, self.club, of_all=True).count():,} contacts"

        self.timed(label, act, target)

    def estimate(self) -> None:
        def act() -> str:
            found = audience.estimate(audience.Audience.of(self.broadcast), audience.routes_of(self.broadcast))
            return f"{found.will_receive:,} of {found.matched:,} will receive"

        self.timed("estimate with all reasons", act, 1000)

    def page(self) -> None:
        """The first page of those who will receive, through the API: counted, and while that count is kept."""
        client = make_client(self.club)

        def act() -> str:
            answer = client.get("/api/broadcast-messages/recipients/?all_users=true")
            if answer.status_code != 200:
                raise CommandError(f"recipients/ answers {answer.status_code}: {answer.content[:500]!r}")
            return f"{int(answer.headers['X-Result-Count']):,} counted"

        self.timed("first page of recipients/, count kept", act, 100)

        def fresh() -> str:
            cache.clear()
            return act()

        self.timed("first page of recipients/, counted anew", fresh, 1100)

    def expand(self) -> None:
        sending.send(self.broadcast)
        begun = time.perf_counter()
        while True:
            sending.expand(self.broadcast.pk, seconds=600)
            self.broadcast.refresh_from_db()
            if self.broadcast.expanded_at or self.broadcast.status != Broadcast.Status.SENDING:
                break
        seconds = time.perf_counter() - begun
        rows = Delivery.objects.filter(message__broadcast=self.broadcast).count()
        if rows != self.n:
            raise CommandError(f"Of {self.n:,} matched, {rows:,} have a row: {self.broadcast.error_message}")
        self.add("expand that audience", seconds, 25, unit="s", note=f"{rows:,} rows, written once")

    def importing(self) -> None:
        """Import a file, half of it new people and half of it changed ones."""
        rows = self.n // IMPORTED
        path = Path(settings.DATA_DIR) / "people.csv"
        write_file(path, rows)
        peak = processes.peaks([os.getpid()])[os.getpid()]
        begun = time.perf_counter()
        with path.open("rb") as file:
            job = importing.import_contacts(self.club, file, filename=path.name).job
        rate = rows / (time.perf_counter() - begun)
        if (job.created_count, job.updated_count) != (rows // 2, rows - rows // 2):
            raise CommandError(
                f"Of {rows:,} rows, {job.created_count:,} made and {job.updated_count:,} changed people."
            )
        more = (processes.peaks([os.getpid()])[os.getpid()] - peak) / 1e6
        note = f"{rows:,} rows, half new; {more:.0f} MB more than before at most"
        self.add("import", rate, 10_000, unit="rows/s", at_least=True, note=note)


def make_club() -> Organization:
    return Organization.objects.create(
        name="Swimming Club",
        slug="bench",
        languages=list(population.LANGUAGES),
        country="ES",
        postal_address="Swimming Club, 1 Pool Lane, Springfield",
        default_use_case="marketing",
        consent_required=True,
        frequency_cap=2,
        frequency_cap_days=14,
    )


def make_channel(club: Organization) -> Channel:
    channel = Channel(organization=club, name="Nowhere", kind="email", is_default=True, rate=100)
    channel.from_name, channel.from_address = club.name, "news@club.example"
    channel.configure({"host": "127.0.0.1", "port": 2, "security": "none"})
    channel.save()
    return channel


def make_broadcast(channel: Channel) -> Broadcast:
    """A draft of marketing to everybody but those of a segment."""
    values = {
        "name": "Bench",
        "use_case": "marketing",
        "send_to_all": True,
        "excluded_segments": [Group.objects.get(name="Left")],
        "base_language": "en",
        "messages": [{"channel": channel, "translations": content.translations()}],
    }
    return drafting.save(Broadcast(organization=channel.organization), values)


def make_client(club: Organization) -> Client:
    user = User.objects.create_user("bench@club.example", None, full_name="Bench")
    Member.objects.create(user=user, organization=club, role=Role.ADMIN)
    _, key = ApiToken.objects.issue(user=user, organization=club, scopes=["read"])
    return Client(headers={"authorization": f"Token {key}", "host": "localhost"})


def three_levels() -> dict[str, Any]:
    earlier = Broadcast.objects.filter(name__startswith="Earlier").earliest("id")
    not_opened = {"not": {"engagement": {"broadcast": str(earlier.uuid), "type": "opened"}}}
    yoga = {"attendance": {"series": "Yoga", "status": "attended", "at_least": 2}}
    return {"all": [{"language": "es"}, {"any": [yoga, {"all": [{"attributes__plan": "gold"}, not_opened]}]}]}


def write_file(path: Path, rows: int) -> None:
    newest = Contact.objects.aggregate(newest=Max("id"))["newest"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["external_id", "full_name", "email", "plan", "visits", "joined"])
        writer.writerows(_rows(rows, newest))


def _rows(rows: int, newest: int) -> Iterator[list[Any]]:
    today = timezone.localdate()
    for k in range(rows):
        i = 1 + k if k % 2 else newest + 1 + k
        yield [f"bench-{i}", f"New Name {k}", f"person{i}@example.com", "gold", k % 300, today]


def explain(act: Callable[[], Any]) -> str:
    """Run it once more and tell how the database answered its slowest query."""
    with CaptureQueriesContext(connection) as captured:
        act()
    slowest = max(captured.captured_queries, key=lambda query: float(query["time"]))["sql"]
    analyze = "EXPLAIN (ANALYZE, BUFFERS)" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{analyze} {slowest}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
