"""The processes of the web server, each of which is checked every second for whether it answers."""

import atexit
import logging
import os
import shutil
import socket
import sys
from pathlib import Path
from tempfile import mkdtemp

from .children import Child

log = logging.getLogger(__name__)

BACKLOG = 1024  # connections that wait to be accepted, also while processes are replaced
DEAF_AFTER = 20  # checks without a response, at one per second
BEGINS_WITHIN = 60  # checks, while a new process imports its modules
LOCK_SECONDS = "5"  # to wait for a database lock, before a request is answered with 503
QUESTION = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
ANSWER = b"HTTP/1.0 200"


class WebProcess(Child):
    """A process that serves the shared socket, and its own socket, by which the supervisor checks it like a client.

    Checks are counted, not time: a supervisor that was suspended itself draws no wrong conclusion.
    """

    def __init__(self, name: str, shared: socket.socket, folder: Path) -> None:
        self.shared, self.own = shared, listening(str(folder / name.replace(" ", "-")))
        sockets = (shared.fileno(), self.own.fileno())
        super().__init__(
            name,
            [sys.executable, "-m", "broadcasts.web", *map(str, sockets)],
            {
                "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
                "LOCK_SECONDS": os.environ.get("LOCK_SECONDS", LOCK_SECONDS),
            },
        )
        self.inherited = sockets
        self.question: socket.socket | None = None
        self.patience = BEGINS_WITHIN
        self.unanswered = 0
        self.has_answered = False  # since it was started

    def start(self) -> None:
        self.hang_up()
        self.patience, self.unanswered, self.has_answered = BEGINS_WITHIN, 0, False
        super().start()

    def watch(self) -> None:
        super().watch()
        if self.is_running and self.is_deaf():
            log.error("The %s does not answer; it is ended and started again", self.name)
            self.kill()
            self.start()

    def is_deaf(self) -> bool:
        """Send a request or look for the response, without waiting; return True after too many misses."""
        if self.question is None:
            self.ask()
        elif self.heard():
            self.hang_up()
            self.patience, self.unanswered, self.has_answered = DEAF_AFTER, 0, True
            return False
        self.unanswered += 1
        return self.unanswered > self.patience

    def ask(self) -> None:
        self.question = socket.socket(socket.AF_UNIX)
        self.question.setblocking(False)
        try:
            self.question.connect(self.own.getsockname())
            self.question.send(QUESTION)
        except OSError:  # the backlog is full
            self.hang_up()

    def heard(self) -> bool:
        """Tell whether the response has come; after a broken connection the request is repeated."""
        assert self.question is not None
        try:
            found = self.question.recv(len(ANSWER))
        except BlockingIOError:
            return False
        except OSError:
            found = b""
        if found != ANSWER:
            self.hang_up()
        return found == ANSWER

    def hang_up(self) -> None:
        if self.question is not None:
            self.question.close()
            self.question = None


def web(host: str, port: int, processes: int) -> list[WebProcess]:
    """Open the port and return the web processes, not started; connections wait while one is replaced."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shared = socket.create_server((host, port), family=family, backlog=BACKLOG)
    folder = Path(mkdtemp(prefix="broadcasts-"))  # private, and short, as socket paths must be
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return [WebProcess(f"web server {n}", shared, folder) for n in range(1, processes + 1)]


def listening(path: str) -> socket.socket:
    one = socket.socket(socket.AF_UNIX)
    one.bind(path)
    one.listen()
    return one
