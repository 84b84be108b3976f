"""A provider that calls back: a process that makes signed calls, as fast as they are answered or at a rate.

A call that is not taken comes again, as providers do it. At a rate, a call waits from when it was due, also while all
connections are busy. It speaks HTTP on bare connections, so that it takes little of
the machine that is measured.
"""

import asyncio
import multiprocessing
import resource
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from statistics import median

from . import HOST

CONNECTIONS = 16
AGAIN_SECONDS = 0.2  # before a call is repeated that was not taken
ANSWER_SECONDS = 30
GIVE_UP_SECONDS = 60  # in which no call was taken


@dataclass
class Told:
    """What the caller tells at the end."""

    calls: int = 0  # that were taken
    repeats: int = 0  # calls that were not, and came again
    given_up: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    median_ms: float = 0.0  # until an answer
    slow_ms: float = 0.0  # for 99 of 100
    statuses: dict[int, int] = field(default_factory=dict)  # of the calls that were not taken; 0: none came


def reading(path: str, port: int, headers: Mapping[str, str]) -> bytes:
    """Return a whole request that only reads."""
    return _head("GET", path, port, headers)


def request(path: str, port: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a whole request."""
    return _head("POST", path, port, {"Content-Length": str(len(body)), **headers}) + body


def _head(method: str, path: str, port: int, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": f"localhost:{port}", **headers}.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


class Caller:
    """The process, as seen by whoever started it; `most`: the last status that means that a call is taken."""

    def __init__(self, port: int, requests: Sequence[bytes], rate: int = 0, most: int = 299) -> None:
        context = multiprocessing.get_context("fork")
        self.ours, theirs = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(target=_run, args=(port, requests, rate, most, theirs), daemon=True)
        self.process.start()
        theirs.close()

    @property
    def is_done(self) -> bool:
        return self.ours.poll() or not self.process.is_alive()

    def told(self) -> Told:
        return self.ours.recv()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.ours.close()


def _run(port: int, requests: Sequence[bytes], rate: int, most: int, out: Connection) -> None:
    begun = time.perf_counter()
    told, waits = asyncio.run(_call_all(port, requests, rate, most))
    told.seconds = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    told.cpu_seconds = used.ru_utime + used.ru_stime
    waits.sort()
    if waits:
        told.median_ms, told.slow_ms = 1000 * median(waits), 1000 * waits[len(waits) * 99 // 100]
    out.send(told)


async def _call_all(port: int, requests: Sequence[bytes], rate: int, most: int) -> tuple[Told, list[float]]:
    """Make all calls, `rate` of them a second; 0: as fast as they are answered. Return the waits in seconds too."""
    told, waits, ahead = Told(), [], deque(requests)
    started = taken_at = time.perf_counter()
    begun_calls = count()

    async def work() -> None:
        nonlocal taken_at
        line = CallerConnection(port)
        while ahead and time.perf_counter() < taken_at + GIVE_UP_SECONDS:
            one = ahead.popleft()
            begun = time.perf_counter()
            if rate and (due := started + next(begun_calls) / rate) > begun:
                await asyncio.sleep(due - begun)
            begun = due if rate else begun
            status = await line.call(one)
            if 200 <= status <= most:
                told.calls += 1
                taken_at = time.perf_counter()
                waits.append(taken_at - begun)
                continue
            told.repeats += 1
            told.statuses[status] = told.statuses.get(status, 0) + 1
            ahead.append(one)
            await asyncio.sleep(AGAIN_SECONDS)
        line.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    told.given_up = len(ahead)
    return told, waits


class CallerConnection:
    """One connection, made anew when it breaks."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.writer: asyncio.StreamWriter | None = None
        self.reader: asyncio.StreamReader

    async def call(self, request: bytes) -> int:
        """Make a call and return the status of its answer; 0 if none came."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._call(request)
        except (OSError, EOFError, ValueError, IndexError):  # a time-out is an OSError
            self.close()
            return 0

    async def _call(self, request: bytes) -> int:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(HOST, self.port)
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        await self.reader.readexactly(int(length or 0))
        if b"\r\nconnection: close" in head:
            self.close()
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None
