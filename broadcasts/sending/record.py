"""Write down what became of a window, in the same transaction that begins the next."""

import logging
import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, DateTimeField, F, Q, Value, When
from django.db.models.functions import Now

from broadcasts import stats, tracking
from broadcasts.exceptions import LeaseLost, WrongState
from broadcasts.models import AuditEntry, Batch, Broadcast, Channel, Delivery, Organization, User
from broadcasts.transports import Outcome, Receipt, TransportError

from .lease import Lease, durably
from .statements import Statement, hole, hole_for_ids, ids
from .wake import enqueue
from .window import Row

log = logging.getLogger(__name__)
Status = Delivery.Status
LEAST_ANSWERED = 100  # by fewer, the share that failed is not judged
LONGEST_BACKOFF = 40  # seconds: a server that is back is found within a minute, however long it was away
LEAST_WAIT, LONGEST_WAIT = 5, 86_400  # seconds: the bounds of what a provider asks us to wait


def asked_wait(retry_after: float) -> int:
    """Return the whole seconds to wait where a provider asks for some."""
    return math.ceil(min(max(retry_after, LEAST_WAIT), LONGEST_WAIT))


def delay(attempts: int, retry_after: float | None = None) -> timedelta:
    """Return how long a delivery that was tried so often waits for its next attempt.

    A provider that asks for less than our own delay gets it once: if it asked so every time, all attempts of a
    delivery would be over within a minute.
    """
    delays = settings.RETRY_SECONDS
    seconds = delays[min(attempts, len(delays)) - 1]
    if retry_after is not None:
        asked = asked_wait(retry_after)
        seconds = asked if attempts == 1 else max(asked, seconds)
    return timedelta(seconds=seconds)


@dataclass
class Results:
    """What became of the rows of one window; rows without an outcome were never handed over."""

    skipped: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    sent: list[int] = field(default_factory=list)
    refs: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    unknown: dict[int, str] = field(default_factory=dict)
    again: dict[int, tuple[int, timedelta, str]] = field(default_factory=dict)  # attempts so far, wait, error
    untried: list[int] = field(default_factory=list)
    deferred: dict[int, tuple[datetime, str]] = field(default_factory=dict)  # until when, and why
    bounced: list[str] = field(default_factory=list)  # addresses
    moved: dict[int, str] = field(default_factory=dict)  # where those go whose contact has another address since

    def add(self, row: Row, outcome: Outcome) -> None:
        """Sort one outcome in; an error of the account is not this recipient's, whose turn comes again."""
        if isinstance(outcome, Receipt):
            self.sent.append(row.pk)
            if outcome.provider_id:
                self.refs[row.pk] = outcome.provider_id
        elif outcome.handed_over:
            self.unknown[row.pk] = str(outcome)
        elif outcome.account:
            self.untried.append(row.pk)
        elif outcome.permanent:
            self.failed[row.pk] = str(outcome)
            if outcome.bounced:
                self.bounced.append(row.address)
        elif row.attempts + 1 >= settings.MAX_ATTEMPTS:
            self.failed[row.pk] = f"Given up after {row.attempts + 1} attempts. {outcome}"
        else:
            attempts = row.attempts + 1
            self.again[row.pk] = (attempts, delay(attempts, outcome.retry_after), str(outcome))

    def counters(self) -> dict[str, int]:
        numbers = {
            "skipped": sum(len(ids) for ids in self.skipped.values()),
            "sent": len(self.sent),
            "failed": len(self.failed),
            "unknown": len(self.unknown),
        }
        return {name: n for name, n in numbers.items() if n}


def commit(lease: Lease, results: Results, window: list[Row], channel: Channel, state: str = Batch.State.READY) -> bool:
    """Record a window and begin the next one; False when there is none, or it is not to be sent any more.

    In that case the batch is let go, in `state` when it has come to its end. Raises LeaseLost with nothing written.
    """
    begun = False

    def write() -> None:
        nonlocal begun
        # A row before its batch, as whoever tracks a delivery locks them: the other way round both would wait.
        _write_rows(lease, results, channel)
        begun = bool(window) and lease.renew(window[-1].pk, **results.counters())
        if not begun:
            lease.let_go(Batch.State.READY if window else state, **results.counters())

    def is_written() -> bool:
        nonlocal begun
        begun = bool(window) and lease.is_renewed(window[-1].pk)
        return begun or lease.is_let_go()

    durably(write, is_written)
    if begun:
        lease.position = window[-1].pk
    return begun


def _write_rows(lease: Lease, results: Results, channel: Channel) -> None:
    once = F("attempts") + 1
    _move(results.moved)
    if results.sent:
        _require(lease, _sent(connection.vendor).run(ids=ids(results.sent)), len(results.sent))
    for reason, pks in results.skipped.items():
        _change(lease, pks, status=Status.SKIPPED, reason=reason)
    for status, errors in ((Status.FAILED, results.failed), (Status.UNKNOWN, results.unknown)):
        _change_each(lease, errors, status=status, attempts=once)
    for attempts, wait in {told[:2] for told in results.again.values()}:
        errors = {pk: error for pk, (*told, error) in results.again.items() if told == [attempts, wait]}
        _change_each(lease, errors, attempts=attempts, due_at=Now() + wait)
    _change(lease, results.untried, due_at=Now())
    _defer(lease, results.deferred)
    for address in results.bounced:
        tracking.suppress(channel.organization, channel.medium, address, "hard_bounce", source=f"refused by {channel}")
    if results.refs:
        tracking.add_provider_ids(channel, results.refs)


@cache
def _sent(vendor: str) -> Statement:
    rows = Delivery.objects.filter(pk__in=hole_for_ids("ids"), status=Status.PENDING)
    return Statement.update(rows, status=Status.SENT, sent_at=Now(), attempts=F("attempts") + 1, error="")


def _move(moved: dict[int, str]) -> None:
    """Write where copies go now, but for those of people who were erased since their window was read."""
    if moved:
        rows = Delivery.objects.filter(pk=hole("pk"), status=Status.PENDING, contact__isnull=False)
        statement = Statement.update(rows, address=hole("address"))
        statement.run_each({"pk": pk, "address": address} for pk, address in moved.items())


def _defer(lease: Lease, deferred: dict[int, tuple[datetime, str]]) -> None:
    """Write when each row's turn comes, in one statement for those who wait for the same."""
    reasons: dict[str, dict[datetime, list[int]]] = defaultdict(lambda: defaultdict(list))
    for pk, (due_at, error) in deferred.items():
        reasons[error][due_at].append(pk)
    for error, slots in reasons.items():
        turns = [When(pk__in=pks, then=Value(slot)) for slot, pks in slots.items()]
        everyone = [pk for pks in slots.values() for pk in pks]
        _change(lease, everyone, error=error, due_at=Case(*turns, output_field=DateTimeField()))


def _change(lease: Lease, pks: list[int], **changes: object) -> None:
    """Change pending rows alike."""
    if pks:
        _require(lease, Delivery.objects.filter(pk__in=pks, status=Status.PENDING).update(**changes), len(pks))


def _change_each(lease: Lease, errors: dict[int, str], **changes: object) -> None:
    """Change pending rows, each with an error of its own."""
    if errors:
        rows = Delivery.objects.filter(pk=hole("pk"), status=Status.PENDING)
        statement = Statement.update(rows, error=hole("error"), **changes)
        changed = statement.run_each({"pk": pk, "error": error} for pk, error in errors.items())
        _require(lease, changed, len(errors))


def _require(lease: Lease, changed: int, wanted: int) -> None:
    """Find every row changed, or find out that the lease is lost."""
    if changed != wanted:
        raise LeaseLost(f"rows of batch {lease.batch_id} were changed by somebody else")


def channel_works(channel: Channel) -> None:
    """Note that a channel sends (again), which ends its back-off, but for one that another pump has begun since."""
    if channel.health != Channel.Health.GOOD or channel.backoff_until:
        is_over = Q(backoff_until=None) | Q(backoff_until__lte=Now())
        rows = Channel.objects.filter(is_over, pk=channel.pk)
        rows.update(health=Channel.Health.GOOD, backoff_until=None, backoff_count=0)
        channel.refresh_from_db()


def channel_fails(channel: Channel, error: TransportError) -> None:
    """Put a channel into back-off, which ends by itself; what is permanent pauses its broadcasts with the reason."""
    rows = Channel.objects.filter(pk=channel.pk)
    rows.update(health=Channel.Health.FAILING, last_error=str(error), last_error_at=Now())
    if not error.permanent and error.retry_after is not None:
        until = Now() + timedelta(seconds=asked_wait(error.retry_after))
        rows.filter(Q(backoff_until=None) | Q(backoff_until__lt=until)).update(backoff_until=until)
    elif not error.permanent:
        # Once for all pumps that fail together: else every one of them would double how long the next waits.
        seconds = min(5 * 2 ** min(channel.backoff_count, 6), LONGEST_BACKOFF)
        rows.filter(Channel.in_service()).update(
            backoff_count=F("backoff_count") + 1, backoff_until=Now() + timedelta(seconds=seconds)
        )
    else:
        rows.update(backoff_until=None)
        under_way = Broadcast.objects.filter(messages__channel=channel, status=Broadcast.Status.SENDING)
        for broadcast in under_way.distinct():
            pause_with(broadcast, f"Paused: the channel “{channel}” cannot send. {error}")


def heed_budget(broadcast_id: int, last_refusal: str) -> None:
    """Pause a broadcast of which too large a share failed for good since it began, or since staff resumed it."""
    broadcast = Broadcast.objects.select_related("organization").get(pk=broadcast_id)
    counts = stats.counts([broadcast])[broadcast.pk]
    failed = max(0, counts["failed"] - broadcast.forgiven_failed)
    answered = failed + max(0, counts["sent"] - broadcast.forgiven_sent)
    is_over = broadcast.expanded_at and not counts["pending"]
    if is_over or answered < LEAST_ANSWERED or failed <= settings.REFUSAL_BUDGET * answered:
        return
    pause_with(
        broadcast,
        f"Paused: {failed:,} of {answered:,} copies ({failed / answered:.0%}) failed for good, and no more than "
        f"{settings.REFUSAL_BUDGET:.0%} may. The last one: {last_refusal}",
    )


@transaction.atomic
def pause_with(broadcast: Broadcast, reason: str) -> None:
    """Pause a broadcast that cannot go on by itself, say why, and have staff told."""
    sending = Broadcast.objects.filter(pk=broadcast.pk, status=Broadcast.Status.SENDING)
    paused = {"status": Broadcast.Status.PAUSED, "error_message": reason, "notice_due_at": Now()}
    if sending.transition(**paused, modified=Now()):
        AuditEntry.write(broadcast, "pause", organization=broadcast.organization, reason=reason)
        log.warning("Broadcast %s was paused by itself", broadcast.uuid)  # the reason may quote an address
        enqueue("notify", broadcast.pk)


@transaction.atomic
def settle(delivery: Delivery, status: str, by: User | None = None) -> None:
    """Say what became of an unknown delivery: `sent` or `failed`."""
    if status not in (Status.SENT, Status.FAILED):
        raise WrongState("An unknown delivery can be settled as sent or failed.")
    _require_unknown(delivery)
    tracking.record(delivery, status, detail={"source": "staff"})
    AuditEntry.write(delivery, f"settle as {status}", organization=_owner(delivery), user=by)


@transaction.atomic
def resend(delivery: Delivery, by: User | None = None) -> None:
    """Send an unknown delivery again, on the word of staff; a finished broadcast goes back to sending."""
    broadcast = Broadcast.objects.select_for_update().get(messages=delivery.message_id)
    if broadcast.status == Broadcast.Status.CANCELLED:
        raise WrongState("The broadcast was cancelled: nothing of it is sent any more.")
    _require_unknown(delivery)
    Delivery.objects.filter(pk=delivery.pk).update(status=Status.PENDING, due_at=Now())
    tracking.adjust_counters(delivery, unknown=-1)
    AuditEntry.write(delivery, "resend", organization=_owner(delivery), user=by)
    if Broadcast.objects.filter(pk=broadcast.pk, status=Broadcast.Status.SENT).transition(
        status=Broadcast.Status.SENDING, completed_at=None, modified=Now()
    ):
        enqueue("tick")


def _require_unknown(delivery: Delivery) -> None:
    if Delivery.objects.select_for_update().get(pk=delivery.pk).status != Status.UNKNOWN:
        raise WrongState("Only a delivery whose outcome is unknown can be settled or sent again.")


def _owner(delivery: Delivery) -> Organization:
    return delivery.message.broadcast.organization
