"""Real workers, started as an operator starts them, with what they use up."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from broadcasts import health
from broadcasts.models import Batch, Heartbeat
from broadcasts.supervising import Child

from . import processes

START_SECONDS = 60
STOP_SECONDS = 40


class Workers:
    """`manage.py work`: a supervisor, and the cluster below it."""

    def __init__(self, supervisor: Child, log: Path) -> None:
        self.supervisor = supervisor
        self.log = log
        self.memory: dict[int, int] = {}

    def wait(self) -> None:
        """Wait until a task has run."""
        deadline = time.monotonic() + START_SECONDS
        while not Heartbeat.objects.filter(name=health.CLUSTER).exists():
            if not self.supervisor.is_running or time.monotonic() > deadline:
                raise CommandError(f"The workers did not start.\n{self.last_words()}")
            time.sleep(0.1)

    def cluster(self) -> list[int]:
        assert self.supervisor.process is not None
        return processes.below(self.supervisor.process.pid)

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.cluster())

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
def workers(pumps: int) -> Iterator[Workers]:
    """Run workers while the block runs, beginning when they are at work."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "work", "--pumps", str(pumps)]
    child = Child("workers", command)
    log = Path(settings.DATA_DIR) / "work.log"
    with log.open("w") as child.output:
        child.start()
        try:
            running = Workers(child, log)
            running.wait()
            yield running
        finally:
            child.ask_to_stop()
            child.wait(STOP_SECONDS)
            child.kill()
