"""The receiver: Postfix's smtp-sink, which takes everything and keeps nothing; and smtp-source, the mark to reach."""

import os
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from broadcasts.management import serving
from broadcasts.processes import Child

from . import HOST
from .distance import HERE, ServerPlace

SESSIONS = 8
START_SECONDS = 10
SOURCE_MESSAGES = (5_000, 50_000)  # at least and at most
FAR_MESSAGES = (500, 2_000)  # to a server that is far away


def tool(name: str) -> str:
    """Find one of Postfix's tools; it keeps them where only root's PATH looks."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/libexec/postfix")
    if path is None:
        raise CommandError(
            f"{name} is missing; it comes with Postfix, which need not run. "
            "Debian and Ubuntu: apt install postfix; Fedora: dnf install postfix; Alpine: apk add postfix"
        )
    return path


def as_nobody() -> list[str]:
    return ["-u", "nobody"] if os.geteuid() == 0 else []


@dataclass
class Sink:
    """An smtp-sink that listens."""

    port: int
    log: Path
    pid: int
    place: ServerPlace = HERE

    def pids(self) -> list[int]:
        return [self.pid, *self.place.pids]

    def received(self) -> int:
        """Return how many messages it took so far."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 400))
            found = re.findall(rb"mesg=(\d+)", file.read())
        return int(found[-1]) if found else 0

    def source(self, n: int, size: int, sessions: int = SESSIONS) -> tuple[float, float]:
        """Return the messages/s that smtp-source hands over, all the same, and its processor time in us for each."""
        least, most = SOURCE_MESSAGES if self.place == HERE else FAR_MESSAGES
        n = min(max(n, least), most)
        command = [tool("smtp-source"), "-s", str(sessions), "-d", "-l", str(size), "-m", str(n)]
        begun, before = time.monotonic(), _of_children()
        done = subprocess.run(  # noqa: S603
            [*command, "-f", "from@club.example", "-t", "to@club.example", f"{self.place.host}:{self.port}"],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise CommandError(f"smtp-source failed: {done.stderr.strip()}")
        return n / (time.monotonic() - begun), (_of_children() - before) / n * 1e6


def _of_children() -> float:
    """Return the processor time of children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def sink(place: ServerPlace = HERE) -> Iterator[Sink]:
    """Run an smtp-sink on this machine while the block runs."""
    host, port = place.host, serving.free_port(HOST, 2525)
    child = Child("receiver", [*place.command, tool("smtp-sink"), "-c", *as_nobody(), f"{host}:{port}", "1000"])
    log = Path(settings.DATA_DIR) / "sink.log"
    with log.open("w") as child.output:
        try:
            child.start()
            deadline = time.monotonic() + START_SECONDS
            while not serving.answers(host, port):
                if not child.is_running or time.monotonic() > deadline:
                    raise CommandError(f"smtp-sink did not start: {log.read_text().strip()}")
                time.sleep(0.05)
            yield Sink(port, log, child.process.pid if child.process else 0, place)
        finally:
            child.kill()
