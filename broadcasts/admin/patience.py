"""Run queries with a timeout, for responses while a user types."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

STEPS = 10_000  # of SQLite's machine between two looks at the clock
CANCELLED = "57014"  # what PostgreSQL calls a statement that took too long


class TooSlow(Exception):
    """The database was stopped before it had an answer."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Let each query inside take so long; raises TooSlow. Nothing is written inside."""
    limited = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    try:
        with limited(seconds):
            yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == CANCELLED or str(error) == "interrupted":
            raise TooSlow from None
        raise


@contextmanager
def _on_postgresql(seconds: float) -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(round(seconds * 1000))])
        yield
        transaction.set_rollback(True)  # what was set goes, also within an outer transaction


@contextmanager
def _on_sqlite(seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    until = time.monotonic() + seconds
    connection.connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)
