"""Remove deleted data from the files of the database.

PostgreSQL does it by itself (autovacuum, recycled WAL). SQLite keeps overwritten data in its write-ahead log until a
checkpoint; freed pages of the main file are zeroed at once, by `secure_delete` in settings.
"""

import logging

from django.db import OperationalError, connection, transaction

log = logging.getLogger(__name__)

WAIT_MS = 1000  # for readers and the writer: others wait as long


def wipe() -> None:
    """Empty SQLite's write-ahead log, after the transaction; when others hold it, the daily `prune` does it later."""
    if connection.vendor == "sqlite":
        transaction.on_commit(_empty_log, robust=True)


def _empty_log() -> None:
    with connection.cursor() as cursor:
        patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
        try:
            is_busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except OperationalError:  # a writer, or another checkpoint
            is_busy = True
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
    if is_busy:
        log.info("The write-ahead log is in use; it is emptied by the next prune")
