"""Hashing passwords, few at a time: each takes a core for a third of a second."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.contrib.auth.hashers import PBKDF2PasswordHasher

AT_ONCE = 2  # in one process
WAITING = 2  # further threads that may wait for one of these, so that most threads of a web process stay free
PATIENCE = 5.0  # seconds that each of them waits
RETRY_SECONDS = 2

_hashing = BoundedSemaphore(AT_ONCE)
_admitted = BoundedSemaphore(AT_ONCE + WAITING)


class Busy(Exception):
    """Too many passwords are being checked; the same request succeeds a little later."""


@contextmanager
def slot() -> Iterator[None]:
    """Hold one of the few places to hash in; raises Busy when too many wait, or for too long."""
    if not _admitted.acquire(blocking=False):
        raise Busy
    try:
        if not _hashing.acquire(timeout=PATIENCE):
            raise Busy
        try:
            yield
        finally:
            _hashing.release()
    finally:
        _admitted.release()


class BoundedHasher(PBKDF2PasswordHasher):
    """Django's own algorithm, within a slot: sign-ins by the dozen must leave the processor to everybody else."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with slot():
            return super().encode(password, salt, iterations)
