"""Limit how many passwords are hashed at once: each hash takes a core for a third of a second.

A request beyond the limits gets 503 at once. No client can use up all places: an address has at most two of them, and
sign-ins to an account from an address where it was used before have a pool of their own, with one place per account.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock

from django.contrib.auth.hashers import PBKDF2PasswordHasher

PATIENCE = 5.0  # seconds to wait for a hashing slot with a place in the pool
RETRY_SECONDS = 2


class Busy(Exception):
    """Too many passwords are being checked; the same request succeeds a little later."""


class HashingPool:
    """The places of one process: `at_once` to hash in and `waiting` to wait in, at most `each` of them per key."""

    def __init__(self, at_once: int, waiting: int, each: int) -> None:
        self.hashing = BoundedSemaphore(at_once)
        self.places = at_once + waiting
        self.each = each
        self.held: Counter[str | None] = Counter()
        self.lock = Lock()

    def admit(self, key: str | None) -> bool:
        """Take a place for a key; return False if none is free or the key has `each` places."""
        with self.lock:
            if self.held.total() >= self.places or self.held[key] >= self.each:
                return False
            self.held[key] += 1
            return True

    def leave(self, key: str | None) -> None:
        """Release a place of a key."""
        with self.lock:
            self.held[key] -= 1
            self.held += Counter()  # removes zero counts

    @contextmanager
    def hashing_slot(self) -> Iterator[None]:
        """Hold a hashing slot; raises Busy if none becomes free within PATIENCE."""
        if not self.hashing.acquire(timeout=PATIENCE):
            raise Busy
        try:
            yield
        finally:
            self.hashing.release()


# Together fewer than the threads of a web process, so that it still answers other requests.
EVERYBODY = HashingPool(at_once=2, waiting=1, each=2)  # by address
KNOWN = HashingPool(at_once=1, waiting=1, each=1)  # by account


@dataclass
class RequestSource:
    """The client address of the current request, and the account that was used from that address before, if any."""

    address: str | None = None
    account: str | None = None


_request_source: ContextVar[RequestSource | None] = ContextVar("request_source", default=None)


@contextmanager
def requested_from(address: str | None) -> Iterator[None]:
    """Attribute the hashing within the block to a client address."""
    token = _request_source.set(RequestSource(address))
    try:
        yield
    finally:
        _request_source.reset(token)


def prefer(account: str) -> None:
    """Let the current request use the pool of known addresses, with this account as its key."""
    if source := _request_source.get():
        source.account = account


@contextmanager
def slot() -> Iterator[None]:
    """Hold a place and a hashing slot; raises Busy if no place is free, or no slot within PATIENCE."""
    source = _request_source.get() or RequestSource()
    choices = [(KNOWN, source.account)] if source.account else []
    for pool, key in [*choices, (EVERYBODY, source.address)]:
        if pool.admit(key):
            break
    else:
        raise Busy
    try:
        with pool.hashing_slot():
            yield
    finally:
        pool.leave(key)


class BoundedHasher(PBKDF2PasswordHasher):
    """Django's PBKDF2 hasher, within a slot, so that many sign-ins at once do not use all cores."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with slot():
            return super().encode(password, salt, iterations)
