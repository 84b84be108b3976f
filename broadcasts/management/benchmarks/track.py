"""`bench track`: how fast opens and clicks are taken in and counted, and whether any is lost under kill -9."""

import json
import time
from argparse import ArgumentParser
from dataclasses import asdict, dataclass
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from broadcasts import links, sending, stats
from broadcasts.management import serving
from broadcasts.models import Broadcast, Delivery, DeliveryEvent, Hit, Link

from . import HOST, people, processes
from .callbacks import call_all
from .caller import reading
from .figures import Target, columns, row_of
from .kinds import KINDS
from .receiver import receiver
from .room import Room, is_inside, leave
from .scene import retry_while_away
from .send import make_broadcast, make_club, number, watch
from .workers import Workers, serving_workers

HELP = "Open the mails of a broadcast and click in them, while processes may be killed, and count."
DELAY = 1  # seconds until the verdict, instead of 30
EARLY_SECONDS = 6  # after sending, in which a click is taken for a scanner's
LINKS = 3
CLICKING, AGAIN = 0.5, 0.2  # of the people; of what they fetch, which comes twice
RATE, ANSWER = Target(800, 2000), Target(20, 5)
LAST_TAKEN = 399  # status: links lead on
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.3.0",
)
PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
HEADERS = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate, br", "Accept-Language": "en-GB,en;q=0.9"}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--contacts", type=number, default=10_000, metavar="N", help="recipients; default: 10000")
    parser.add_argument("--pumps", type=number, default=settings.PUMPS, metavar="N", help="default: PUMPS")
    parser.add_argument(
        "--kills", type=int, default=0, metavar="N", help="kill -9 so many web processes and workers; default: none"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of what is left to chance")
    parser.add_argument("--json", action="store_true", help="for machines")


@dataclass(frozen=True, kw_only=True)
class TrackRun:
    """What was fetched, how fast, and what the log says of it."""

    hits: int
    taken_seconds: float  # until all were answered
    counted_seconds: float  # until all were judged, without the delay
    caller_cpu_us: float  # per hit
    web_cpu_us: float | None  # per hit; None: some were killed, and their time is gone
    worker_cpu_us: float | None
    median_ms: float
    slow_ms: float
    repeats: int
    kills: dict[str, int]
    lost: int  # opened or clicked copies that the log does not say so of
    is_consistent: bool  # the broadcast's own figures, and its links'

    @property
    def is_kept(self) -> bool:
        return self.lost == 0 and self.is_consistent


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    if is_inside():
        leave(asdict(measure(options)))
        return
    machine = {**processes.machine(), "pumps": options["pumps"]}
    arguments = [f"--{name}={options[name]}" for name in ("contacts", "pumps", "kills", "seed")]
    with Room(TRACKING_DELAY_SECONDS=str(DELAY)) as room:
        told = TrackRun(**room.run("bench", "track", *arguments))
    if options["json"]:
        command.stdout.write(
            json.dumps({"machine": machine, "run": asdict(told) | {"is_kept": told.is_kept}}, indent=2)
        )
    else:
        words = "{cpu}, {cores} cores; {database}; Python {python}; pumps: {pumps}".format_map(machine)
        command.stdout.write(f"{words}\n{table(told)}")
    if not told.is_kept:
        raise CommandError("Opens or clicks were lost or counted twice.")


def table(told: TrackRun) -> str:
    row = partial(row_of, [told])

    def us(value: float | None) -> str:
        return "-" if value is None else f"{value:,.0f}"

    def rate(one: TrackRun) -> float:
        return one.hits / one.counted_seconds

    rows: list[tuple[str, ...]] = [
        ("opens and clicks", f"{told.hits:,}    ", "at least", "aim"),
        row("a second taken in", lambda one: f"{one.hits / one.taken_seconds:,.0f}"),
        row("a second taken in and counted", lambda one: f"{rate(one):,.0f}", RATE, rate),
        row("ms to an answer, median", lambda one: f"{one.median_ms:.1f}", ANSWER, lambda one: one.median_ms),
        row("ms to an answer, 99 of 100", lambda one: f"{one.slow_ms:.1f}"),
        row("CPU us per hit, web server", lambda one: us(one.web_cpu_us)),
        row("  workers", lambda one: us(one.worker_cpu_us)),
        row("  the caller's beside it", lambda one: us(one.caller_cpu_us)),
        row("hits that had to be repeated", lambda one: f"{one.repeats:,}"),
        row("killed", lambda one: ", ".join(f"{n} {what}" for what, n in one.kills.items()) or "-"),
        row("lost", lambda one: f"{one.lost:,}"),
        row("figures that disagree", lambda one: "none" if one.is_consistent else "some"),
    ]
    return columns(rows)


def measure(options: dict[str, Any]) -> TrackRun:
    """Send a broadcast, and have people open it and click, in a room."""
    n, random = options["contacts"], Random(options["seed"])  # noqa: S311  (chance, not secrecy)
    serving.prepare()
    club, port = make_club(), serving.free_port(HOST, 18_000)
    people.load(club, n)
    connections.close_all()  # the receiver's process is to inherit none
    kind = KINDS["email"]
    with receiver(options["seed"], kind.receiver) as taker:
        broadcast = make_broadcast(club, taker.port)
        with serving_workers(options["pumps"], port) as running:
            sending.send(broadcast)
            watch(broadcast, running)
            time.sleep(EARLY_SECONDS)
            return _fetch_all(broadcast, running, port, random, options["kills"])


@dataclass
class Readers:
    """What people fetch of a broadcast, and what the log must say once it is counted."""

    requests: list[bytes]
    opened: int
    clicked: int
    clicks: int


def _readers(broadcast: Broadcast, port: int, random: Random) -> Readers:
    """Have all open their copy, many click in it, and some do it twice, in random order."""
    message = broadcast.messages.get()
    for place in range(LINKS):
        url = f"https://club.example/bench/{place}?utm_source=news"
        Link.objects.create(message=message, url=url, digest=links.digest_of(url))
    own = list(message.links.order_by("pk").values_list("pk", flat=True))[-LINKS:]
    readers = Readers([], 0, 0, 0)
    copies = Delivery.objects.filter(message=message, status=Delivery.Status.SENT).order_by("pk")
    for pk in copies.values_list("pk", flat=True).iterator():
        token, agent = links.delivery_token(pk), random.choice(AGENTS)
        picture = urlsplit(links.picture_url("http://x", token)).path
        _add(readers, picture, port, random.choice([agent, PROXY]), random)
        readers.opened += 1
        if random.random() < CLICKING:
            key = links.copy_key(token, message.pk)
            path = urlsplit(links.tracked_url("http://x", key, random.choice(own))).path
            readers.clicks += _add(readers, path, port, agent, random)
            readers.clicked += 1
    random.shuffle(readers.requests)
    return readers


def _add(readers: Readers, path: str, port: int, agent: str, random: Random) -> int:
    """Add what fetches a path, once or twice; return how often."""
    times = 2 if random.random() < AGAIN else 1
    readers.requests += [reading(path, port, {"User-Agent": agent, **HEADERS})] * times
    return times


def _fetch_all(broadcast: Broadcast, running: Workers, port: int, random: Random, kills: int) -> TrackRun:
    readers = _readers(broadcast, port, random)
    copies = Delivery.objects.filter(message__broadcast=broadcast)

    def missing() -> int:
        unopened = copies.filter(status=Delivery.Status.SENT, opened_at=None).count()
        return unopened + readers.clicked - copies.exclude(clicked_at=None).count() + Hit.objects.count()

    seconds, same = call_all(
        readers.requests, missing, running, port, what="hits", most=LAST_TAKEN, random=random, kills=kills
    )
    return TrackRun(
        hits=len(readers.requests),
        counted_seconds=seconds - DELAY,
        is_consistent=retry_while_away(lambda: _is_consistent(broadcast, readers, repeated=same["repeats"])),
        **same,
    )


def _is_consistent(broadcast: Broadcast, readers: Readers, repeated: int) -> bool:
    """Tell whether counters, links and events agree; a hit that was repeated may be stored twice."""
    counts = stats.counts([broadcast])[broadcast.pk]
    rows = Link.objects.filter(message__broadcast=broadcast)
    clicks, persons = (sum(rows.values_list(name, flat=True)) for name in ("clicks", "people"))
    events = DeliveryEvent.objects.filter(delivery__message__broadcast=broadcast, machine=False)
    return (
        (counts["opened"], counts["clicked"], persons) == (readers.opened, readers.clicked, readers.clicked)
        and _within(clicks, readers.clicks, repeated)
        and _within(events.count(), len(readers.requests), repeated)
    )


def _within(value: int, least: int, more: int) -> bool:
    return least <= value <= least + more
