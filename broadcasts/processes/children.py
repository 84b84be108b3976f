"""Child processes: each leads its own process group, so that the group can be ended with it.

On Linux the kernel signals children when their supervisor dies. Processes of a killed supervisor are found by a mark in
their environment, and ended at the next start.
"""

import ctypes
import fcntl
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from django.conf import settings

log = logging.getLogger(__name__)

MARK = "BROADCASTS_SUPERVISOR"
STOP_SECONDS = 30  # for windows to end and requests to be answered
STEADY_SECONDS = 60  # after a longer run, the pause before a restart is reset
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """A process with its group; `watch` restarts it after it has died."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment or {})
        self.output: TextIO | None = None
        self.process: subprocess.Popen | None = None
        self.started_at = 0.0
        self.start_at = 0.0
        self.deaths = 0  # in a row
        self.inherited: tuple[int, ...] = ()  # open files, by their numbers

    def start(self) -> None:
        parent = os.getpid()

        def follow_parent() -> None:
            if _libc:
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != parent:
                    os._exit(1)

        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            cwd=settings.BASE_DIR,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
            preexec_fn=follow_parent,
            pass_fds=self.inherited,
        )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def watch(self) -> None:
        """Start the process when due; if it died, end its group and restart it after a growing pause."""
        if self.is_running:
            return
        if self.process is not None:
            self.kill()
            self.deaths = self.deaths + 1 if time.monotonic() < self.started_at + STEADY_SECONDS else 1
            pause = min(2 ** (self.deaths - 1), 30)
            self.start_at = time.monotonic() + pause
            log.error("The %s died; it is started again in %s s", self.name, pause)
        elif time.monotonic() >= self.start_at:
            self.started_at = time.monotonic()
            self.start()

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the main process only; sent to the whole group, it would interrupt work in progress."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process; return False if it takes longer."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kill the whole group."""
        if self.process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None


@contextmanager
def registered() -> Iterator[Path]:
    """Register a supervisor while the block runs, after ending the processes of dead ones; yields its stop file.

    The name of the file is the mark of this supervisor; when the file exists, workers end after their current window. A
    supervisor is alive while it holds the lock on its lock file; process ids may be reused.
    """
    folder = Path(settings.DATA_DIR) / "run"
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.lock"):
        with suppress(OSError), path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stop = path.with_suffix(".stop")
            stop.touch()
            end_leftovers(path.stem)
            forget(path, stop)
    path = folder / f"{secrets.token_hex(8)}.lock"
    stop = path.with_suffix(".stop")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield stop
        finally:
            forget(path, stop)


def forget(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def end_leftovers(mark: str, seconds: float = STOP_SECONDS) -> int:
    """End the processes with a mark: by SIGTERM to the leader of a group, by SIGKILL if the leader is gone."""
    found = marked(mark)
    if not found:
        return 0
    log.warning("Ending %s processes of a supervisor that was killed", len(found))
    for pid in found:
        with suppress(ProcessLookupError):
            leader = os.getpgid(pid)
            if leader == pid:
                os.kill(pid, signal.SIGTERM)
            elif leader not in found:
                os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + seconds
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def marked(mark: str) -> set[int]:
    """Return the ids of processes with a mark; an empty set on systems without /proc."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
    return found - {os.getpid()}
