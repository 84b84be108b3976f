"""A provider in memory: takes every envelope, or answers as it was told to."""

from collections import Counter
from collections.abc import Callable

from broadcasts.transports import Envelope, Receipt, Transport, TransportError


class Recorder(Transport):
    """`answers` maps an address to the error it gets; `before` runs before each envelope is taken."""

    kind = "email"
    label = "Recorder"
    carries_mail = True

    def __init__(self) -> None:
        super().__init__({})
        self.received: list[Envelope] = []
        self.answers: dict[str, TransportError] = {}
        self.refuses: TransportError | None = None
        self.before: Callable[[Envelope], None] = lambda envelope: None

    def open(self) -> None:
        if self.refuses:
            raise self.refuses

    def deliver(self, envelope: Envelope) -> Receipt:
        self.before(envelope)
        if error := self.answers.get(envelope.address):
            raise error
        self.received.append(envelope)
        return Receipt(provider_id="", detail="250 ok")

    @property
    def copies(self) -> Counter:
        return Counter(envelope.address for envelope in self.received)
