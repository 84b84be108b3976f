"""Send many envelopes over several connections at once, in one thread."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from selectors import BaseSelector, DefaultSelector

from ..base import Begin, Envelope, Outcome, Receipt, TransportError, only_receipt, unnoticed
from .account import LONGEST, Account
from .connection import SmtpConnection
from .flights import Flight, Queue
from .smtp import GOODBYE_SECONDS, check, connect

SPARE_SECONDS = 3  # while one more connection is made, the others wait
FEWER_SECONDS = 60  # for so long a server that had no room for one more is not asked again


class Pipeline:
    """The connections to one SMTP server, kept between calls of send()."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.connections: list[SmtpConnection] = []
        self.fewer = 0  # so many connections until `fewer_until`
        self.fewer_until = -math.inf

    def open(self) -> None:
        if not self.connections:
            self.connections.append(SmtpConnection(self.account, Queue([], 0, 0), connect(self.account, LONGEST)))

    def close(self) -> None:
        """Send QUIT on all connections, then wait for the replies."""
        connections, self.connections = self.connections, []
        deadline = time.monotonic() + GOODBYE_SECONDS
        idle = [connection for connection in connections if connection.is_idle]
        for connection in idle:
            connection.leave()
        for connection in connections:
            connection.close(deadline if connection in idle else 0)

    def check(self) -> None:
        check(self.account)

    def deliver(self, envelope: Envelope) -> Receipt:
        return only_receipt(self._send(Queue([envelope], math.inf, time.monotonic() + 2 * LONGEST)))

    def send(
        self, envelopes: Iterable[Envelope], until: float = math.inf, begin: Begin = unnoticed
    ) -> Iterator[tuple[Envelope, Outcome]]:
        """Yield each envelope with its outcome, as Transport.send() promises.

        It ends a time-out after `until` at the latest: of what is under way then, what has written its final dot
        may have been taken, and all else was not handed over.
        """
        return self._send(Queue(envelopes, until, until + self.account.timeout, begin))

    def _send(self, queue: Queue) -> Iterator[tuple[Envelope, Outcome]]:
        # Those that a consumer left who did not read to the end: their state is unclear.
        self._drop(connection for connection in self.connections if not connection.is_idle)
        for connection in self.connections:
            connection.queue, connection.watched = queue, 0
        with DefaultSelector() as selector:
            yield from self._run(selector, queue)

    def _run(self, selector: BaseSelector, queue: Queue) -> Iterator[tuple[Envelope, Outcome]]:
        for connection in self.connections:
            connection.watch(selector)
        wait = 0.0  # the first look is for connections that the server closed while they were idle
        while True:
            events = selector.select(wait)
            now = time.monotonic()
            for key, _ in events:
                key.data.ready(now)
            while queue.known:
                yield queue.known.popleft()
            queue.announce()
            # All at once, once all is made: each alone would wake a server that waits, which costs both sides more.
            for connection in self.connections:
                connection.flush(now)
            self._tend(selector, queue, now)
            self._employ(selector, queue)
            while queue.known:
                yield queue.known.popleft()
            busy = [connection for connection in self.connections if not connection.is_idle]
            if not (busy or queue):
                return
            for connection in busy:
                connection.watch(selector)
            soonest = min((0.0 if connection.lost else connection.patience_ends for connection in busy), default=0.0)
            wait = max(0.0, soonest - time.monotonic())

    def _tend(self, selector: BaseSelector, queue: Queue, now: float) -> None:
        """Abandon connections without a reply in time, and yield the outcomes of lost ones."""
        lost = []
        for connection in self.connections:
            if connection.patience_ends <= now and connection.awaited:
                connection.time_out()
            if connection.lost:
                lost.append(connection)
        for connection in lost:
            selector.unregister(connection.sock)
        self._drop(lost)
        for connection in lost:
            if connection.blamed:
                self._blame(connection.carried == 1, *connection.blamed, queue)

    def _blame(self, is_first: bool, flight: Flight, error: TransportError, again: bool, queue: Queue) -> None:
        if is_first and self.connections:
            self._take_fewer()
            queue.put_back([flight])
        elif again and not flight.losses:
            flight.losses += 1
            queue.put_back([flight])
        else:
            queue.settle(flight, error)

    def _employ(self, selector: BaseSelector, queue: Queue) -> None:
        """Start envelopes on all idle connections, and open one more if enough envelopes wait."""
        for connection in [connection for connection in self.connections if connection.is_idle]:
            if not queue:
                return
            if connection.is_spent:
                selector.unregister(connection.sock)
                self.connections.remove(connection)
                connection.leave()
                connection.close(time.monotonic() + GOODBYE_SECONDS)
            else:
                connection.serve(time.monotonic())
        count = len(self.connections)
        if count == 0 or (count < self._most() and queue.has(count + 1)):
            self._open_one_more(selector, queue)

    def _open_one_more(self, selector: BaseSelector, queue: Queue) -> None:
        flight = queue.take()
        if flight is None:
            return
        seconds = min(LONGEST, queue.end - time.monotonic())
        if self.connections:
            seconds = min(SPARE_SECONDS, seconds)
        account = replace(self.account, timeout=min(self.account.timeout, max(seconds, 0.1)))
        try:
            client = connect(account, seconds)
        except TransportError as error:
            if self.connections:
                self._take_fewer()
                queue.put_back([flight])
            else:
                queue.settle(flight, error)
            return
        connection = SmtpConnection(self.account, queue, client)
        self.connections.append(connection)
        connection.watch(selector)
        queue.put_back([flight])
        connection.serve(time.monotonic())

    def _most(self) -> int:
        return self.fewer if time.monotonic() < self.fewer_until else self.account.connections

    def _take_fewer(self) -> None:
        """Limit the number of connections to the current ones, since the server refused one more."""
        self.fewer, self.fewer_until = len(self.connections), time.monotonic() + FEWER_SECONDS

    def _drop(self, connections: Iterable[SmtpConnection]) -> None:
        for connection in list(connections):
            self.connections.remove(connection)
            connection.close()
