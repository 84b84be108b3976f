"""`bench send`: how fast a broadcast leaves, beside what the same machine does without us.

Mail is compared with bare SMTP and a plain Django loop, the other kinds with bare aiohttp.
"""

import json
import statistics
import time
from argparse import ArgumentParser, ArgumentTypeError
from functools import partial
from typing import Any, Self

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.db.models import Max, Min

from broadcasts import drafting, rendering, sending, stats
from broadcasts.management import serving
from broadcasts.management.progress import SendingBar
from broadcasts.management.serving import LOOPBACK
from broadcasts.models import TRACKED, Batch, Broadcast, Contact, Delivery, Organization, Segment, Syntax
from broadcasts.transports import Envelope
from broadcasts.transports.email.account import CONNECTIONS

from . import bare_http, content, people, plain_loop, processes
from .distance import NETWORK
from .figures import Figures, cost_ratios, medians, table
from .kinds import CHAINS, KINDS, BenchKind
from .postfix import mail_server
from .receiver import Receiver, receiver
from .room import Room, is_inside, leave
from .sink import SESSIONS, Sink, tool
from .workers import Workers, workers

HELP = "Send a personal broadcast to a local receiver and print how fast it went, with what to compare it with."
SYNTAXES = (Syntax.LIQUID.value, Syntax.EXPRESSIONS.value)
FORMATS = ("html", "blocks", "blocks-html")  # the last: what the blocks make, as HTML that was typed
SERVERS = {"sink": "smtp-sink", "postfix": "postfix"}  # with the tool that each needs
LATENCY = 0.1  # seconds that a provider takes for a request
LOOK_SECONDS = 0.2
STUCK_SECONDS = 120
SMALL = 50  # people of a broadcast that is sent while a third of the big one is out
LARGE = 50_000  # contacts, from which on that is tried


def number(text: str, least: int = 1) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ArgumentTypeError(f"“{text}” is not a number of at least {least}")
    return int(text)


def numbers(text: str) -> list[int]:
    return [number(part.strip()) for part in text.split(",")]


def add_arguments(parser: ArgumentParser) -> None:
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument("--contacts", type=number, default=10_000, metavar="N", help="default: 10000")
    how_many.add_argument("--sizes", type=numbers, metavar="N,N", help="several numbers of contacts, one after another")
    parser.add_argument("--repeat", type=number, default=1, metavar="N", help="runs of each size; medians are told")
    parser.add_argument(
        "--pumps", type=number, metavar="N", help="batches sent at once; default: PUMPS for mail on PostgreSQL, else 1"
    )
    parser.add_argument(
        "--channel", choices=KINDS, default="email", help="default: email; the others to a provider that takes 100 ms"
    )
    parser.add_argument(
        "--syntax", choices=SYNTAXES, default=Syntax.LIQUID, help="how the message is written; default: liquid"
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="html", help="of mail; blocks-html: the HTML that the blocks make, typed"
    )
    parser.add_argument(
        "--tracked", action="store_true", help="measure opens and clicks of mail: links, picture, hidden link"
    )
    parser.add_argument(
        "--server", choices=SERVERS, default="sink", help="of mail: sink takes it and keeps nothing; postfix queues it"
    )
    parser.add_argument(
        "--latency",
        type=partial(number, least=0),
        default=0,
        metavar="MS",
        help="that a round trip to the mail server takes; default: 0",
    )
    parser.add_argument(
        "--in-flight", type=number, default=1, metavar="N", help="messages on each connection, by CHUNKING; default: 1"
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    kind = KINDS[options["channel"]]
    default = 1 if kind.is_http or connection.vendor != "postgresql" else settings.PUMPS
    pumps = options["pumps"] or default
    if is_inside():
        what = kind, options["contacts"], pumps, options["syntax"]
        mail = (options[name] for name in ("tracked", "format", "server", "latency", "in_flight"))
        leave(measure_http(*what) if kind.is_http else measure(*what, *mail))
        return
    for name in () if kind.is_http else (SERVERS[options["server"]], "smtp-source"):
        tool(name)
    machine = {**processes.machine(), "pumps": pumps, "channel": kind.name, "syntax": options["syntax"]}
    machine |= {name: options[name] for name in ("tracked", "format", "server", "latency", "in_flight")}
    flags = ["--tracked"] if options["tracked"] else []
    if not options["json"]:
        load = " ".join(f"{load:.2f}" for load in machine["load"])
        words = "{cpu}, {cores} cores; {database}; Python {python}; pumps: {pumps}; {channel}; {syntax}".format_map(
            machine
        )
        words += "; tracked" if options["tracked"] else ""
        words += f"; {options['format']}" if options["format"] != "html" else ""
        if is_service(options):
            words += f"; {options['server']}, {options['latency']} ms away, {options['in_flight']} in flight"
        command.stdout.write(f"{words}; load average: {load}")
        command.stdout.flush()
    runs: list[Figures] = []
    # The address policy lets nobody else reach what is far away on this machine.
    reach = {"OPEN_NETWORKS": f"{LOOPBACK},{NETWORK}"} if options["latency"] else {}
    sizes = options["sizes"] or [options["contacts"]]
    for _ in range(options["repeat"]):
        for size in sizes:
            with Room(**reach) as room:
                arguments = {"contacts": size, "pumps": pumps, "channel": kind.name, "syntax": options["syntax"]}
                arguments |= {name: options[name] for name in ("format", "server", "latency")}
                arguments["in-flight"] = options["in_flight"]
                given = [*flags, *(f"--{name}={value}" for name, value in arguments.items())]
                found = room.run("bench", "send", *given)
            runs.append(Figures(**found))
    told = [medians([run for run in runs if run.contacts == size]) for size in sizes]
    if options["json"]:
        document = {
            "machine": machine,
            "runs": [run.as_json() for run in runs],
            "medians": [one.as_json() for one in told],
            "cost_ratios": cost_ratios(told),
        }
        command.stdout.write(json.dumps(document, indent=2))
    else:
        if options["repeat"] > 1:
            command.stdout.write(f"Medians of {options['repeat']} runs:")
        command.stdout.write(table(told))


def is_service(options: dict[str, Any]) -> bool:
    """Tell whether mail goes to a server as those in service are, real or far away."""
    return options["server"] != "sink" or options["latency"] > 0


def measure(
    kind: BenchKind,
    n: int,
    pumps: int,
    syntax: str,
    tracked: bool,
    format: str,
    server: str,
    latency: int,
    in_flight: int,
) -> dict[str, Any]:
    """Do one run, in a room."""
    serving.prepare()
    club = make_club()
    people.load(club, n)
    is_mark = server == "sink" and not latency
    with mail_server(server, latency) as taker:
        account: dict[str, Any] = {"host": taker.place.host, "in_flight": in_flight}
        broadcast = make_broadcast(club, taker.port, syntax=syntax, tracked=tracked, **account)
        if format != "html":
            write_blocks(broadcast, as_typed=format == "blocks-html")
        size = message_size(broadcast)
        sessions = SESSIONS if is_mark else pumps * CONNECTIONS
        source_rate, source_cpu_us = taker.source(n, int(size), sessions)
        loop_rate = plain_loop.rate(club, n, taker.port) if is_mark else None
        with workers(pumps) as running, Parties(running, taker) as parties:
            ours = send(broadcast, taker, running)
    theirs = {"source_rate": source_rate, "source_cpu_us": source_cpu_us, "loop_rate": loop_rate}
    theirs["sessions"] = None if is_mark else sessions
    return {"contacts": n, "message_bytes": size, **theirs, **ours, **parties.told}


def measure_http(kind: BenchKind, n: int, pumps: int, syntax: str) -> dict[str, Any]:
    """Do one run of a kind that is spoken to by HTTP, in a room."""
    serving.prepare()
    club = make_club()
    people.load(club, n)
    connections.close_all()  # the receiver's process is to inherit none
    with receiver(1, kind.receiver, latency=LATENCY) as provider:
        broadcast = make_broadcast(club, provider.port, kind.name, syntax=syntax)
        transport = club.channels.get().transport()
        calls = [transport.call(envelope) for envelope in envelopes(broadcast)]  # type: ignore[attr-defined]
        bare = bare_http.run(calls, min(n, bare_http.MOST), transport.concurrency)
        pid = provider.process.pid or 0
        before = processes.cpu_seconds([pid])
        with workers(pumps) as running:
            ours = send(broadcast, provider, running)
        theirs = processes.cpu_seconds([pid]) - before
    return {
        "contacts": n,
        "message_bytes": statistics.mean(len(call.body) for call in calls),
        "ceiling_rate": pumps * transport.concurrency / LATENCY,
        "bare_rate": bare.rate,
        "bare_cpu_seconds": bare.cpu_seconds * n / bare.n,
        "receiver_cpu_seconds": theirs,
        **ours,
    }


class Parties:
    """The processor time of all who work at a broadcast while it is sent, and of those who do not."""

    def __init__(self, running: Workers, taker: Sink) -> None:
        self.running, self.taker = running, taker

    def _used(self) -> dict[str, float]:
        database = processes.database_pids()  # a server has a process for each connection
        used = {"sink": processes.cpu_seconds(self.taker.pids()), "bench": time.process_time()}
        return used | {"database": processes.cpu_seconds(database)} if database else used

    def _look(self) -> tuple[dict[str, float], processes.MachineLoad]:
        used = self._used()
        return used, processes.MachineLoad.now(sum(used.values()) + self.running.cpu_seconds())

    def __enter__(self) -> Self:
        self.begun = self._look()
        return self

    def __exit__(self, *exc_info: object) -> None:
        (before, begun), (after, ended) = self.begun, self._look()
        self.told = {f"{name}_cpu_seconds": after[name] - before[name] for name in before}
        self.told["others_share"] = ended.others_since(begun)


def make_club(slug: str = "bench") -> Organization:
    return Organization.objects.create(
        name="Swimming Club",
        slug=slug,
        languages=list(people.LANGUAGES),
        country="ES",
        postal_address="Swimming Club, 1 Pool Lane, Springfield",
    )


def make_broadcast(
    club: Organization,
    port: int,
    chain: str = "email",
    syntax: str = Syntax.LIQUID,
    tracked: bool = False,
    **account: Any,
) -> Broadcast:
    """Make a draft to everybody but those who left, by a kind of channel or by a chain of several."""
    messages = []
    for kind in CHAINS[chain]:
        channel = kind.make_channel(club, port, **account)
        messages.append({"channel": channel, **written(kind.message(channel), syntax)})
    left = Segment.objects.create(organization=club, name="Left", rules={"attributes__plan": people.LEFT})
    values = {
        "name": "Bench",
        "send_to_all": True,
        "excluded_segments": [left],
        "base_language": people.LANGUAGES[0],
        "messages": messages,
        **dict.fromkeys(TRACKED.values(), tracked),
    }
    if len(messages) > 1:
        values["channel_policy"] = "fallback"
    return drafting.save(Broadcast(organization=club), values)


def write_blocks(broadcast: Broadcast, *, as_typed: bool) -> None:
    """Write the content as blocks; or as the HTML that they make, as if it was typed."""
    message = broadcast.messages.get()
    texts = {one.language: {"subject": one.subject, "text": one.text} for one in message.translations.all()}
    contents = {language: {**said, **content.blocks(language)} for language, said in texts.items()}
    drafting.save(broadcast, {"messages": [{"uuid": message.uuid, "translations": contents}]})
    if as_typed:
        contents = {one.language: {**texts[one.language], "html": one.html} for one in message.translations.all()}
        drafting.save(broadcast, {"messages": [{"uuid": message.uuid, "translations": contents}]})


def make_small(beside: Broadcast) -> Broadcast:
    """Make a broadcast to few, on the same channel."""
    club = beside.organization
    values = {
        "name": "Bench, a small one",
        "contacts": list(Contact.objects.for_organization(club).order_by("id")[:SMALL]),
        "base_language": people.LANGUAGES[0],
        "messages": [_same(beside)],
        **{name: getattr(beside, name) for name in TRACKED.values()},
    }
    return drafting.save(Broadcast(organization=club), values)


def written(message: dict[str, Any], syntax: str) -> dict[str, Any]:
    """Return what a message says, which is written in Liquid, in a syntax."""
    return {**message, **content.as_expressions(message), "syntax": syntax} if syntax == Syntax.EXPRESSIONS else message


def _same(beside: Broadcast) -> dict[str, Any]:
    message = beside.messages.get()
    assert message.channel is not None
    return {"channel": message.channel, **written(KINDS[message.channel.kind].message(message.channel), message.syntax)}


def envelopes(broadcast: Broadcast) -> list[Envelope]:
    """Return a copy in each language."""
    message = broadcast.messages.get()
    assert message.channel is not None
    compiled, column = rendering.compile_message(message), KINDS[message.channel.kind].column
    some = [Contact.objects.filter(language=language).earliest("id") for language in people.LANGUAGES]
    return [compiled.envelope(rendering.Recipient("0" * 16, getattr(one, column), one.language, one)) for one in some]


def message_size(broadcast: Broadcast) -> float:
    """Return the mean size of a copy, over the languages."""
    return statistics.mean(len(copy.mime) for copy in envelopes(broadcast))


def send(broadcast: Broadcast, taker: Sink | Receiver, running: Workers) -> dict[str, Any]:
    """Send, wait for the end, and read from the log when each thing happened."""
    small = make_small(broadcast) if broadcast.organization.contacts.count() >= LARGE else None
    received_before, cpu_before = taker.received(), running.cpu_seconds()
    begun = time.time()
    sending.send(broadcast)
    reads = watch(broadcast, running, small)
    cpu_seconds = running.cpu_seconds() - cpu_before
    check([broadcast, small] if small else [broadcast], taker.received() - received_before)
    log = Delivery.objects.filter(message__broadcast=broadcast)
    moments = log.aggregate(first=Min("sent_at"), last=Max("sent_at"))
    expanded = Batch.objects.filter(message__broadcast=broadcast).aggregate(last=Max("created"))["last"]
    assert broadcast.started_at is not None
    return {
        "seconds": (moments["last"] - broadcast.started_at).total_seconds(),
        "first_seconds": (moments["first"] - broadcast.started_at).total_seconds(),
        "expand_seconds": expanded.timestamp() - begun,
        "cpu_seconds": cpu_seconds,
        "progress_ms": 1000 * statistics.median(reads),
        "peaks": running.peaks(),
        "small_seconds": small_seconds(small) if small else None,
    }


def small_seconds(small: Broadcast) -> float:
    """Return how long a broadcast took from send() to its last message."""
    last = Delivery.objects.filter(message__broadcast=small).aggregate(last=Max("sent_at"))["last"]
    assert small.started_at is not None
    return (last - small.started_at).total_seconds()


def watch(broadcast: Broadcast, running: Workers, small: Broadcast | None = None) -> list[float]:
    """Wait until every delivery has an outcome; return how long each reading of the counts took.

    A small broadcast is sent when a third of the big one is out, and waited for too.
    """
    shown = SendingBar(broadcast)
    third = broadcast.organization.contacts.count() / 3
    reads: list[float] = []
    last, moved_at = (0, 0), time.monotonic()
    try:
        while not shown.update() or (small and not is_sent(small)):
            running.look()
            begun = time.perf_counter()
            counts = stats.counts([broadcast])[broadcast.pk]
            reads.append(time.perf_counter() - begun)
            if small and small.started_at is None and counts["sent"] > third:
                sending.send(small)
            now = (counts["recipients"], counts["pending"])
            if now != last:
                last, moved_at = now, time.monotonic()
            if not running.supervisor.is_running or time.monotonic() > moved_at + STUCK_SECONDS:
                raise CommandError(f"Nothing is being sent any more.\n{running.last_words()}")
            time.sleep(LOOK_SECONDS)
        running.look()
    finally:
        shown.close()
    return reads


def is_sent(small: Broadcast) -> bool:
    small.refresh_from_db()
    return small.status == Broadcast.Status.SENT


def check(broadcasts: list[Broadcast], received: int) -> None:
    """Raise an error if not every recipient got exactly one copy: then the speed is meaningless."""
    wanted = sum(numbers["recipients"] for numbers in stats.counts(broadcasts).values())
    sent = Delivery.objects.filter(message__broadcast__in=broadcasts, status=Delivery.Status.SENT).count()
    if not wanted == sent == received:
        raise CommandError(
            f"Of {wanted:,} recipients, {sent:,} are logged as sent; the receiver got {received:,} messages."
        )
