"""Hashing passwords, few at a time: each takes a core for a third of a second.

A request that finds no place is answered with 503 at once. So that nobody holds all places, one address has two of them
at most, and people who sign in from where they did before have places of their own, one for each account.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock

from django.contrib.auth.hashers import PBKDF2PasswordHasher

PATIENCE = 5.0  # seconds that whoever has a place waits to begin
RETRY_SECONDS = 2


class Busy(Exception):
    """Too many passwords are being checked; the same request succeeds a little later."""


class Lane:
    """Places in one process: so many hash at once, so many more wait, and one key holds so many of them."""

    def __init__(self, at_once: int, waiting: int, each: int) -> None:
        self.hashing = BoundedSemaphore(at_once)
        self.places = at_once + waiting
        self.each = each
        self.held: Counter[str | None] = Counter()
        self.lock = Lock()

    def admit(self, key: str | None) -> bool:
        """Give a place to a key; False where there is none, or where the key holds its share."""
        with self.lock:
            if self.held.total() >= self.places or self.held[key] >= self.each:
                return False
            self.held[key] += 1
            return True

    def leave(self, key: str | None) -> None:
        with self.lock:
            self.held[key] -= 1
            self.held += Counter()  # keeps what is above zero

    @contextmanager
    def hashing_slot(self) -> Iterator[None]:
        if not self.hashing.acquire(timeout=PATIENCE):
            raise Busy
        try:
            yield
        finally:
            self.hashing.release()


# Together fewer than the threads of a web process, so that others are answered meanwhile.
EVERYBODY = Lane(at_once=2, waiting=1, each=2)  # by address
KNOWN = Lane(at_once=1, waiting=1, each=1)  # by account


@dataclass
class Asking:
    """The request that this thread answers: where it comes from, and the account whose known place that is."""

    address: str | None = None
    account: str | None = None


_asking: ContextVar[Asking | None] = ContextVar("asking", default=None)


@contextmanager
def asked_from(address: str | None) -> Iterator[None]:
    """Count what is hashed within as asked for by an address."""
    token = _asking.set(Asking(address))
    try:
        yield
    finally:
        _asking.reset(token)


def prefer(account: str) -> None:
    """Let the request at hand use the places of those who signed in to this account from there before."""
    if asking := _asking.get():
        asking.account = account


@contextmanager
def slot() -> Iterator[None]:
    """Hold one of the few places to hash in; raises Busy where there is none, or after waiting for too long."""
    asking = _asking.get() or Asking()
    choices = [(KNOWN, asking.account)] if asking.account else []
    for lane, key in [*choices, (EVERYBODY, asking.address)]:
        if lane.admit(key):
            break
    else:
        raise Busy
    try:
        with lane.hashing_slot():
            yield
    finally:
        lane.leave(key)


class BoundedHasher(PBKDF2PasswordHasher):
    """Django's own algorithm, within a slot: sign-ins by the dozen must leave the processor to everybody else."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with slot():
            return super().encode(password, salt, iterations)
