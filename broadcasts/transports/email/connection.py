"""One non-blocking connection to an SMTP server, kept for many envelopes."""

import math
import smtplib
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector

from ..base import Begin, Envelope, Outcome, Receipt, TransportError, unnoticed
from .account import Account, Phase, Reply, check_addresses
from .smtp import Capabilities, Replies, wire_format

CHUNK = 16_384  # a TLS record: what is written of one is known, of two it would not be
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Flight:
    """An envelope in flight."""

    __slots__ = ("dot", "envelope", "losses", "recipient", "sender", "settled")

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.losses = 0  # connections lost through no fault of another envelope
        self.start()

    def start(self) -> None:
        self.sender = self.recipient = False  # whether the server took them
        self.settled = False
        self.dot = math.inf  # where in all that the connection writes its final dot ends

    @property
    def rcpt(self) -> bytes:
        return f"RCPT TO:<{self.envelope.address}>\r\n".encode()


class Queue:
    """The envelopes that one send() has still to start, and the outcomes that are known."""

    def __init__(self, envelopes: Iterable[Envelope], until: float, end: float, begin: Begin = unnoticed) -> None:
        self.ahead = map(Flight, envelopes)  # made when there is use for them
        self.waiting: deque[Flight] = deque()
        self.until = until  # nothing begins later
        self.end = end  # nothing is waited for any longer, however a server stretches its answers
        self.begin = begin
        self.beginning: list[Envelope] = []  # whose content is about to be sent
        self.known: deque[tuple[Envelope, Outcome]] = deque()
        self.over = False  # after an error of the account

    def __bool__(self) -> bool:
        """Whether further envelopes may start."""
        return not self.over and time.monotonic() < self.until and self.has(1)

    def has(self, n: int) -> bool:
        """Tell whether at least so many envelopes wait."""
        while len(self.waiting) < n:
            if (flight := next(self.ahead, None)) is None:
                return False
            self.waiting.append(flight)
        return True

    def take(self) -> Flight | None:
        while self:
            flight = self.waiting.popleft()
            try:
                check_addresses(flight.envelope)
            except TransportError as error:
                self.settle(flight, error)
            else:
                return flight
        return None

    def announce(self) -> None:
        """Call `begin` with the envelopes whose content is about to be sent."""
        if self.beginning:
            begun, self.beginning = self.beginning, []
            self.begin(begun)

    def put_back(self, flights: list[Flight]) -> None:
        self.waiting.extendleft(reversed(flights))

    def settle(self, flight: Flight, outcome: Outcome) -> None:
        flight.settled = True
        self.known.append((flight.envelope, outcome))
        if isinstance(outcome, TransportError) and outcome.account:
            self.over = True


class SmtpConnection:
    """An SMTP session.

    `awaited` are the replies to come, in order: what was asked, and for which flight. None stands for our own
    housekeeping: RSET (CONNECTION) or the lone dot that ends a message without recipients (MESSAGE).
    """

    def __init__(self, account: Account, queue: Queue, client: smtplib.SMTP) -> None:
        self.account = account
        self.queue = queue
        self.client = client
        self.capabilities = Capabilities.of(account, client)
        self.sock: socket.socket = client.sock  # type: ignore[assignment]
        self.encrypted = isinstance(self.sock, ssl.SSLSocket)
        with suppress(OSError):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.replies = Replies()
        self.awaited: deque[tuple[Phase, Flight | None]] = deque()
        self.carried = 0  # envelopes
        self.parts: list[bytes] = []  # to be written
        self.rest = memoryview(b"")  # of what was begun to be written
        self.said = self.written = 0  # bytes, since the connection began
        self.is_blocked = False  # it takes no more bytes for now
        self.watched = 0  # events, by the selector of this send()
        self.deadline = math.inf
        self.lost = False
        # The flight it was lost over, why, and whether another connection may do better.
        self.blamed: tuple[Flight, TransportError, bool] | None = None

    @property
    def is_idle(self) -> bool:
        return not (self.awaited or self.lost)

    @property
    def patience_ends(self) -> float:
        return min(self.deadline, self.queue.end)

    @property
    def is_spent(self) -> bool:
        return self.carried >= self.account.limit

    def watch(self, selector: BaseSelector) -> None:
        """Register the events that are awaited now with the selector."""
        wanted = EVENT_READ | EVENT_WRITE if self.is_blocked else EVENT_READ
        if not self.watched:
            selector.register(self.sock, wanted, self)
        elif wanted != self.watched:
            selector.modify(self.sock, wanted, self)
        self.watched = wanted

    def leave(self) -> None:
        """Send QUIT; close() waits for the reply."""
        with suppress(OSError):
            self.sock.send(b"QUIT\r\n")

    def close(self, deadline: float = 0.0) -> None:
        """Close the connection, after the reply to QUIT if it comes before `deadline`."""
        with suppress(OSError):
            while (patience := deadline - time.monotonic()) > 0:
                self.sock.settimeout(patience)
                if not self.sock.recv(CHUNK):
                    break
        self.client.close()

    def serve(self, now: float) -> None:
        """Start waiting envelopes if none is in flight."""
        self.deadline = now + self.account.timeout
        self._follow()
        self._write(now)

    def ready(self, now: float) -> None:
        """Continue after the socket has become readable or writable; flush() writes the commands."""
        self.is_blocked = False
        if not self.lost:
            self._read(now)
        if not self.lost and self.rest:
            self._write(now)

    def flush(self, now: float) -> None:
        if self.parts and not self.lost:
            self._write(now)

    def time_out(self) -> None:
        self._lose(TimeoutError(), again=False)

    # Writing

    def _say(self, data: bytes, *awaited: tuple[Phase, Flight | None]) -> None:
        self.parts.append(data)
        self.said += len(data)
        self.awaited.extend(awaited)

    def _follow(self) -> None:
        """Start the next envelope; with PIPELINING its commands follow those that are already written."""
        while not self.is_spent and (flight := self.queue.take()):
            try:
                mail = self.capabilities.mail(flight.envelope)
            except TransportError as error:
                self.queue.settle(flight, error)
                continue
            flight.start()
            self.carried += 1
            if self.capabilities.pipelining:
                group = mail + flight.rcpt + b"DATA\r\n"
                self._say(group, (Phase.SENDER, flight), (Phase.RECIPIENT, flight), (Phase.DATA, flight))
            else:
                self._say(mail, (Phase.SENDER, flight))
            return

    def _write(self, now: float) -> None:
        # Whoever was frozen until after the end may have been given up: then others answer for what was not written.
        if time.monotonic() >= self.queue.end:
            return
        if self.parts:
            self.rest = memoryview(b"".join([self.rest, *self.parts]) if self.rest else b"".join(self.parts))
            self.parts = []
        try:
            while self.rest:
                count = self.sock.send(self.rest[:CHUNK] if self.encrypted else self.rest)
                self.rest = self.rest[count:]
                self.written += count
                self.deadline = now + self.account.timeout
        except NOT_NOW as error:
            self.is_blocked = not isinstance(error, ssl.SSLWantReadError)  # else it goes on when something was read
        except OSError as error:
            self._read(now)  # its last reply may have the reason
            self._lose(error)

    # Reading

    def _read(self, now: float) -> None:
        try:
            data = self.sock.recv(65_536)  # never less than a TLS record: what stays behind, no selector sees
        except NOT_NOW as error:
            self.is_blocked = isinstance(error, ssl.SSLWantWriteError)  # TLS has to answer something first
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._lose(smtplib.SMTPServerDisconnected())
            return
        for code, text in self.replies.feed(data):
            self._take(code, text)
            if self.lost:
                return
            self.deadline = now + self.account.timeout
        if self.replies.is_amid and not self.awaited:
            self._lose()  # a reply without a command

    def _take(self, code: int, text: bytes) -> None:
        """Process a reply, which belongs to the oldest command."""
        if not self.awaited:
            self._lose()  # such as 421: it was idle for too long
            return
        phase, flight = self.awaited.popleft()
        is_success = 200 <= code <= 299
        if flight is None:
            if code == 421 or not (is_success or (phase is Phase.MESSAGE and 400 <= code <= 599)):
                self._lose()
        elif phase is Phase.MESSAGE:
            self._message_answered(flight, code, text)
        elif phase is Phase.DATA and code == 354:
            self._data_taken(flight)
        elif phase is Phase.DATA or not is_success:
            self._refused(phase, flight, Reply.read(code, text))
        elif phase is Phase.SENDER:
            flight.sender = True
            if not self.capabilities.pipelining:
                self._say(flight.rcpt, (Phase.RECIPIENT, flight))
        else:
            flight.recipient = True
            if not self.capabilities.pipelining:
                self._say(b"DATA\r\n", (Phase.DATA, flight))

    def _data_taken(self, flight: Flight) -> None:
        if not flight.settled:
            envelope = flight.envelope
            self.queue.beginning.append(envelope)
            whole = envelope.mime + b".\r\n" if envelope.is_smooth else wire_format(envelope.mime)
            self._say(whole, (Phase.MESSAGE, flight))
            flight.dot = self.said
        elif flight.recipient:  # the sender was refused: a lone dot would send an empty message to the recipient
            self._lose()
            return
        else:
            self._say(b".\r\n", (Phase.MESSAGE, None))  # RFC 2920, 3.1
        if self.capabilities.pipelining:
            self._follow()

    def _message_answered(self, flight: Flight, code: int, text: bytes) -> None:
        is_whole = self.written >= flight.dot
        if 200 <= code <= 299 and is_whole:
            self.queue.settle(flight, Receipt(detail=f"{code} {text.decode('utf-8', 'replace')}"))
            return
        reply = Reply.read(code, text)
        if 200 <= code <= 299:
            reply = Reply(-1, "", str(reply))  # it took what it has not got
        self.queue.settle(flight, self.account.refused(Phase.MESSAGE, reply))
        if not is_whole or _is_last(reply):
            self._lose()

    def _refused(self, phase: Phase, flight: Flight, reply: Reply) -> None:
        error = self.account.refused(phase, reply)
        if reply.code == 421 and phase is Phase.SENDER:
            if self.carried == 1:
                self.blamed = flight, error, False
            self.awaited.appendleft((phase, flight))
            self._lose()
            return
        if not flight.settled:
            self.queue.settle(flight, error)
        if _is_last(reply):
            self._lose()
        elif phase is Phase.DATA or (phase is Phase.RECIPIENT and not self.capabilities.pipelining):
            if flight.sender:
                self._say(b"RSET\r\n", (Phase.CONNECTION, None))
            if self.capabilities.pipelining:
                self._follow()

    # The end

    def _lose(self, error: Exception | None = None, again: bool = True) -> None:
        """Abandon the connection; an error is attributed to the first envelope without a reply."""
        if self.lost:
            return
        self.lost = True
        cause = self.account.failed(error if isinstance(error, TimeoutError) else smtplib.SMTPServerDisconnected())
        flights = list(dict.fromkeys(flight for _, flight in self.awaited))
        # Before it took a sender: how servers end a connection that was idle or has carried enough, with 421 or without
        # a word. Nobody is to blame, however often: each of these connections has carried somebody.
        is_parting = self.carried > 1 and bool(self.awaited) and self.awaited[0][0] is Phase.SENDER
        innocent = []
        for flight in flights:
            if flight is None or flight.settled or (self.blamed and flight is self.blamed[0]):
                continue
            if self.written >= flight.dot:
                words = f"The message had left when its answer was lost, so it may or may not arrive. {cause}"
                self.queue.settle(flight, TransportError(words, handed_over=True))
            elif error and flight is flights[0] and not (is_parting and again):
                self.blamed = flight, cause, again
            else:
                innocent.append(flight)
        self.queue.put_back(innocent)


def _is_last(reply: Reply) -> bool:
    """Whether a reply ends the session: the server closes the connection, or does not speak SMTP."""
    return reply.code == 421 or not 400 <= reply.code <= 599
