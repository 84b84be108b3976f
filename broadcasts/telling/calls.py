"""Make calls over HTTP, many at once, by the rules of all our HTTP: the address policy, no redirects, limits."""

import asyncio
import logging
import time
from collections.abc import Iterable

from broadcasts import formats
from broadcasts.models import EventCall
from broadcasts.transports import TransportError
from broadcasts.transports.http import Answer, Call, Http
from broadcasts.transports.standard import signed_headers

from .bodies import encoded
from .results import CONCURRENCY, SECONDS, CallResult

log = logging.getLogger(__name__)

LARGEST_ANSWER = 4096  # bytes that are read; the log keeps the first ones


class EventCaller(Http):
    """Makes signed calls: `begin` some, `wait` for the results of those that ended."""

    concurrency = CONCURRENCY
    timeout = SECONDS

    def __init__(self) -> None:
        super().__init__({})
        self.flights: dict[asyncio.Task[CallResult], int] = {}  # with the ids of their calls

    @property
    def is_full(self) -> bool:
        return len(self.flights) >= self.concurrency

    def begin(self, call: EventCall, url: str, secrets: Iterable[str]) -> None:
        """Start a call; raises ValueError if a secret cannot be read."""
        body = encoded(call)
        headers = {"Content-Type": "application/json", **signed_headers(secrets, call.identity, body)}
        self.open()
        assert self.loop is not None
        self.flights[self.loop.create_task(self._result(Call(url, body, headers)))] = call.pk

    def wait(self, seconds: float) -> list[tuple[int, CallResult]]:
        """Return the ids and results of calls that ended, at the latest after some seconds."""
        if not self.flights:
            time.sleep(seconds)
            return []
        ended, _ = self._run(asyncio.wait(self.flights, timeout=seconds, return_when=asyncio.FIRST_COMPLETED))
        return [(self.flights.pop(task), task.result()) for task in ended]

    def close(self) -> None:
        if self.loop is not None and self.flights:
            for task in self.flights:
                task.cancel()
            self._run(asyncio.wait(self.flights))
            self.flights.clear()
        super().close()

    async def _result(self, call: Call) -> CallResult:
        begun = time.monotonic()
        answer, error = None, ""
        try:
            answer = await self._exchange(call, LARGEST_ANSWER)
            error = "" if answer.is_success else refused(answer, call.host)
        except TransportError as failure:
            error = str(failure)
        except Exception:
            log.exception("A call to %s failed", call.host)
            error = "The call failed; the log of the workers says why."
        return CallResult(answer, error, round((time.monotonic() - begun) * 1000))

    def _unanswered(self, error: Exception, host: str) -> TransportError:
        found = super()._unanswered(error, host)
        if isinstance(error, TimeoutError) and found.handed_over:
            return TransportError(f"The server {host} did not answer within {formats.duration(self.timeout)}.")
        return TransportError(f"The connection to {host} broke before its answer.") if found.handed_over else found


def refused(answer: Answer, host: str) -> str:
    """Return what an answer without success means."""
    if 300 <= answer.status <= 399:
        return f"{host} answered {answer}, which is not followed: give the subscription the address it leads to."
    return f"{host} answered {answer}; it has to answer 2xx."


def make(call: EventCall, url: str, secrets: Iterable[str]) -> CallResult:
    """Make one call now, and wait for its result."""
    with EventCaller() as caller:
        caller.begin(call, url, secrets)
        [(_, result)] = caller.wait(SECONDS * 2)
        return result
