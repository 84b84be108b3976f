"""Bounded waits for the database: for locks, and for a server that restarts."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from django.db import DatabaseError, OperationalError, connection, transaction

PATIENCE = 20  # seconds to wait for a lost database

Answer = TypeVar("Answer")


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Open a transaction that waits at most some seconds for a lock, then raises a DatabaseError that is an outage."""
    limited = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    with limited(round(seconds * 1000)):
        yield


@contextmanager
def _on_postgresql(milliseconds: int) -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(max(milliseconds, 1))])
        yield
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', '0', true)")  # for an outer transaction


@contextmanager
def _on_sqlite(milliseconds: int) -> Iterator[None]:
    connection.ensure_connection()
    with connection.cursor() as cursor:
        usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={milliseconds}")
    try:
        with transaction.atomic():
            yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout={usual}")


def patiently(act: Callable[[], Answer]) -> Answer:
    """Call `act` again after a lost connection, for up to 20 seconds, and return its result.

    Raises OperationalError after that time, and at once inside a transaction.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except OperationalError:
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(0.5)


def durably(write: Callable[[], None], is_written: Callable[[], bool]) -> None:
    """Run `write` in a transaction exactly once, also over a lost connection.

    Where the reply to the commit was lost, `is_written` tells whether it was committed.
    """
    tried = False

    def attempt() -> None:
        nonlocal tried
        if tried and is_written():
            return
        tried = True
        with transaction.atomic():
            write()

    patiently(attempt)
