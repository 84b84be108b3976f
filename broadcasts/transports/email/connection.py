"""One non-blocking connection to an SMTP server, kept for many envelopes.

By DATA, with PIPELINING, an envelope takes a round trip, and one of each connection is in flight. Where a channel
allows more, and the server takes BDAT (RFC 3030), sender, recipient and content go in one write, and further envelopes
behind them without an answer. Each in flight is one of unknown outcome when a worker or a connection dies.

The first line of the first envelope goes as a chunk of its own: a server, or a filter before it, that does not know
BDAT takes that line for a command, and none of what people wrote.
"""

import math
import smtplib
import socket
import ssl
import time
from collections import deque
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector

from ..base import Receipt, TransportError
from .account import Account, Phase, Reply
from .flights import Flight, Queue
from .smtp import Capabilities, Replies, complete_lines, go_plain, wire_format

CHUNK = 16_384  # a TLS record: what is written of one is known, of two it would not be
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
AHEAD_BYTES = 131_072  # none is written behind so many unanswered bytes
# Servers such as Postfix answer in two writes, of which TCP holds the second until the first is acknowledged (Nagle):
# that should not wait for 40 ms. The option is Linux's, and holds for one acknowledgement.
QUICKACK = getattr(socket, "TCP_QUICKACK", None)
NOT_IMPLEMENTED = range(500, 505)  # RFC 5321: the command or its place is not known


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
        self.is_chunked = self.capabilities.chunking and account.in_flight > 1
        self.is_proven = False  # it took a chunk
        self.unanswered = 0  # envelopes in flight, by BDAT
        self.answered = 0  # the bytes said until the end of the last one with an answer
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
        self.queue.announce()
        self._write(now)

    def ready(self, now: float) -> None:
        """Continue after the socket has become readable or writable; flush() writes the commands."""
        self.is_blocked = False
        if not self.lost:
            self._read(now)

    def flush(self, now: float) -> None:
        if (self.parts or self.rest) and not (self.lost or self.is_blocked):
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
        while self._has_room and (flight := self.queue.take()):
            try:
                mail = self.capabilities.mail(flight.envelope)
            except TransportError as error:
                self.queue.settle(flight, error)
                continue
            flight.start()
            self.carried += 1
            if self.is_chunked:
                self._hand_over(flight, mail + flight.rcpt)
                continue
            if self.capabilities.pipelining:
                group = mail + flight.rcpt + b"DATA\r\n"
                self._say(group, (Phase.SENDER, flight), (Phase.RECIPIENT, flight), (Phase.DATA, flight))
            else:
                self._say(mail, (Phase.SENDER, flight))
            return

    @property
    def _has_room(self) -> bool:
        if self.is_spent or not self.unanswered:
            return not self.is_spent
        most = self.account.in_flight if self.is_proven else 1
        return self.unanswered < most and self.said - self.answered < AHEAD_BYTES

    def _hand_over(self, flight: Flight, commands: bytes) -> None:
        """Say all of an envelope at once; of the first one no more than a line, to see whether BDAT is understood."""
        content = _chunk(flight)
        self.queue.beginning.append(flight.envelope)
        if self.unanswered:  # that one may be refused, and its transaction stay open
            self._say(b"RSET\r\n", (Phase.CONNECTION, None))
        self.unanswered += 1
        self._say(commands, (Phase.SENDER, flight), (Phase.RECIPIENT, flight))
        if self.is_proven:
            self._say_last(flight, content)
        else:
            line = content[: content.index(b"\n") + 1]
            self._say(b"BDAT %d\r\n%b" % (len(line), line), (Phase.CHUNK, flight))

    def _say_last(self, flight: Flight, content: bytes) -> None:
        self._say(b"BDAT %d LAST\r\n" % len(content))
        self._say(content, (Phase.MESSAGE, flight))
        flight.dot = self.said

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
        if self.is_chunked and QUICKACK is not None:
            with suppress(OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
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
                self._lose(ended=code == 421)
        elif phase is Phase.MESSAGE:
            self._message_answered(flight, code, text)
        elif phase is Phase.CHUNK:
            self._chunk_answered(flight, code, text)
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

    def _chunk_answered(self, flight: Flight, code: int, text: bytes) -> None:
        """Go on with an envelope whose first line was taken."""
        if 200 <= code <= 299 and not flight.settled:
            self.is_proven = True
            content = _chunk(flight)
            self._say_last(flight, content[content.index(b"\n") + 1 :])
            self._follow()
            return
        reply = Reply.read(code, text)
        if code in NOT_IMPLEMENTED and not flight.settled:
            go_plain(self.account)
            self.awaited.appendleft((Phase.CHUNK, flight))
            self._lose()
            return
        self.unanswered -= 1
        if not flight.settled:
            self.queue.settle(flight, self.account.refused(Phase.CHUNK, reply))
        if _is_last(reply) and not 200 <= code <= 299:
            self._lose(ended=code == 421)
            return
        self._say(b"RSET\r\n", (Phase.CONNECTION, None))
        self._follow()

    def _message_answered(self, flight: Flight, code: int, text: bytes) -> None:
        is_whole, is_success = self.written >= flight.dot, 200 <= code <= 299
        if self.is_chunked:
            self.unanswered -= 1
            self.answered = self.said if flight.dot is math.inf else int(flight.dot)
        # Who refuses the sender, and takes recipient and content, has the message all the same.
        refusal = None if is_success and flight.recipient else flight.refusal
        if is_success and is_whole and not refusal:
            self.queue.settle(flight, Receipt(detail=f"{code} {text.decode('utf-8', 'replace')}"))
            if self.is_chunked:
                self._follow()
            return
        reply = Reply.read(code, text)
        if is_success and not refusal:
            reply = Reply(-1, "", str(reply))  # it took what it has not got
        if self.is_chunked and code in NOT_IMPLEMENTED and not refusal and not flight.settled:
            self._go_plain(flight)
        elif not flight.settled:
            self.queue.settle(flight, refusal or self.account.refused(Phase.MESSAGE, reply))
        if not is_whole or (_is_last(reply) and not (is_success and refusal)):
            self._lose(ended=code == 421)
        elif self.is_chunked:
            if not self.unanswered:
                self._say(b"RSET\r\n", (Phase.CONNECTION, None))
            self._follow()

    def _go_plain(self, flight: Flight) -> None:
        """Have an envelope, and what comes after those in flight, sent by DATA over another connection."""
        go_plain(self.account)
        self.queue.put_back([flight])
        self.carried = self.account.limit

    def _refused(self, phase: Phase, flight: Flight, reply: Reply) -> None:
        has_left = flight.dot < math.inf
        if has_left and not 400 <= reply.code <= 599:
            phase = Phase.MESSAGE  # nobody can tell what becomes of it
        error = self.account.refused(phase, reply)
        if reply.code == 421 and phase is Phase.SENDER:
            if self.carried == 1:
                self.blamed = flight, error, False
            self.awaited.appendleft((phase, flight))
            self._lose(ended=True)
            return
        if has_left and 400 <= reply.code <= 599:
            flight.refusal = flight.refusal or error
        elif not flight.settled:
            self.queue.settle(flight, error)
        if _is_last(reply):
            self._lose(ended=reply.code == 421)
        elif phase is Phase.DATA or (phase is Phase.RECIPIENT and not self.capabilities.pipelining):
            if flight.sender:
                self._say(b"RSET\r\n", (Phase.CONNECTION, None))
            if self.capabilities.pipelining:
                self._follow()

    # The end

    def _lose(self, error: Exception | None = None, again: bool = True, ended: bool = False) -> None:
        """Abandon the connection; an error is attributed to the first envelope without a reply.

        `ended`: the server said 421, so it has taken nothing of what stands behind.
        """
        if self.lost:
            return
        self.lost = True
        cause = self.account.failed(error if isinstance(error, TimeoutError) else smtplib.SMTPServerDisconnected())
        flights = list(dict.fromkeys(flight for _, flight in self.awaited))
        # Before it took a sender: how servers end a connection that was idle or has carried enough, with 421 or without
        # a word. Nobody is to blame, however often: each of these connections has carried somebody.
        first = self.awaited[0][0] if self.awaited else None
        is_parting = self.carried > 1 and first is Phase.SENDER
        if self.is_proven and error and again and first in (Phase.SENDER, Phase.CONNECTION):
            go_plain(self.account)  # by BDAT, who stands behind when it closes without a word is unknown each time
        innocent = []
        for flight in flights:
            if flight is None or flight.settled or (self.blamed and flight is self.blamed[0]):
                continue
            if flight.refusal and not flight.recipient:
                self.queue.settle(flight, flight.refusal)
            elif self.written >= flight.dot and not ended:
                words = f"The message had left when its answer was lost, so it may or may not arrive. {cause}"
                self.queue.settle(flight, TransportError(words, handed_over=True))
            elif error and flight is flights[0] and not (is_parting and again):
                self.blamed = flight, cause, again
            else:
                innocent.append(flight)
        self.queue.put_back(innocent)


def _chunk(flight: Flight) -> bytes:
    """Return the content as BDAT requires it."""
    envelope = flight.envelope
    return envelope.mime if envelope.is_smooth else complete_lines(envelope.mime)


def _is_last(reply: Reply) -> bool:
    """Whether a reply ends the session: the server closes the connection, or does not speak SMTP."""
    return reply.code == 421 or not 400 <= reply.code <= 599
