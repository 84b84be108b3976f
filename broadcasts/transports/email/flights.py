"""The envelopes of one send(): those in flight, those that wait, and the outcomes that are known."""

import math
import time
from collections import deque
from collections.abc import Iterable

from ..base import Begin, Envelope, Outcome, TransportError, unnoticed
from .account import check_addresses


class Flight:
    """An envelope in flight."""

    __slots__ = ("dot", "envelope", "losses", "recipient", "refusal", "sender", "settled")

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.losses = 0  # connections lost through no fault of another envelope
        self.start()

    def start(self) -> None:
        self.sender = self.recipient = False  # whether the server took them
        self.settled = False
        # Of the sender or the recipient, while the answer to the content, which has left already, is to come.
        self.refusal: TransportError | None = None
        self.dot = math.inf  # where in all that the connection writes its content, with the final dot, ends

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
