"""At most so many requests in each clock hour per token, user or channel, over all processes together.

With Redis each request is counted there, by an atomic INCR. Without it, requests are counted in the database, but by
no means each: a process takes an allowance from the row of a token, a sixteenth of what is left of the hour, and uses
it up from its own memory. So 3,600 requests cost about a hundred small writes, two processes never grant more than the
limit together, and nothing that forgets, such as a cache that makes room, sets the count back. What a process that
ended had not used is lost to the token for that hour, at most a sixteenth.

Counting never fails a request. While the count cannot be reached, requests are let through, remembered, and counted
with the next allowance; that is logged once a minute.
"""

import logging
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache

from broadcasts.models import Allowance

log = logging.getLogger(__name__)

WINDOW = 3600
SHARE = 16
LOCK_SECONDS = 0.05  # a request is not held up for the sake of its count
PAUSE_SECONDS = 1  # before a database that could not be asked is asked again
KNOWN = 10_000  # tokens in the memory of a process
LOG_SECONDS = 60


def allows(who: str, limit: int) -> bool:
    """Count one request of somebody, such as token:12, and tell whether it is within an hour's limit; 0: no limit."""
    if not limit:
        return True
    counted = in_redis if settings.REDIS_URL else allowances.take
    try:
        return counted(who, int(time.time()) // WINDOW, limit)
    except Exception as error:  # of a database or a Redis that cannot be used: reading must go on
        complaints.log(error)
        return True


def seconds_left() -> int:
    """Return how long the clock hour lasts."""
    return WINDOW - int(time.time()) % WINDOW


def in_redis(who: str, hour: int, limit: int) -> bool:
    key = f"throttle:{who}:{hour}"
    cache.add(key, 0, WINDOW)
    return cache.incr(key) <= limit


class Complaints:
    """Logs that counting does not work, once a minute."""

    logged_at = -LOG_SECONDS

    def log(self, error: Exception) -> None:
        now = int(time.monotonic())
        if now >= self.logged_at + LOG_SECONDS:
            self.logged_at = now
            log.warning("Requests are let through uncounted, since the throttle cannot count: %s", error)


@dataclass
class Purse:
    """What one process may still grant one token in one hour, and what it granted without asking."""

    hour: int
    left: int = 0
    owed: int = 0
    is_used_up: bool = False  # no process may grant more, until the next hour


class Allowances:
    """The purses of this process. One thread at a time asks the database for more."""

    def __init__(self) -> None:
        self.lock, self.asking = threading.Lock(), threading.Lock()
        self.purses: dict[str, Purse] = {}
        self.pause_ends = 0.0  # the database could not be asked just now

    def take(self, who: str, hour: int, limit: int) -> bool:
        """Use one request of an allowance; raises DatabaseError when there is none and none can be had."""
        if (known := self._spend(who, hour)) is not None:
            return known
        with self.asking:
            if (known := self._spend(who, hour)) is not None:
                return known
            purse = self._purse(who, hour)
            if time.monotonic() < self.pause_ends:
                purse.owed += 1
                return True
            try:
                granted = Allowance.take(who, hour, limit, owed=purse.owed, share=SHARE, patience=LOCK_SECONDS)
            except BaseException:
                self.pause_ends = time.monotonic() + PAUSE_SECONDS
                purse.owed += 1
                raise
            with self.lock:
                purse.owed, purse.left, purse.is_used_up = 0, max(granted - 1, 0), granted == 0
            return granted > 0

    def _spend(self, who: str, hour: int) -> bool | None:
        """Answer from memory; None when the database must be asked."""
        with self.lock:
            purse = self._purse(who, hour)
            if purse.left:
                purse.left -= 1
                return True
            return False if purse.is_used_up else None

    def _purse(self, who: str, hour: int) -> Purse:
        purse = self.purses.get(who)
        if purse is None or purse.hour != hour:
            if len(self.purses) >= KNOWN:
                self.purses = {name: one for name, one in self.purses.items() if one.hour == hour}
            purse = self.purses[who] = Purse(hour)
        return purse

    def forget(self) -> None:
        self.purses, self.pause_ends = {}, 0.0


allowances = Allowances()
complaints = Complaints()
