"""The base class for HTTP providers: many requests at once, on one asyncio loop per transport.

A subclass defines the request for an envelope, and what the response means. The base class does the rest: the address
policy at every connection, no redirects, no proxies, no stored logins, limits of time and size, and which errors allow
a retry. aiohttp takes 0.7 ms of CPU time per request.
"""

import asyncio
import json
import logging
import math
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from django.utils import timezone

from broadcasts import formats, outgoing
from broadcasts.outgoing import ClosedAddress

from .base import Begin, Envelope, Outcome, Receipt, SettingsRefused, Transport, TransportError, only_receipt, unnoticed
from .deadline import begun

log = logging.getLogger(__name__)

TIMEOUT = 15  # seconds for one request, from the name lookup to the end of the response
CONNECT_SECONDS = 7  # of these, until it is connected; a request that exceeds TIMEOUT has therefore connected
KEEP_SECONDS = 4  # for an idle connection: many servers close theirs after 5
LARGEST_ANSWER = 65_536  # bytes
SLICE_SECONDS = 0.01  # of composing envelopes, before requests in flight are processed
MOST_LOST = 3  # answers in one send(), from which on the server and not a single connection is in trouble
GOODBYE_SECONDS = 2
NO_URL = "The channel's address is no URL that can be called; it begins with https:// or http://."


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request."""

    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"

    @property
    def host(self) -> str:
        """The host for error messages; the rest of a URL may contain secrets."""
        with suppress(ValueError):
            return urlsplit(self.url).netloc.rpartition("@")[2] or "without a name"
        return "without a name"


@dataclass(frozen=True)
class Answer:
    """An HTTP response; `is_whole` is False if its body was cut off, too slow or too long."""

    status: int
    headers: Mapping[str, str]  # names in any case
    body: bytes
    is_whole: bool = True

    @property
    def is_success(self) -> bool:
        return 200 <= self.status <= 299

    @cached_property
    def json(self) -> Any:
        """The body parsed as JSON; raises ValueError."""
        return json.loads(self.body)

    @property
    def retry_after(self) -> float | None:
        """The seconds in Retry-After (RFC 9110, section 10.2.3), given as seconds or as a date; None without it."""
        told = self.headers.get("Retry-After", "").strip()
        if told.isdecimal() and told.isascii():
            return float(told[:9])
        with suppress(ValueError, OverflowError):
            moment = parsedate_to_datetime(told)
            return max(0.0, moment.timestamp() - timezone.now().timestamp())
        return None

    def __str__(self) -> str:
        with suppress(ValueError):
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        return str(self.status)


class Resolver(AbstractResolver):
    """Resolves hosts by the address policy, in daemon threads."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        try:
            found = await asyncio.wrap_future(begun(partial(outgoing.resolve, host, port)))
        except UnicodeError:
            raise OSError("The name has characters that no host has.") from None
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=address[0], port=address[1], family=family, proto=protocol, flags=flags)
            for family, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        pass


class Http(Transport):
    """Sends to a provider by HTTP; subclasses define `call` and `receipt`, and `refusal` and `probe` if needed."""

    concurrency = 50
    timeout: float = TIMEOUT

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.session: aiohttp.ClientSession

    def call(self, envelope: Envelope) -> Call:
        """Return the request that sends an envelope; raises TransportError."""
        raise NotImplementedError(f"{type(self).__name__} must define call()")

    def receipt(self, answer: Answer) -> Receipt:
        """Return the receipt in a 2xx response; raises TransportError. Other exceptions leave the outcome unknown."""
        raise NotImplementedError(f"{type(self).__name__} must define receipt()")

    def refusal(self, answer: Answer, host: str) -> TransportError:
        """Return the error that any other response means; without the server's text, since it may be any server."""
        return refusal(answer, host)

    def probe(self) -> Call | None:
        """Return a request that checks the account without sending; None if the provider has none."""
        return None

    def open(self) -> None:
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
            self.session = self.loop.run_until_complete(self._new_session())

    async def _new_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self.concurrency,
            resolver=Resolver(),
            socket_factory=outgoing.open_socket,
            keepalive_timeout=KEEP_SECONDS,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,  # no proxy and no .netrc of the operator
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a small body may become a large one
            headers={"User-Agent": "Broadcasts", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=self.timeout, connect=min(CONNECT_SECONDS, self.timeout / 2)),
        )
        # aiohttp sends GET and PUT again where an idle connection breaks, though the first may have been taken.
        session._retry_connection = False
        return session

    def close(self) -> None:
        if self.loop is not None:
            loop, self.loop = self.loop, None
            with suppress(Exception):
                loop.run_until_complete(asyncio.wait_for(self.session.close(), GOODBYE_SECONDS))
            loop.close()

    def check(self) -> None:
        self.open()
        try:
            if (call := self.probe()) and not (answer := self._run(self._exchange(call))).is_success:
                raise self.refusal(answer, call.host)
        finally:
            self.close()

    def deliver(self, envelope: Envelope) -> Receipt:
        return only_receipt(self.send([envelope]))

    def send(
        self, envelopes: Iterable[Envelope], until: float = math.inf, begin: Begin = unnoticed
    ) -> Iterator[tuple[Envelope, Outcome]]:
        """Yield each envelope with its outcome, as Transport.send() promises; it ends `timeout` after `until`."""
        self.open()
        assert self.loop is not None
        self._run(asyncio.sleep(0))  # notice which idle connections the server closed meanwhile
        flights = Flights(self.loop, self._hand_over)
        source = iter(envelopes)
        is_open, lost = True, 0  # to more envelopes; answers
        try:
            while True:
                free = self.concurrency - len(flights.tasks)
                taken = list(_take(source, free, until)) if is_open and free else []
                if taken:
                    begin(taken)
                    flights.begin(taken)
                elif not flights.tasks:
                    return
                # Where making them takes long, those that are made go first, and more are made meanwhile.
                is_hungry = bool(taken) and len(flights.tasks) < self.concurrency
                self._run(asyncio.sleep(0) if is_hungry else flights.wait())
                while flights.known:
                    envelope, outcome = flights.known.popleft()
                    if isinstance(outcome, TransportError):
                        lost += outcome.handed_over
                        outcome.account = outcome.account or (outcome.handed_over and lost >= MOST_LOST)
                        is_open = is_open and not outcome.account
                    yield envelope, outcome
        finally:
            flights.abandon()

    def _run(self, work: Any) -> Any:
        assert self.loop is not None
        return self.loop.run_until_complete(work)

    async def _hand_over(self, envelope: Envelope) -> Outcome:
        try:
            call = self.call(envelope)
        except TransportError as error:
            return error
        except Exception:
            log.exception("A request could not be made")
            return TransportError("The request could not be made; the log of the workers says why.", permanent=True)
        try:
            answer = await self._exchange(call)
            if not answer.is_success:
                return self.refusal(answer, call.host)
            if answer.is_whole:
                return self.receipt(answer)
            words = "broke off, was too long or came too slowly"
        except TransportError as error:
            return error
        except Exception:
            log.exception("The answer of %s could not be read", call.host)
            words = "could not be understood; the log of the workers says why"
        return TransportError(f"The answer of the server {call.host} {words}.", handed_over=True)

    async def _exchange(self, call: Call) -> Answer:
        """Return the response to a request; raises TransportError."""
        if not call.url.lower().startswith(("https://", "http://")):
            raise SettingsRefused(NO_URL)
        try:
            async with self.session.request(
                call.method, call.url, data=call.body, headers=call.headers, allow_redirects=False
            ) as response:
                body, is_whole = await _body(response)
                return Answer(response.status, response.headers, body, is_whole)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a time-out is an OSError
            raise self._unanswered(error, call.host) from None

    def _unanswered(self, error: Exception, host: str) -> TransportError:
        """Return the error for a missing response; without a connection the copy was not handed over."""
        cause = getattr(error, "os_error", None)
        match error:
            case aiohttp.ClientConnectorError() if isinstance(cause, ClosedAddress):
                return SettingsRefused(str(ClosedAddress(host, cause.rule)))
            case aiohttp.InvalidURL():
                return SettingsRefused(NO_URL)
            case aiohttp.ClientConnectorCertificateError():
                words = f"The certificate of the server {host} could not be verified."
                return TransportError(words, permanent=True, account=True)
            case aiohttp.ClientConnectorDNSError():
                return TransportError(f"The server's name {host} could not be found.", account=True)
            case aiohttp.ClientConnectorError():
                why = getattr(cause, "strerror", None) or "no connection could be made"
                return TransportError(f"The server {host} could not be reached: {why}.", account=True)
            case aiohttp.ConnectionTimeoutError():
                return TransportError(f"The server {host} could not be reached in time.", account=True)
            case TimeoutError():  # a server that hangs would leave everybody's outcome unknown, one after the other
                within = formats.duration(self.timeout)
                words = f"The server {host} did not answer within {within}, so the message may arrive."
                return TransportError(words, handed_over=True, account=True)
            case aiohttp.ClientError() | OSError():
                words = f"The connection to the server {host} broke before its answer, so the message may arrive."
                return TransportError(words, handed_over=True)
            case _:  # such as a line break in a header, which is found before anything is written
                return TransportError("The request has characters that no request can have.", permanent=True)


class Flights:
    """The requests of one send() that are in flight."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hand_over: Callable[[Envelope], Any]) -> None:
        self.loop = loop
        self.hand_over = hand_over
        self.tasks: set[asyncio.Task[Outcome]] = set()
        self.known: deque[tuple[Envelope, Outcome]] = deque()
        self.landed = loop.create_future()

    def begin(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            task = self.loop.create_task(self.hand_over(envelope))
            self.tasks.add(task)
            task.add_done_callback(partial(self._land, envelope))

    def _land(self, envelope: Envelope, task: asyncio.Task[Outcome]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            error = task.exception()
            if error:  # that nobody thought of: it must leave no copy without an outcome
                log.error("A request ended in an error", exc_info=error)
            lost = TransportError("The request ended in an error; the log of the workers says why.", handed_over=True)
            self.known.append((envelope, lost if error else task.result()))
            if not self.landed.done():
                self.landed.set_result(None)

    async def wait(self) -> None:
        """Wait until an outcome is known."""
        if not self.known:
            self.landed = self.loop.create_future()
            await self.landed

    def abandon(self) -> None:
        """Cancel requests in flight, if the consumer does not read to the end."""
        if self.tasks and not self.loop.is_closed():
            waiting = list(self.tasks)
            for task in waiting:
                task.cancel()
            self.loop.run_until_complete(asyncio.wait(waiting))


def refusal(answer: Answer, host: str) -> TransportError:
    """Return the error for a response without success, unless the provider documents another meaning.

    A gateway's 502 and 504 (RFC 9110, section 15.6) do not tell whether the server behind it took the message, nor does
    one that switches to a protocol that nobody asked for.
    """
    status, code = answer.status, str(answer.status)
    what = f"The server {host} answered {answer}"
    if 300 <= status <= 399:
        words = f"{what}, which is not followed; give the channel the address that it leads to."
        return TransportError(words, permanent=True, account=True, code=code)
    if status in (401, 403, 407):
        words = f"{what}: it does not accept the channel's credentials."
        return TransportError(words, permanent=True, account=True, code=code)
    if status in (429, 503):
        return TransportError(f"{what}.", account=True, code=code, retry_after=answer.retry_after)
    if status in (101, 502, 504):
        return TransportError(f"{what}, so the message may or may not arrive.", handed_over=True, code=code)
    permanent = 400 <= status <= 499 and status not in (408, 425)
    return TransportError(f"{what}.", permanent=permanent, code=code, retry_after=answer.retry_after)


def _take(source: Iterator[Envelope], most: int, until: float) -> Iterator[Envelope]:
    """Yield the next envelopes that can be composed within SLICE_SECONDS; none after `until`."""
    slice_ends = time.monotonic() + SLICE_SECONDS
    if slice_ends - SLICE_SECONDS >= until:
        return
    for envelope in islice(source, most):
        now = time.monotonic()
        if now >= until:
            return
        yield envelope
        if now >= slice_ends:
            return


async def _body(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Return a body within the limits of size and time, and whether it is complete."""
    body = b""
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                return body[:LARGEST_ANSWER], False
    except (aiohttp.ClientError, OSError):
        return body, False
    return body, True
