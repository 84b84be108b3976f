"""A proxy that makes a server on this machine as far away as one across a country: everything takes its time to come.

It runs in a process of its own. A round trip takes the latency that is asked for, half of it each way.
"""

import asyncio
import multiprocessing
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import cast

from . import HOST


class End(asyncio.Protocol):
    """One end of a connection through the proxy; what it receives, the other end sends on half a latency later."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None
        self.under_way: deque[tuple[float, bytes]] = deque()  # when it arrives, and what; nothing at the end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        if not self.under_way:
            loop.call_later(self.seconds, self.pass_on)
        self.under_way.append((loop.time() + self.seconds, data))

    def connection_lost(self, error: Exception | None) -> None:
        self.data_received(b"")

    def pass_on(self) -> None:
        loop = asyncio.get_running_loop()
        other = self.other.transport if self.other else None
        due = []
        while self.under_way and self.under_way[0][0] <= loop.time():
            due.append(self.under_way.popleft()[1])
        if other and not other.is_closing():
            other.write(b"".join(due))
            if due and not due[-1]:
                other.close()
        if self.under_way:
            loop.call_at(self.under_way[0][0], self.pass_on)


class NearEnd(End):
    """The end towards the client, which connects to the server."""

    def __init__(self, port: int, seconds: float) -> None:
        super().__init__(seconds)
        self.port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.dialing = asyncio.ensure_future(self.dial())

    async def dial(self) -> None:
        other = End(self.seconds)
        other.other = self
        try:
            await asyncio.get_running_loop().create_connection(lambda: other, HOST, self.port)
        except OSError:
            if self.transport:
                self.transport.abort()
        else:
            self.other = other


@dataclass(frozen=True)
class Proxy:
    port: int
    pid: int


@contextmanager
def proxy(port: int, seconds: float) -> Iterator[Proxy]:
    """Run a proxy to a port of this machine while the block runs, with a round trip of so many seconds."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(port, seconds / 2, ours, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Proxy(ours.recv(), process.pid or 0)
    finally:
        process.kill()
        process.join()
        ours.close()


def _run(port: int, seconds: float, ours: Connection, theirs: Connection) -> None:
    ours.close()
    asyncio.run(_serve(port, seconds, theirs))


async def _serve(port: int, seconds: float, control: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: NearEnd(port, seconds), HOST, 0, backlog=256)
    control.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()
