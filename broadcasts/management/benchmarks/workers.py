"""Workers started by `manage.py work`, as an operator does, with their CPU time and memory."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from django.conf import settings
from django.core.management.base import CommandError

from broadcasts import health
from broadcasts.management import serving
from broadcasts.models import Batch, Heartbeat
from broadcasts.processes import Child

from . import HOST, processes

START_SECONDS = 60
STOP_SECONDS = 40


class Workers:
    """`manage.py work`: a supervisor, and the cluster below it."""

    def __init__(self, pumps: int, name: str = "work", command: Sequence[str] = ("work",)) -> None:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *command, "--pumps", str(pumps)]
        self.pumps = pumps
        self.supervisor = Child("workers", command)
        self.log = Path(settings.DATA_DIR) / f"{name}.log"
        self.memory: dict[int, int] = {}

    def start(self) -> None:
        with self.log.open("a") as self.supervisor.output:
            self.supervisor.start()

    def wait(self) -> None:
        """Wait until a task has run."""
        deadline = time.monotonic() + START_SECONDS
        while not Heartbeat.objects.filter(name=health.CLUSTER).exists():
            if not self.supervisor.is_running or time.monotonic() > deadline:
                raise CommandError(f"The workers did not start.\n{self.last_words()}")
            time.sleep(0.1)

    def stop(self) -> bool:
        """Stop them as an operator does; False when they had to be killed."""
        self.supervisor.ask_to_stop()
        in_time = self.supervisor.wait(STOP_SECONDS)
        self.supervisor.kill()
        return in_time

    def kill(self) -> None:
        """Kill all of them at once."""
        for pid in [self.pid, *self.cluster()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.supervisor.kill()

    @property
    def pid(self) -> int:
        assert self.supervisor.process is not None
        return self.supervisor.process.pid

    def cluster(self) -> list[int]:
        return processes.below(self.pid)

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.cluster())

    def parts(self) -> tuple[list[int], list[int]]:
        """Return the processes of the web server, and the others below the supervisor."""
        web: list[int] = []
        others: list[int] = []
        for pid in self.cluster():
            with suppress(OSError):
                is_web = b"broadcasts.web" in Path(f"/proc/{pid}/cmdline").read_bytes()
                (web if is_web else others).append(pid)
        return web, others

    def parts_cpu_seconds(self) -> tuple[float, float]:
        """Return the processor time of the web server and of the workers, with their supervisor."""
        web, others = self.parts()
        return processes.cpu_seconds(web), processes.cpu_seconds([self.pid, *others])

    def kill_one(self, random: Random) -> str:
        """Kill a process of the web server, or one of the workers; return which."""
        web, others = self.parts()
        chosen, what = random.choice([(web, "web processes"), (others, "worker processes")])
        if not chosen:
            return "nothing"
        with suppress(ProcessLookupError):
            os.kill(random.choice(chosen), signal.SIGKILL)
        return what

    def look(self) -> None:
        """Note how much memory each has held so far."""
        self.memory |= processes.peaks(self.cluster())

    def peaks(self) -> list[int]:
        """Return the peak of each process that sent, the largest first."""
        owners = Batch.objects.exclude(owner="").values_list("owner", flat=True).distinct()
        pids = [int(owner.rpartition(":")[2]) for owner in owners]
        return sorted((self.memory[pid] for pid in pids if pid in self.memory), reverse=True)

    def last_words(self) -> str:
        return self.log.read_text()[-3000:].strip()


@contextmanager
def workers(pumps: int, name: str = "work") -> Iterator[Workers]:
    """Run workers while the block runs, beginning when they are at work."""
    with _at_work(Workers(pumps, name)) as running:
        yield running


@contextmanager
def serving_workers(pumps: int, port: int) -> Iterator[Workers]:
    """Run workers and a web server while the block runs, beginning when both are at work."""
    with _at_work(Workers(pumps, "up", ("up", "--port", str(port)))) as running:
        deadline = time.monotonic() + START_SECONDS
        while not serving.answers(HOST, port):
            if time.monotonic() > deadline:
                raise CommandError(f"The web server did not start.\n{running.last_words()}")
            time.sleep(0.1)
        yield running


@contextmanager
def _at_work(running: Workers) -> Iterator[Workers]:
    Heartbeat.objects.all().delete()  # of earlier ones
    running.start()
    try:
        running.wait()
        yield running
    finally:
        running.stop()
