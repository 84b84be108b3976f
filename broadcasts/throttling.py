"""At most so many requests in each clock hour, or minute, per token, user or channel, over all processes together.

Requests are counted in the database, but by no means each: a process takes an allowance from the row of a token, a
sixteenth of what is left of the window, and uses it up from its own memory. So 3,600 requests cost about a hundred
small writes, two processes never grant more than the limit together, and nothing that forgets, such as a cache that
makes room, sets the count back. What a process that ended had not used is lost to the token for that window, at most
a sixteenth.

Counting never fails a request. While the count cannot be reached, requests are let through, remembered, and counted
with the next allowance; that is logged once a minute.
"""

import logging
import threading
import time
from dataclasses import dataclass

from broadcasts.models import Allowance

log = logging.getLogger(__name__)

HOUR = 3600  # seconds in a window
MINUTE = 60
SHARE = 16
LOCK_SECONDS = 0.05  # a request is not held up for the sake of its count
PAUSE_SECONDS = 1  # before a database that could not be asked is asked again
KNOWN = 10_000  # tokens in the memory of a process
LOG_SECONDS = 60


def allows(who: str, limit: int, cost: int = 1, window: int = HOUR) -> bool:
    """Count a request of a client, such as token:12; tell whether it is within the limit per window. 0 is no limit.

    A request may cost more than 1, such as its kilobytes; the last one that is granted may go beyond the limit.
    """
    if not limit:
        return True
    try:
        return allowances.take(who, beginning(window), limit, cost, window)
    except Exception as error:  # while the database is out of order, requests are not limited
        complaints.log(error)
        return True


def beginning(window: int) -> int:
    """Return when the clock's present window began, in seconds since 1970."""
    now = int(time.time())
    return now - now % window


def seconds_left(window: int = HOUR) -> int:
    """Return the seconds until the end of the clock's window."""
    return beginning(window) + window - int(time.time())


class Complaints:
    """Logs at most once a minute that requests cannot be counted."""

    logged_at = -LOG_SECONDS

    def log(self, error: Exception) -> None:
        now = int(time.monotonic())
        if now >= self.logged_at + LOG_SECONDS:
            self.logged_at = now
            log.warning("Requests are let through uncounted, since the throttle cannot count: %s", error)


@dataclass
class Balance:
    """The requests that this process may grant a client in a window, and those granted beyond that."""

    begins: int
    ends: int
    left: int = 0
    owed: int = 0
    is_used_up: bool = False  # no process may grant more, until the next window

    def spend(self, cost: int) -> None:
        """Use up what is left; what a request costs beyond that is owed."""
        spent = min(self.left, cost)
        self.left -= spent
        self.owed += cost - spent


class Allowances:
    """The balances of this process; one thread at a time takes more from the database."""

    def __init__(self) -> None:
        self.lock, self.asking = threading.Lock(), threading.Lock()
        self.balances: dict[str, Balance] = {}
        self.pause_ends = 0.0  # until then the database is not asked, after an error

    def take(self, who: str, begins: int, limit: int, cost: int = 1, window: int = HOUR) -> bool:
        """Use up one request of a balance; raises DatabaseError if it is empty and the database is out of order."""
        if (known := self._spend(who, begins, cost, window)) is not None:
            return known
        with self.asking:
            if (known := self._spend(who, begins, cost, window)) is not None:
                return known
            balance = self._balance(who, begins, window)
            if time.monotonic() < self.pause_ends:
                balance.owed += cost
                return True
            try:
                granted = Allowance.take(who, begins, limit, owed=balance.owed, share=SHARE, patience=LOCK_SECONDS)
            except BaseException:
                self.pause_ends = time.monotonic() + PAUSE_SECONDS
                balance.owed += cost
                raise
            with self.lock:
                balance.owed, balance.left, balance.is_used_up = 0, granted, granted == 0
                if granted:
                    balance.spend(cost)
            return granted > 0

    def _spend(self, who: str, begins: int, cost: int, window: int) -> bool | None:
        """Use up a request of the balance in memory; return None if the database must be asked."""
        with self.lock:
            balance = self._balance(who, begins, window)
            if balance.left:
                balance.spend(cost)
                return True
            return False if balance.is_used_up else None

    def _balance(self, who: str, begins: int, window: int) -> Balance:
        balance = self.balances.get(who)
        if balance is None or balance.begins != begins:
            if len(self.balances) >= KNOWN:
                self.balances = {name: one for name, one in self.balances.items() if one.ends > begins}
            balance = self.balances[who] = Balance(begins, begins + window)
        return balance

    def forget(self) -> None:
        self.balances, self.pause_ends = {}, 0.0


allowances = Allowances()
complaints = Complaints()
