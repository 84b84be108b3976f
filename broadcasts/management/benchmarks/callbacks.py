"""`bench callbacks`: how fast a provider's calls are taken in and applied, and whether any is lost under kill -9."""

import json
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from broadcasts import links, sending, stats
from broadcasts.catcher import cloud
from broadcasts.management import serving
from broadcasts.management.progress import bar
from broadcasts.models import Broadcast, Channel, Delivery, ProviderRef

from . import HOST, people, processes
from .caller import CONNECTIONS, Caller, Told, request
from .figures import Target, columns, row_of
from .kinds import KINDS
from .receiver import receiver
from .room import Room, is_inside, leave
from .scene import retry_while_away
from .send import make_broadcast, make_club, number, watch
from .workers import Workers, serving_workers

HELP = "Call back about a broadcast by WhatsApp, then again while web server and workers are killed, and count."
LOOK_SECONDS = 0.2
STUCK_SECONDS = 120
KILL_EVERY = (1.0, 2.5)  # seconds at least
NEVER = "1000000000"  # so many in an hour: they are counted, and the limit is not reached
RATE, ANSWER = Target(500, 1500), Target(50, 10)
COLUMNS = {"delivered": "delivered_at", "read": "opened_at"}  # what is called -> where it is found in the log


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--contacts", type=number, default=10_000, metavar="N", help="calls of each kind; default: 10000"
    )
    parser.add_argument("--pumps", type=number, default=settings.PUMPS, metavar="N", help="default: PUMPS")
    parser.add_argument(
        "--rate",
        type=int,
        default=0,
        metavar="N",
        help="calls that the provider makes in a second, whether they are answered or not; default: on each of "
        f"{CONNECTIONS} connections the next one once the last one is answered",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of what is left to chance")
    parser.add_argument("--json", action="store_true", help="for machines")


@dataclass(frozen=True, kw_only=True)
class CallRound:
    """One round of calls, one about each copy."""

    fact: str
    calls: int
    taken_seconds: float  # until all were answered
    applied_seconds: float  # until all were facts of the log
    caller_cpu_us: float  # per call
    web_cpu_us: float | None  # per call; None: some were killed, and their time is gone
    worker_cpu_us: float | None
    median_ms: float
    slow_ms: float
    repeats: int
    kills: dict[str, int]
    lost: int
    counted: int  # in the broadcast's own figures

    @property
    def is_kept(self) -> bool:
        return self.lost == 0 and self.counted == self.calls


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    if is_inside():
        leave([asdict(phase) for phase in measure(options)])
        return
    machine = {**processes.machine(), "pumps": options["pumps"]}
    arguments = [f"--{name}={options[name]}" for name in ("contacts", "pumps", "rate", "seed")]
    with Room(CALLBACKS_PER_HOUR=NEVER, CALLBACK_MB_PER_HOUR=NEVER[:-3]) as room:
        phases = [CallRound(**one) for one in room.run("bench", "callbacks", *arguments)]
    if options["json"]:
        document = {"machine": machine, "phases": [asdict(phase) | {"is_kept": phase.is_kept} for phase in phases]}
        command.stdout.write(json.dumps(document, indent=2))
    else:
        words = "{cpu}, {cores} cores; {database}; Python {python}; pumps: {pumps}".format_map(machine)
        command.stdout.write(f"{words}\n{table(phases)}")
    if broken := [phase.fact for phase in phases if not phase.is_kept]:
        raise CommandError(f"Calls were lost or counted twice: {', '.join(broken)}.")


def table(phases: list[CallRound]) -> str:
    row = partial(row_of, phases)
    names = [f"{one.fact}{', under kills' if one.kills else ''}    " for one in phases]
    rows = [
        ("calls", *names, "at least", "aim"),
        row("calls", lambda one: f"{one.calls:,}"),
        row("calls/s taken in", lambda one: f"{one.calls / one.taken_seconds:,.0f}"),
        row(
            "calls/s taken in and applied",
            lambda one: f"{one.calls / one.applied_seconds:,.0f}",
            RATE,
            lambda one: one.calls / one.applied_seconds,
        ),
        row("ms to an answer, median", lambda one: f"{one.median_ms:.1f}", ANSWER, lambda one: one.median_ms),
        row("ms to an answer, 99 of 100", lambda one: f"{one.slow_ms:.1f}"),
        row("CPU us per call, web server", lambda one: "-" if one.web_cpu_us is None else f"{one.web_cpu_us:,.0f}"),
        row("  workers", lambda one: "-" if one.worker_cpu_us is None else f"{one.worker_cpu_us:,.0f}"),
        row("  the caller's beside it", lambda one: f"{one.caller_cpu_us:,.0f}"),
        row("calls that had to be repeated", lambda one: f"{one.repeats:,}"),
        row("killed", lambda one: ", ".join(f"{n} {what}" for what, n in one.kills.items()) or "-"),
        row("lost", lambda one: f"{one.lost:,}"),
        row("counted", lambda one: f"{one.counted:,}"),
    ]
    return columns(rows)


def measure(options: dict[str, Any]) -> list[CallRound]:
    """Send a broadcast, and have its provider call back about it, in a room."""
    n, random = options["contacts"], Random(options["seed"])  # noqa: S311  (chance, not secrecy)
    serving.prepare()
    club, port = make_club(), serving.free_port(HOST, 18_000)
    people.load(club, n)
    connections.close_all()  # the receiver's process is to inherit none
    kind = KINDS["whatsapp"]
    with receiver(options["seed"], kind.receiver) as provider:
        broadcast = make_broadcast(club, provider.port, kind.name)
        with serving_workers(options["pumps"], port) as running:
            sending.send(broadcast)
            watch(broadcast, running)
            phase = partial(
                _phase, broadcast=broadcast, running=running, port=port, random=random, rate=options["rate"]
            )
            return [phase("delivered", kills=False), phase("read", kills=True)]


def _phase(
    fact: str, *, broadcast: Broadcast, running: Workers, port: int, random: Random, rate: int, kills: bool
) -> CallRound:
    channel = broadcast.messages.get().channel
    assert channel is not None
    requests = _requests(channel, fact, port)
    random.shuffle(requests)
    copies = Delivery.objects.filter(message__broadcast=broadcast, status=Delivery.Status.SENT)
    missing = copies.filter(**{f"{COLUMNS[fact]}__isnull": True})
    applied, same = call_all(requests, missing.count, running, port, rate=rate, random=random if kills else None)
    counted = stats.counts([broadcast])[broadcast.pk][COLUMNS[fact].removesuffix("_at")]
    return CallRound(fact=fact, calls=len(requests), applied_seconds=applied, counted=counted, **same)


def call_all(
    requests: Sequence[bytes],
    missing: Callable[[], int],
    running: Workers,
    port: int,
    *,
    what: str = "calls",
    rate: int = 0,
    most: int = 299,
    random: Random | None = None,
    kills: int | None = None,
) -> tuple[float, dict[str, Any]]:
    """Make all calls; return the seconds until none was missing in the log, and the figures that all such runs have.

    With `random`, processes are killed meanwhile: so many, or as many as there is time for.
    """
    used, begun = running.parts_cpu_seconds(), time.perf_counter()
    connections.close_all()  # the caller's process is to inherit none
    caller = Caller(port, requests, rate, most)
    try:
        told, killed = _watch(caller, missing, running, random, kills)
    finally:
        caller.kill()
    seconds, n = time.perf_counter() - begun, len(requests)
    if told is None or told.given_up:
        answers = told.statuses if told else "none"
        raise CommandError(f"The {what} did not come to their end; answers: {answers}.\n{running.last_words()}")
    web_us, worker_us = ((now - then) / n * 1e6 for now, then in zip(running.parts_cpu_seconds(), used, strict=True))
    return seconds, {
        "taken_seconds": told.seconds,
        "caller_cpu_us": told.cpu_seconds / n * 1e6,
        "web_cpu_us": None if killed else web_us,
        "worker_cpu_us": None if killed else worker_us,
        "median_ms": told.median_ms,
        "slow_ms": told.slow_ms,
        "repeats": told.repeats,
        "kills": dict(killed),
        "lost": retry_while_away(missing),
    }


def _watch(
    caller: Caller, missing: Callable[[], int], running: Workers, random: Random | None, kills: int | None
) -> tuple[Told | None, Counter[str]]:
    """Wait until all calls are answered and none is missing in the log, or nothing moves."""
    told: Told | None = None
    killed: Counter[str] = Counter()
    killed_at = moved_at = time.perf_counter()
    wait, left = 0.0, retry_while_away(missing)
    with bar(total=left, unit=" calls", desc="Calling back") as shown:
        while (told is None or left) and time.perf_counter() < moved_at + STUCK_SECONDS:
            time.sleep(LOOK_SECONDS)
            if told is None and caller.is_done:
                told = caller.told()
            if (now := retry_while_away(missing)) != left:
                shown.update(left - now)
                left, moved_at = now, time.perf_counter()
            # Only once calls are applied again, so that all have a chance to be.
            is_time = moved_at > killed_at and time.perf_counter() > killed_at + wait
            if random and told is None and is_time and (kills is None or killed.total() < kills):
                killed[running.kill_one(random)] += 1
                killed_at, wait = time.perf_counter(), random.uniform(*KILL_EVERY)
    return told, killed


def _requests(channel: Channel, fact: str, port: int) -> list[bytes]:
    """Return a signed call about each copy of a channel."""
    path, account = urlsplit(channel.callback_url).path, channel.transport().settings
    known = dict(ProviderRef.objects.filter(channel=channel).values_list("delivery", "provider_id").iterator())
    rows = Delivery.objects.filter(pk__in=known).values_list("pk", "address").iterator()
    ids = account["phone_number_id"], account["business_account_id"]
    bodies = (cloud.statuses(*ids, [(known[pk], address, links.delivery_token(pk))], fact) for pk, address in rows)
    return [request(path, port, *cloud.signed(body, account["app_secret"])) for body in bodies]
