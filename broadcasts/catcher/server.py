"""Both servers of the catcher."""

import logging
import socket
from collections import Counter
from contextlib import ExitStack, closing
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Self

from broadcasts.exceptions import BroadcastsError

from .callbacks import Accounts
from .handler import CatcherHandler, CatcherState
from .smtp import SmtpServer
from .store import Sort, Store

WAITING = 256  # connections that are not yet accepted


class PortTaken(BroadcastsError):
    """A port cannot be listened on; the text names it."""


class Pages(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: object) -> None:
        """Keep quiet: whoever called has hung up."""


class Catcher:
    """Both servers on one store, in threads of this process; port 0 means any that is free."""

    def __init__(self, directory: Path, smtp_port: int = 1025, http_port: int = 8025, host: str = "127.0.0.1") -> None:
        self.directory, self.host, self.smtp_port, self.http_port = directory, host, smtp_port, http_port
        self.accounts = Accounts()
        self._store: Store | None = None
        self._running = ExitStack()

    def start(self) -> None:
        """Start both servers or, when a port is taken, neither."""
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells of each command
        self.directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as running:
            for_mail = running.enter_context(listen(self.host, self.smtp_port))
            for_pages = running.enter_context(listen(self.host, self.http_port))
            self.smtp_port, self.http_port = for_mail.getsockname()[1], for_pages.getsockname()[1]
            self._store = running.enter_context(closing(Store(self.directory / "caught.sqlite3")))
            smtp = SmtpServer(self._store, for_mail)
            smtp.start()
            running.callback(smtp.stop)
            shared = CatcherState(self._store, self.accounts, self.host, self.smtp_port, self.http_port)
            pages = running.enter_context(Pages(("", 0), partial(CatcherHandler, shared), bind_and_activate=False))
            pages.socket.close()
            pages.socket = for_pages
            Thread(target=pages.serve_forever, args=(0.05,), daemon=True).start()
            running.callback(pages.shutdown)
            self._running = running.pop_all()

    def stop(self, *exc_info: object) -> None:
        self._running.close()

    @property
    def address(self) -> str:
        """Where its HTTP side is reached."""
        return f"http://{self.host}:{self.http_port}"

    def count(self) -> int:
        return self._store.count if self._store else 0

    def recipients(self, after: int = 0, sort: Sort = Sort.MAIL) -> Counter[str]:
        """Count how often each address was written to, in messages that were accepted after so many."""
        return self._store.recipients(after, sort) if self._store else Counter()

    def __enter__(self) -> Self:
        self.start()
        return self

    __exit__ = stop


def listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=WAITING)
    except OSError as error:
        raise PortTaken(f"Port {port} of {host} cannot be listened on: {error.strerror}") from error
