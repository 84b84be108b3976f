"""What bare aiohttp does with the same requests: the mark that a kind which is spoken to by HTTP is compared with."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import aiohttp

from broadcasts.transports.http import Call

MOST = 2_000  # requests


@dataclass(frozen=True)
class Bare:
    n: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.n / self.seconds


def run(calls: Sequence[Call], n: int, at_once: int) -> Bare:
    """Make n requests, so many at once."""
    begun, used = time.perf_counter(), time.process_time()
    asyncio.run(_run(calls, n, at_once))
    return Bare(n, time.perf_counter() - begun, time.process_time() - used)


async def _run(calls: Sequence[Call], n: int, at_once: int) -> None:
    ahead = islice(cycle(calls), n)
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for call in ahead:
                async with session.post(call.url, data=call.body, headers=call.headers) as answer:
                    await answer.read()

        await asyncio.gather(*(work() for _ in range(at_once)))
