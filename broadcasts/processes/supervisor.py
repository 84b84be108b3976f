"""The main loop: each second one round over the database, one check of the heartbeat, one of each process."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.db import connection

from broadcasts import sending, tasks
from broadcasts.queue import STOP_FILE
from broadcasts.schedules import ensure_schedules

from .children import MARK, STOP_SECONDS, Child, registered
from .heartbeat import HeartbeatMonitor

log = logging.getLogger(__name__)

ROUND_SECONDS = 1.0
POLL_SECONDS = 0.1
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def cluster(pumps: int) -> Child:
    """Return the process of the queue's workers; with a small SQLite cache, since they rarely read a page twice.

    Without checks, which import the API, the admin and their addresses: workers need none of these.
    """
    return Child(
        "queue cluster",
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster", "--skip-checks"],
        {
            "PUMPS": str(pumps),
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
            "SQLITE_MMAP_MB": "0",
            "SQLITE_CACHE_MB": "16",
        },
    )


class Supervisor:
    """Keeps the queue cluster and other processes running, and does the rounds, until it is stopped."""

    def __init__(self, queue: Child, *others: Child, output: Path | None = None) -> None:
        self.queue = queue
        self.children = [queue, *others]
        self.output = output
        self.heartbeat = HeartbeatMonitor()
        self.next_round = 0.0
        self.is_stopping = False
        self.is_impatient = False

    def run(self, each_turn: Callable[[], bool | None] = lambda: None) -> None:
        """Run until SIGTERM, SIGINT or SIGHUP, or until `each_turn` returns True; then stop all processes.

        A second signal kills them at once.
        """
        earlier = {number: signal.signal(number, self.on_signal) for number in SIGNALS}
        try:
            with registered() as stop_file:
                self.prepare(stop_file)
                try:
                    self.loop(each_turn)
                finally:
                    stop_file.touch()
                    self.stop()
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def prepare(self, stop_file: Path) -> None:
        guarded(ensure_schedules)
        for child in self.children:
            child.environment |= {MARK: stop_file.stem, STOP_FILE: str(stop_file)}
            if self.output:
                self.output.mkdir(parents=True, exist_ok=True)
                child.output = (self.output / f"{child.name.replace(' ', '-')}.log").open("a")

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self.is_impatient = self.is_stopping
        self.is_stopping = True

    def loop(self, each_turn: Callable[[], bool | None]) -> None:
        while not self.is_stopping:
            if time.monotonic() >= self.next_round:
                self.round()
            if each_turn():
                return
            time.sleep(POLL_SECONDS)

    def round(self) -> None:
        for child in self.children:
            guarded(child.watch)
        for step in tasks.ROUND:
            guarded(step)
        guarded(self.check_heartbeat)
        self.next_round = time.monotonic() + ROUND_SECONDS
        guarded(self.hurry)

    def hurry(self) -> None:
        """Have the next round come when the next scheduled broadcast is due, so that it begins at once."""
        left = sending.seconds_to_start()
        if left is not None:
            self.next_round = min(self.next_round, time.monotonic() + left)

    def check_heartbeat(self) -> None:
        """Kill a cluster that runs without processing tasks; `watch` restarts it."""
        if not self.queue.is_running:
            self.heartbeat.reset()
        self.heartbeat.check()
        if self.heartbeat.is_lost:
            log.error("The queue does nothing any more; its processes are ended and started again")
            self.heartbeat.reset()
            if self.queue.process is not None:
                self.queue.process.kill()

    def stop(self) -> None:
        """Ask all processes to stop, wait up to STOP_SECONDS, then kill the rest."""
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children:
            child.ask_to_stop()
        for child in self.children:
            while not child.wait(POLL_SECONDS) and time.monotonic() < deadline and not self.is_impatient:
                pass
            child.kill()
            if child.output:
                child.output.close()


def guarded(step: Callable[[], object]) -> None:
    """Run a step; an exception is logged, and the next round uses a new database connection."""
    try:
        step()
    except Exception:
        log.exception("A round of the supervisor failed; it goes on")
        connection.close()
