"""Leases of batches by workers: fenced by a token, and renewed with every window."""

import logging
import os
import threading
import time
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Self

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from broadcasts.database import Statement, parameter
from broadcasts.exceptions import LeaseLost
from broadcasts.models import Batch, Broadcast, Delivery, Fallback, Message, Organization, count, lease_end
from broadcasts.models.base import OrganizationQuerySet

log = logging.getLogger(__name__)

HOST: str = settings.HOST_NAME


def worker_name() -> str:
    return f"{HOST}:{os.getpid()}"


def is_alive(owner: str) -> bool:
    """Tell whether a worker process of this host exists; a zombie counts as one."""
    try:
        os.kill(int(owner.rpartition(":")[2]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@dataclass
class Lease:
    """A claimed batch; every write through it raises LeaseLost once another process has recovered the batch."""

    batch_id: int
    token: int
    message_id: int
    position: int  # the id of the last delivery whose window was started
    last_id: int | None = None  # of the batch; None if it was gathered
    renewed_at: float = 0.0  # of time.monotonic(), taken before the renewal, so never too late

    @cached_property
    def batch(self) -> Batch:
        return Batch.objects.get(pk=self.batch_id)

    @cached_property
    def message(self) -> Message:
        return Message.objects.select_related("channel", "broadcast__organization").get(pk=self.message_id)

    @cached_property
    def fallback(self) -> Fallback:
        return Fallback.of(self.message)

    def _held(self) -> OrganizationQuerySet[Batch]:
        return Batch.objects.filter(pk=self.batch_id, token=self.token, state=Batch.State.LEASED)

    def renew(self, reached: int, sent: int = 0, **counters: int) -> bool:
        """Renew the lease and mark the deliveries up to id `reached` as started; called inside a transaction.

        Returns False if the broadcast may not be sent any more. The same statement checks that, so that a pause or a
        cancel takes effect within one window.
        """
        self.renewed_at = time.monotonic()
        mine = {"batch": self.batch_id, "token": self.token, "position": self.position}
        if not _renewal(connection.vendor, settings.LEASE_SECONDS).run(**mine, reached=reached, sent=sent):
            return False
        if counters:
            self._held().update(**count(**counters))
        return True

    def let_go(self, state: str, **counters: int) -> None:
        """Release the batch, as READY or DONE; called inside a transaction."""
        held = self._held().filter(started_through=self.position)
        if not held.transition(state=state, lease_until=None, **count(**counters)):
            raise LeaseLost(f"batch {self.batch_id} was recovered by somebody else")

    def hold(self, **counters: int) -> None:
        """Renew the lease without a window, after changes to the rest of the batch; called inside a transaction."""
        held = self._held().filter(started_through=self.position)
        if not held.transition(lease_until=lease_end(), **count(**counters)):
            raise LeaseLost(f"batch {self.batch_id} was recovered by somebody else")

    def rest(self) -> QuerySet[Delivery]:
        """Return the deliveries of the batch that are to be sent now and that no window has started."""
        return self.batch.deliveries().filter(id__gt=self.position, status=Delivery.Status.PENDING, due_at=None)

    def is_renewed(self, reached: int) -> bool:
        """Tell whether renew() was committed; the token shows that no other process has claimed the batch since."""
        return self._held().filter(started_through=reached).exists()

    def is_let_go(self) -> bool:
        """Tell whether let_go() was committed."""
        free = Batch.objects.filter(pk=self.batch_id, token=self.token, started_through=self.position)
        return free.exclude(state=Batch.State.LEASED).exists()


@cache
def _renewal(vendor: str, seconds: int) -> Statement:
    message = Message.objects.filter(wanted(), pk=OuterRef("message"))
    held = Batch.objects.filter(
        Exists(message),
        pk=parameter("batch"),
        token=parameter("token"),
        state=Batch.State.LEASED,
        started_through=parameter("position"),
    )
    return Statement.update(
        held, started_through=parameter("reached"), sent=F("sent") + parameter("sent"), lease_until=lease_end()
    )


def wanted(to: str = "") -> Q:
    """Return the condition that a message, at the path `to`, may be sent now; claims and windows use it."""
    return Q(
        **{
            f"{to}broadcast__status": Broadcast.Status.SENDING,
            f"{to}broadcast__organization__status": Organization.Status.ACTIVE,
            f"{to}channel__is_active": True,
        }
    )


class LeaseRenewer(threading.Thread):
    """A thread that renews a lease while its worker waits for a slow provider; it stops with the process."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(daemon=True)
        self.lease = lease
        self.over = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.over.set()
        self.join()

    def run(self) -> None:
        held = Batch.objects.filter(pk=self.lease.batch_id, token=self.lease.token, state=Batch.State.LEASED)
        while not self.over.wait(settings.LEASE_SECONDS / 3):
            try:
                held.update(lease_until=lease_end())
            except DatabaseError:
                log.warning("The lease of batch %s could not be renewed", self.lease.batch_id)
            finally:
                connection.close()
