"""Read the next window of a batch, with consent and suppressions as they are at that moment."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Q, TextField, Value, When
from django.utils import timezone

from broadcasts import audience, rendering
from broadcasts.database import Parameter, Statement, parameter
from broadcasts.models import Delivery, Message

from .lease import Lease

OF_DELIVERY = ("id", "address", "language", "attempts", "error", "skip_reason", "send_address")
# Ends the error of a pending copy whose answer was lost, and which a receiver that knows it takes once.
AGAIN = "It is sent again under the same id, by which the receiver knows it."
DOUBTFUL = Q(error__endswith=AGAIN)
MAY_HAVE_ARRIVED = "An earlier answer was lost, so it may have arrived. It is not sent again."
OF_CONTACT = rendering.ContactSnapshot.columns()


def keeping_doubt(error: str) -> Case:
    """Return the error of pending copies that wait; one that may have arrived goes on saying so."""
    return Case(When(DOUBTFUL, then=Value(f"{error} {AGAIN}")), default=Value(error), output_field=TextField())


@dataclass(slots=True)
class PendingDelivery:
    """The columns of a pending delivery that sending needs; `skip_reason` is "" if it may be sent."""

    pk: int
    address: str  # the current address of the contact
    is_moved: bool  # whether it differs from the address in the log
    language: str
    attempts: int
    skip_reason: str
    contact: rendering.ContactSnapshot | None  # None if the contact was erased
    is_doubtful: bool = False  # whether an earlier answer was lost, so that the copy may have arrived


class Windows:
    """Reads the windows of a message's batches, by statements that are compiled once."""

    def __init__(self, message: Message) -> None:
        self.message = message
        channel = message.channel
        self.deduplicates = channel is not None and channel.transport_class.deduplicates
        self.statements: dict[bool, Statement] = {}
        self.stale_at: datetime | None = None  # the expiry, at which the statements have to be compiled again

    def read(self, lease: Lease, size: int) -> list[PendingDelivery]:
        """Return the next pending deliveries of a claimed batch, at most `size`."""
        if self.stale_at and self.stale_at <= timezone.now():
            self.statements = {}
        last = lease.last_id
        if last is None:
            return self._read(lease, None, size)
        if lease.position >= last:
            return []
        # Nearly all rows of a range are pending ones of its message; with the whole range PostgreSQL would sort it.
        near = min(last, lease.position + size)
        found = self._read(lease, near, size)
        return found if 2 * len(found) >= size or near == last else self._read(lease, last, size)

    def _read(self, lease: Lease, last: int | None, size: int) -> list[PendingDelivery]:
        is_gathered = last is None
        if is_gathered not in self.statements:
            self.statements[is_gathered] = self._compile(is_gathered)
        found = self.statements[is_gathered].rows(batch=lease.batch_id, after=lease.position, last=last, size=size)
        contacts = rendering.ContactSnapshot.of_rows([row[len(OF_DELIVERY) :] for row in found])
        return [
            _pending(contact, *row[: len(OF_DELIVERY)], deduplicates=self.deduplicates)
            for row, contact in zip(found, contacts, strict=True)
        ]

    def _compile(self, is_gathered: bool) -> Statement:
        expires_at = self.message.broadcast.expires_at
        self.stale_at = expires_at if expires_at and expires_at > timezone.now() else None
        if is_gathered:
            rows = Delivery.objects.filter(batch=parameter("batch"), pk__gt=parameter("after"))
        else:
            rows = Delivery.objects.in_range(self.message.pk, parameter("after") + 1, parameter("last"))
        pending = rows.filter(status=Delivery.Status.PENDING, due_at=None).order_by("id")
        columns = [*OF_DELIVERY, *(f"contact__{name}" for name in OF_CONTACT)]
        found = Statement.select(audience.claim_reasons(self.message, pending).values_list(*columns))
        return Statement(f"{found.sql} LIMIT %s", (*found.params, Parameter("size")))


def _pending(
    contact: rendering.ContactSnapshot | None,
    pk: int,
    logged: str,
    language: str,
    attempts: int,
    error: str,
    skip_reason: str,
    send_address: str | None,
    *,
    deduplicates: bool,
) -> PendingDelivery:
    address = send_address or logged  # without an address it is skipped, and the log keeps the one from expansion
    is_doubtful = deduplicates and error.endswith(AGAIN)
    return PendingDelivery(pk, address, address != logged, language, attempts, skip_reason, contact, is_doubtful)
