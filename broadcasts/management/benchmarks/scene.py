"""What the faults of `bench chaos` act on: a broadcast that is being sent, who sends it and who receives it."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, connection

from broadcasts import sending, stats
from broadcasts.management.progress import MOVING
from broadcasts.models import Batch, Broadcast, Channel
from broadcasts.transports import Transport

from . import processes
from .kinds import KINDS, BenchKind
from .receiver import Receiver
from .workers import Workers

LOOK_SECONDS = 0.1
REACH_SECONDS = 120
STUCK_SECONDS = 90  # without progress for so long, a person would have to intervene
REST_SECONDS = 20
MOST_HELP = 3  # times that a paused broadcast is resumed

Answer = TypeVar("Answer")


def retry_while_away(look: Callable[[], Answer]) -> Answer:
    """Look into a database that may be away."""
    deadline = time.monotonic() + STUCK_SECONDS
    while True:
        try:
            return look()
        except DatabaseError:
            if time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(LOOK_SECONDS)


@dataclass
class Scene:
    """A broadcast under a fault; the fault records here its actions and their permitted effects."""

    broadcast: Broadcast
    receiver: Receiver
    crews: list[Workers]
    random: Random
    n: int
    chain: Sequence[BenchKind] = (KINDS["email"],)
    kills: int = 0  # how many workers the fault `workers` kills; 0: as many as it can while a lease lasts
    events: Counter[str] = field(default_factory=Counter)
    may_be_unknown: int = 0
    must_fail: frozenset[str] = frozenset()  # addresses
    musts: list[tuple[str, bool]] = field(default_factory=list)
    humans: int = 0
    seconds_to_go_on: float | None = None  # since the last fault
    seconds_to_end: float | None = None

    @property
    def crew(self) -> Workers:
        return self.crews[0]

    @cached_property
    def channels(self) -> list[Channel]:
        return [message.channel for message in self.broadcast.messages.order_by("position") if message.channel]

    @cached_property
    def transport(self) -> Transport:
        return self.channels[0].transport()

    @cached_property
    def window(self) -> int:
        """How many copies a worker that dies can leave unknown: those that it had begun to hand over."""
        transports = [channel.transport() for channel in self.channels]
        if not self.chain[0].is_http:
            return settings.WINDOW_SIZE
        return max(0 if one.deduplicates else one.concurrency for one in transports)  # the others are sent again

    def is_over(self) -> bool:
        retry_while_away(lambda: self.broadcast.refresh_from_db(fields=["status", "completed_at"]))
        return self.broadcast.status not in MOVING

    def reach(self, share: float) -> None:
        """Wait until so much of it has arrived."""
        deadline = time.monotonic() + REACH_SECONDS
        while self.receiver.received() < share * self.n and not self.is_over() and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)

    def times(self, seconds: float, least: float, most: float) -> Iterator[None]:
        """Come again every so many seconds for a while, as long as there is something to disturb."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.is_over():
            yield
            time.sleep(self.random.uniform(least, most))

    def holders(self) -> dict[int, int]:
        """Return the workers that hold a lease, with their batches."""
        alive = {pid for crew in self.crews if crew.supervisor.is_running for pid in crew.cluster()}
        held = Batch.objects.filter(message__broadcast=self.broadcast, state=Batch.State.LEASED)
        rows = retry_while_away(lambda: list(held.values_list("owner", "pk")))
        owners = {int(owner.rpartition(":")[2]): pk for owner, pk in rows}
        return {pid: pk for pid, pk in owners.items() if pid in alive}

    def holder(self) -> int | None:
        """Wait for a worker that holds a lease, and choose one."""
        for _ in self.times(REACH_SECONDS, LOOK_SECONDS, LOOK_SECONDS):
            if found := sorted(self.holders()):
                return self.random.choice(found)
        return None

    def kill(self, pid: int, what: str, windows: int = 1) -> None:
        """Kill a process, which may cost so many windows; note how many requests the receiver was busy with."""
        with suppress(ProcessLookupError):
            under_way = self.receiver.tell().waiting
            os.kill(pid, signal.SIGKILL)
            self.events[what] += 1
            self.events["requests under way at kills"] += under_way
            self.may_be_unknown += windows * self.window

    def main(self, crew: Workers) -> int | None:
        """The main process of a cluster."""
        found = processes.families().get(crew.pid, [])
        return found[0] if found else None

    def sentinel(self, crew: Workers) -> int | None:
        main = self.main(crew)
        found = processes.families().get(main, []) if main else []
        return found[0] if found else None

    def watch(self) -> None:
        """Wait for the end after the last fault; help where nothing goes on by itself, and count that."""
        begun = moved_at = time.monotonic()
        before = last = self.counts()
        if not before["pending"]:
            self.seconds_to_go_on = 0.0
        while True:
            is_over, now = self.is_over(), self.counts()
            if self.seconds_to_go_on is None and now["sent"] > before["sent"]:
                self.seconds_to_go_on = time.monotonic() - begun
            if now != last:
                last, moved_at = now, time.monotonic()
            if self.broadcast.status == Broadcast.Status.PAUSED and self.humans < MOST_HELP:
                self.humans += 1
                sending.resume(self.broadcast)
            elif is_over:
                self.seconds_to_end = time.monotonic() - begun
                return
            elif time.monotonic() > moved_at + STUCK_SECONDS:
                self.humans += 1
                return
            time.sleep(LOOK_SECONDS)

    def rest(self) -> None:
        """Wait until the receiver has replied to every message, and record its counts."""
        deadline = time.monotonic() + REST_SECONDS
        while (told := self.receiver.tell()).waiting and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        self.events += Counter({"connections dropped": told.drops, "messages put off": told.laters})
        self.may_be_unknown += told.drops_late

    def counts(self) -> dict[str, int]:
        return retry_while_away(lambda: stats.counts([self.broadcast])[self.broadcast.pk])
