"""Errors of the database that are temporary.

`outage` alone decides for which errors a later retry may succeed.
"""

import errno
import sqlite3
from dataclasses import dataclass
from http import HTTPStatus

RETRY_SECONDS = 10  # after which a client may try again


@dataclass(frozen=True)
class Outage:
    """Why the database or the disk cannot be written to, or read, at the moment."""

    text: str
    is_full: bool = False  # the disk for files: HTTP has a status of its own for that

    @property
    def sentence(self) -> str:
        return f"{self.text} Try again in a moment."

    @property
    def status(self) -> int:
        return HTTPStatus.INSUFFICIENT_STORAGE if self.is_full else HTTPStatus.SERVICE_UNAVAILABLE


BUSY = Outage("The database is busy with other work.")
FULL = Outage("The disk of the database is full.")
READ_ONLY = Outage("The database cannot be written to.")
BROKEN = Outage("The disk of the database fails.")
GONE = Outage("The database cannot be reached.")
NO_ROOM = Outage("The disk is full.", is_full=True)

OF_SQLITE = {  # https://sqlite.org/rescode.html, the primary codes
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_IOERR: BROKEN,
    sqlite3.SQLITE_CANTOPEN: GONE,
}
OF_POSTGRESQL = {  # SQLSTATE, whole or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
    "08": GONE,
    "25006": READ_ONLY,
    "40P01": BUSY,  # a deadlock
    "40001": BUSY,
    "53": GONE,  # too many connections, out of memory
    "53100": FULL,
    "55P03": BUSY,  # a lock was not to be had in time
    "57P": GONE,  # it shuts down, starts, or was restarted
    "58": BROKEN,
}
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
PRIMARY = 0xFF


def outage(error: BaseException | None) -> Outage | None:
    """Return the outage that an error or one of its causes means; None for any other error."""
    while error is not None:
        if found := _of(error):
            return found
        error = error.__cause__
    return None


def _of(error: BaseException) -> Outage | None:
    if isinstance(error, sqlite3.Error):
        return OF_SQLITE.get(getattr(error, "sqlite_errorcode", 0) & PRIMARY)
    if isinstance(error, OSError):
        return NO_ROOM if error.errno in FULL_DISK else None
    if type(error).__module__.startswith("psycopg"):
        state = getattr(error, "sqlstate", None)
        if state is None:  # it never came to a statement, or the connection is lost
            return GONE if type(error).__name__ in ("OperationalError", "InterfaceError") else None
        return next((OF_POSTGRESQL[key] for key in (state, state[:3], state[:2]) if key in OF_POSTGRESQL), None)
    return None
