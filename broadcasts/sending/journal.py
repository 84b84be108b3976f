"""A file per lease in which a worker records what it hands over and which replies it gets, to be read after a crash.

The database is authoritative, but is written once per window: when a worker dies, every copy of its window may have
been sent. Its journal tells which copies were not started and which were accepted, so that only those in flight are
unknown. A journal that is missing (another host, full disk) or older than the last boot (its end may be lost) is not
used.

Each record is a delivery's id and an event, with the segments of an SMS. Recovery of the batch appends a seal first;
a worker that finds a seal before its own record starts no further copy, however long it was suspended.
"""

import logging
import os
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

from django.conf import settings

from broadcasts.exceptions import LeaseLost
from broadcasts.transports import Outcome, Receipt

log = logging.getLogger(__name__)

RECORD = struct.Struct("<qq")
SEAL, BEGUN, TAKEN, RETURNED = range(4)
KEPT_SECONDS = 86_400  # recovery reads a journal within a minute, unless no supervisor runs


def _path(batch_id: int, token: int) -> Path:
    return Path(settings.DATA_DIR) / "run" / "journal" / f"{batch_id}-{token}"


@cache
def _boot() -> str:
    """Return the id of the current boot; a file that was written before it may have lost its last records."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _head(owner: str) -> bytes:
    return f"{_boot()} {owner}\n".encode()


class Journal:
    """Writes the journal of one lease; without a boot id or a writable disk it does nothing."""

    def __init__(self, batch_id: int, token: int, owner: str) -> None:
        self.path = _path(batch_id, token)
        self.head = _head(owner)
        self.size = 0
        self.file: int | None = None
        self.waiting = b""  # records that are not written yet

    def __enter__(self) -> Self:
        if not _boot():
            return self
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)  # of another database that was here before
            self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self.size = os.write(self.file, self.head)
        except OSError as error:
            self._give_up(error)
        return self

    @property
    def is_kept(self) -> bool:
        """Whether there is a file that recovery can read."""
        return self.file is not None

    def __exit__(self, exc_type: type[BaseException] | None, *exc_info: object) -> None:
        """Remove the file after a normal end; after an exception, recovery reads and removes it."""
        if exc_type is None:
            self._remove()
            return
        with suppress(LeaseLost):
            self.write()
        if self.file is not None:
            os.close(self.file)

    def begin(self, pks: Sequence[int]) -> None:
        """Record that copies are about to be sent; raises LeaseLost if the batch was recovered, to prevent that."""
        self.waiting += b"".join([RECORD.pack(pk, BEGUN) for pk in pks])
        self.write()
        if self.file is not None and os.lseek(self.file, 0, os.SEEK_CUR) != self.size:
            raise LeaseLost(f"the journal {self.path.name} was sealed by somebody else")

    def end(self, pk: int, outcome: Outcome) -> None:
        """Record an outcome, to be written with the next copies; a copy without a reply stays recorded as begun."""
        if isinstance(outcome, Receipt):
            self.waiting += RECORD.pack(pk, TAKEN | outcome.segments << 8)
        elif not outcome.handed_over:
            self.waiting += RECORD.pack(pk, RETURNED)

    def write(self) -> None:
        """Append the waiting records to the file."""
        records, self.waiting = self.waiting, b""
        if self.file is None:
            return
        try:
            written = os.write(self.file, records)
        except OSError as error:
            self._give_up(error)
            return
        self.size += written
        if written < len(records):
            self._give_up(OSError("the disk is full"))

    def _give_up(self, error: OSError) -> None:
        """Continue without a file; raises LeaseLost if it was sealed, since recovery relies on it then."""
        log.warning("The journal %s cannot be written: %s", self.path, error)
        if self.file is not None and os.fstat(self.file).st_size > self.size:
            raise LeaseLost(f"the journal {self.path.name} was sealed by somebody else") from error
        self._remove()

    def _remove(self) -> None:
        if self.file is not None:
            os.close(self.file)
            self.file = None
            self.path.unlink(missing_ok=True)


@dataclass
class JournalRecords:
    """The ids of deliveries in a dead worker's journal."""

    begun: set[int] = field(default_factory=set)  # started, without a reply
    taken: dict[int, int] = field(default_factory=dict)  # their segments; 0 for other than an SMS


def seal(batch_id: int, token: int, owner: str) -> JournalRecords | None:
    """Seal a journal against its worker and read it; return None if there is none, or it may be incomplete."""
    try:
        file = os.open(_path(batch_id, token), os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.write(file, RECORD.pack(0, SEAL))
        os.lseek(file, 0, os.SEEK_SET)
        with os.fdopen(os.dup(file), "rb") as whole:
            head, records = whole.readline(), whole.read()
    except OSError as error:
        log.warning("The journal of batch %s cannot be read: %s", batch_id, error)
        return None
    finally:
        os.close(file)
    return _read(records) if head == _head(owner) and len(records) % RECORD.size == 0 else None


def _read(records: bytes) -> JournalRecords:
    told = JournalRecords()
    for pk, told_of in RECORD.iter_unpack(records):
        what, segments = told_of & 0xFF, told_of >> 8
        if what == SEAL:
            break
        told.begun.discard(pk)
        if what == BEGUN:
            told.begun.add(pk)
        elif what == TAKEN:
            told.taken[pk] = segments
    return told


def exists(batch_id: int, token: int) -> bool:
    return _path(batch_id, token).exists()


def forget(batch_id: int, token: int) -> None:
    """Remove the journal of a batch that was recovered."""
    with suppress(OSError):
        _path(batch_id, token).unlink(missing_ok=True)


def forget_old(*, dry_run: bool = False) -> int:
    """Remove journals older than a day, such as those of batches that another host recovered; return how many."""
    n = 0
    for path in _path(0, 0).parent.glob("*-*"):
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                if not dry_run:
                    path.unlink()
                n += 1
    return n
