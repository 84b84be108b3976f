"""Progress in the terminal, on standard error, so that output can be piped on."""

import sys
from typing import Any

from tqdm import tqdm

from broadcasts import formats, stats
from broadcasts.importing import Result
from broadcasts.models import Broadcast

Status = Broadcast.Status
MOVING = frozenset({Status.SCHEDULED, Status.SENDING})


def bar(**options: Any) -> "tqdm[Any]":
    # disable=None: only in a terminal
    return tqdm(file=sys.stderr, dynamic_ncols=True, disable=None, **options)


class ImportBar:
    """The progress of an import: how much of the file was read, how fast, how long yet."""

    def __init__(self, size: int | None) -> None:
        self.bar = bar(total=size, unit="B", unit_scale=True, desc="Importing")

    def __enter__(self) -> "ImportBar":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.bar.close()

    def update(self, so_far: Result) -> None:
        rows, refused = formats.number(so_far.job.rows), formats.number(so_far.job.invalid_count)
        self.bar.set_postfix(rows=rows, refused=refused, refresh=False)
        self.bar.update(so_far.bytes_read - self.bar.n)


class SendingBar:
    """The progress of one broadcast: how many of its recipients have an outcome, how fast, how long yet."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.broadcast = broadcast
        self.bar = bar(desc=broadcast.name[:30], unit=" msg", total=0)

    def update(self) -> bool:
        """Show the numbers of this moment; True once nothing moves any more."""
        broadcast = self.broadcast
        broadcast.refresh_from_db()
        is_closing = broadcast.status == Status.CANCELLED and not broadcast.completed_at
        numbers = stats.counts([broadcast])[broadcast.pk]
        self.bar.total = numbers["recipients"]
        names = ("sent", "failed", "unknown", "cancelled")
        told = {name: formats.number(numbers[name]) for name in names if numbers[name]}
        self.bar.set_postfix(told, refresh=False)
        self.bar.update(numbers["recipients"] - numbers["pending"] - self.bar.n)
        return broadcast.status not in MOVING and not is_closing

    def close(self) -> None:
        self.bar.refresh()
        self.bar.close()
