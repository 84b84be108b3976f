"""Wait for sockets, as the loop of Waitress does it, but ask only those that may have changed what they wait for.

Waitress asks all its connections before each wait, and waits again after each answer: a thousand idle connections
would make every request slower.
"""

import select
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any

from waitress import wasyncore

NAMES = {
    EVENT_READ: select.POLLIN,
    EVENT_WRITE: select.POLLOUT,
    EVENT_READ | EVENT_WRITE: select.POLLIN | select.POLLOUT,
}


class Watched(dict[int, Any]):
    """The servers, triggers and connections of Waitress by file number; to be used as its map."""

    def __init__(self) -> None:
        super().__init__()
        self.selector = DefaultSelector()
        self.changed: set[int] = set()  # file numbers; other threads add to it
        self.events: dict[int, int | None] = {}  # that each waits for; None while it is asked

    def __setitem__(self, number: int, one: Any) -> None:
        super().__setitem__(number, one)
        self.events[number] = 0
        self.changed.add(number)

    def __delitem__(self, number: int) -> None:
        super().__delitem__(number)
        del self.events[number]
        with suppress(KeyError):  # it waited for nothing
            self.selector.unregister(number)

    def wait(self, seconds: float) -> None:
        """Wait for something to happen, and handle it."""
        for number in list(self.changed):
            self.changed.discard(number)
            if (one := self.get(number)) is not None:
                self._ask(number, one)
        for key, events in self.selector.select(seconds):
            if (one := self.get(key.fd)) is not None:
                self.changed.add(key.fd)
                wasyncore.readwrite(one, NAMES[events])

    def is_waiting_to_read(self, number: int) -> bool:
        """Tell whether a socket is watched for what comes in, and for nothing else."""
        return self.events.get(number) == EVENT_READ

    def _ask(self, number: int, one: Any) -> None:
        known, self.events[number] = self.events[number], None
        events = (EVENT_READ if one.readable() else 0) | (EVENT_WRITE if one.writable() and not one.accepting else 0)
        if number not in self:  # it was closed when it was asked
            return
        if one.accepting:  # it looks after deadlines whenever it is asked
            self.changed.add(number)
        if known and not events:
            self.selector.unregister(number)
        elif known and events != known:
            self.selector.modify(number, events)
        elif events and not known:
            self.selector.register(number, events)
        self.events[number] = events
