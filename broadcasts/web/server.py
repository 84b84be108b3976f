"""One process of the web server: it takes sockets that its supervisor opened, and answers until SIGTERM."""

import logging
import resource
import socket
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from django.conf import settings
from waitress.adjustments import Adjustments
from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer
from waitress.task import ThreadedTaskDispatcher

from .application import Application, Streams
from .connections import HttpConnection, serving
from .watching import Watched

log = logging.getLogger(__name__)

THREADS = 8  # that answer
STREAMS = THREADS // 2
BREATH_SECONDS = 0.00025  # for each open connection, before another one is accepted
CONNECTIONS = 2000
FILES_BESIDE = 200  # open files beside those of connections, of which each may have three: its own and two spools
STOP_SECONDS = 20  # for answers under way
MEGABYTE = 1 << 20
FORM_BESIDE_FILE = MEGABYTE
SPOOL_KEPT_SECONDS = 86_400

LIMITS: dict[str, Any] = {
    "threads": THREADS,
    "ident": "",
    "cleanup_interval": 1,
    "recv_bytes": 1 << 16,
    "max_request_header_size": 1 << 15,  # audiences are asked for in the address
    # Of each connection so much of a body, and of an answer, may be in memory; the rest goes to the disk.
    "inbuf_overflow": 1 << 16,
    "outbuf_overflow": 1 << 18,
    "outbuf_high_watermark": 1 << 20,
    "channel_request_lookahead": 1,  # so that the end of a connection is seen, and its request not answered in vain
    "log_socket_errors": False,
    # The application itself decides about X-Forwarded-*, by BEHIND_PROXY.
    "clear_untrusted_proxy_headers": False,
}


class _Watching:
    """Adds deadlines, a separate thread for /healthz and polite accepting to the servers of Waitress."""

    channel_class = HttpConnection
    active_channels: dict[int, HttpConnection]
    task_dispatcher: ThreadedTaskDispatcher
    health_dispatcher: ThreadedTaskDispatcher
    trigger: Any
    _map: Watched
    accepts_at = 0.0

    def readable(self) -> bool:
        return bool(super().readable()) and time.monotonic() >= self.accepts_at  # type: ignore[misc]

    def handle_accept(self) -> None:
        """Accept a connection, then leave the next one to a process that has fewer of them, if there is one.

        Otherwise the first process awake would take all connections of a client that opens several and keeps them.
        """
        super().handle_accept()  # type: ignore[misc]
        self.accepts_at = time.monotonic() + BREATH_SECONDS * min(len(self.active_channels), THREADS)

    def add_task(self, connection: HttpConnection) -> None:
        dispatcher = self.health_dispatcher if connection.is_for_health else self.task_dispatcher
        dispatcher.add_task(connection)

    def pull_trigger(self) -> None:
        """Wake the I/O thread, unless it is woken for a connection that it need not look at after its answer."""
        if connection := serving.connection:
            if not connection.has_news:
                return
            self._map.changed.add(connection._fileno)
        self.trigger.pull_trigger()

    def maintenance(self, now: float) -> None:
        moment = time.monotonic()
        for connection in list(self.active_channels.values()):
            if connection.is_overdue(moment) and not connection.has_unread_request:
                connection.handle_close()


class TcpServer(_Watching, TcpWSGIServer):
    pass


class UnixServer(_Watching, UnixWSGIServer):
    pass


class WebServer:
    """Serves several sockets by one pool of threads."""

    def __init__(self, application: Application, sockets: Sequence[socket.socket]) -> None:
        self.is_stopping = False
        self.connections = Watched()
        self.dispatcher, self.health_dispatcher = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        self.dispatcher.set_thread_count(THREADS)
        self.health_dispatcher.set_thread_count(1)
        served = Streams(application, STREAMS)
        self.servers = [self.listen(served, one) for one in sockets]

    def listen(self, application: Application, one: socket.socket) -> BaseWSGIServer:
        is_unix = one.family == socket.AF_UNIX
        most = max(settings.IMPORT_MAX_MB, settings.MEDIA_MAX_MB) * MEGABYTE + FORM_BESIDE_FILE
        # The supervisor checks it by a socket of its own, also when the connection limit is reached.
        limit = connection_limit() + (10 if is_unix else 0)
        adjustments = Adjustments(max_request_body_size=most, connection_limit=limit, **LIMITS)
        server = (UnixServer if is_unix else TcpServer)(
            application,
            self.connections,
            _sock=one,
            dispatcher=self.dispatcher,
            adj=adjustments,
            sockinfo=(one.family, one.type, one.proto, one.getsockname()),
            bind_socket=False,
        )
        server.health_dispatcher = self.health_dispatcher
        return server

    def run(self) -> None:
        """Serve until `stop` is called; then finish the current responses and accept no new requests."""
        while not self.is_stopping:
            self.poll()
        for server in self.servers:
            server.del_channel()  # the sockets are shared with other processes, which go on listening
        deadline = time.monotonic() + STOP_SECONDS
        while self.close_idle() and time.monotonic() < deadline:
            self.poll()
        self.dispatcher.shutdown(timeout=max(0, deadline - time.monotonic()))

    def poll(self) -> None:
        now = time.monotonic()
        self.connections.wait(min([1, *(one.accepts_at - now for one in self.servers if one.accepts_at > now)]))

    def close_idle(self) -> bool:
        """Close what waits for a request; tell whether requests or answers are under way."""
        found = [one for one in list(self.connections.values()) if isinstance(one, HttpConnection)]
        busy = [one for one in found if one.is_busy or one.has_unread_request]
        for connection in set(found).difference(busy):
            connection.handle_close()
        return bool(busy)

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Have `run` end; also a signal handler."""
        self.is_stopping = True
        self.servers[0].pull_trigger()


def connection_limit() -> int:
    """Return how many connections the system's limit of open files allows, having raised it as far as we may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * CONNECTIONS + FILES_BESIDE
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max((allowed - FILES_BESIDE) // 3, 20)


def spool() -> None:
    """Have large bodies and answers wait in DATA_DIR, which is a disk, where the system's place may be memory."""
    folder = settings.DATA_DIR / "spool"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        for path in folder.iterdir():  # of forms that a process was killed amid; all others have no name
            if path.stat().st_mtime < time.time() - SPOOL_KEPT_SECONDS:
                path.unlink()
        tempfile.tempdir = str(folder)
