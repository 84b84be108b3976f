"""Connections that end when their client takes too long over a whole request or answer, and not only when it is silent.

The clock of each phase starts with its first byte, so that a byte now and then buys no time. The rates are those of a
very poor mobile network.
"""

import errno
import socket
import threading
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask
from waitress.utilities import Error

HEADER_SECONDS = 10  # for all headers of a request
IDLE_SECONDS = 15  # between two requests on one connection
GRACE_SECONDS = 10  # before the minimum rate of request bodies and of reading responses applies
LEAST_RATE = 4096  # bytes a second, on the average since a body or an answer began
HEALTH_PATH = "/healthz"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class InsufficientStorage(Error):
    code = 507
    reason = "Insufficient Storage"


class Request(HTTPRequestParser):
    """A request that is being received; if the disk is full, it gets 507."""

    headers_at: float | None = None

    def received(self, data: bytes) -> int:
        try:
            taken = super().received(data)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self.error = InsufficientStorage("The disk of the server is full; nothing was kept. Try again later.")
            self.completed = True
            return len(data)
        if self.headers_finished and self.headers_at is None:
            self.headers_at = time.monotonic()
        return taken


class WholeAnswer(WSGITask):
    """An answer; its headers leave together with the beginning of its body, in one packet."""

    wrote_header: bool

    def write(self, data: bytes) -> None:
        if self.wrote_header or not self.complete or len(data) != self.content_length or not self.has_body:
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written = len(data)
        self.channel.write_soon(head + data)


class _Serving(threading.local):
    connection: "HttpConnection | None" = None  # whose request this thread answers


serving = _Serving()


class HttpConnection(HTTPChannel):
    """A client connection. All methods except `service` and `has_news` run in the I/O thread."""

    parser_class = Request
    task_class = WholeAnswer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.free_since = time.monotonic()  # of a request
        self.begun_at: float | None = None  # the request that is being received
        self.sending_since: float | None = None
        self.sent = 0  # bytes since then
        self.has_served = False
        super().__init__(*args, **kwargs)

    def received(self, data: bytes) -> bool:
        if self.begun_at is None:
            self.begun_at = time.monotonic()
        taken = super().received(data)
        if self.requests:
            self.begun_at = None
        return taken

    def service(self) -> None:
        serving.connection = self
        try:
            super().service()
        finally:
            serving.connection = None
        self.has_served = True
        self.free_since = time.monotonic()

    def send(self, data: bytes, do_close: bool = True) -> int:
        count = super().send(data, do_close=do_close)
        self.sent += count
        return count

    @property
    def has_news(self) -> bool:
        """Tell whether the I/O thread has to look at it, since it does not only wait for what comes in."""
        is_watched = self._map.is_waiting_to_read(self._fileno)
        return not is_watched or bool(self.writable()) or not self.readable()

    @property
    def is_busy(self) -> bool:
        """Tell whether a body is under way, or a request is being answered, or an answer is not sent yet."""
        has_body = self.request is not None and self.request.headers_finished
        return bool(has_body or self.requests or self.total_outbufs_len)

    @property
    def has_unread_request(self) -> bool:
        """Tell whether a request waits in an idle connection; closing it then would reset it under its client."""
        if self.begun_at is not None or self.request is not None or self.total_outbufs_len:
            return False
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False

    @property
    def is_for_health(self) -> bool:
        return bool(self.requests) and getattr(self.requests[0], "path", "") == HEALTH_PATH

    def is_overdue(self, now: float) -> bool:
        """Tell whether its client took too long; asked every second, so that it sees when an answer began to wait."""
        if self.total_outbufs_len:
            if self.sending_since is None:
                self.sending_since, self.sent = now, 0
            return now > self.sending_since + GRACE_SECONDS + self.sent / LEAST_RATE
        self.sending_since = None
        if self.requests:
            return False
        if self.request is not None and self.request.headers_at is not None:
            return now > self.request.headers_at + GRACE_SECONDS + self.request.body_bytes_received / LEAST_RATE
        if self.begun_at is not None:
            return now > self.begun_at + HEADER_SECONDS
        return now > self.free_since + (IDLE_SECONDS if self.has_served else HEADER_SECONDS)
