"""Record the outcomes of a window, in the transaction that starts the next one."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import connection
from django.db.models import Case, DateTimeField, F, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import consenting, noting, tracking
from broadcasts.consenting import Bounce
from broadcasts.database import Statement, durably, ids, ids_parameter, insert_many, parameter, storable
from broadcasts.exceptions import LeaseLost
from broadcasts.models import Batch, Channel, Delivery, DeliveryAttempt, Fallback, UseCase
from broadcasts.transports import Outcome, Receipt, TransportError, bounce_class

from .lease import Lease
from .window import AGAIN, PendingDelivery

Status = Delivery.Status
LEAST_WAIT, LONGEST_WAIT = 5, 86_400  # seconds: the bounds of what a provider asks us to wait


def asked_wait(retry_after: float) -> int:
    """Return a provider's `retry_after` in whole seconds, within LEAST_WAIT and LONGEST_WAIT."""
    return math.ceil(min(max(retry_after, LEAST_WAIT), LONGEST_WAIT))


def delay(attempts: int, retry_after: float | None = None) -> timedelta:
    """Return the wait before the next attempt of a delivery, after `attempts` tries.

    A provider's shorter wait is obeyed after the first attempt only: otherwise all attempts could be over within a
    minute.
    """
    delays = settings.RETRY_SECONDS
    seconds = delays[min(attempts, len(delays)) - 1]
    if retry_after is not None:
        asked = asked_wait(retry_after)
        seconds = asked if attempts == 1 else max(asked, seconds)
    return timedelta(seconds=seconds)


# Of a copy that failed for good: its id, the address and the error.
Refused = tuple[int, str, TransportError]
# The columns of an attempt, in the order of TRY.
Try = tuple[int, int, bool, str]
TRY = ("delivery_id", "number", "is_accepted", "words")
LONGEST_WORDS = 500  # characters of what a server said


@dataclass
class Results:
    """The outcomes of a window by delivery id; deliveries without one were not handed over.

    deduplicates: whether the receiver takes a copy once, so that one whose answer was lost is sent again.
    keeps_answers: whether what the server said of accepted copies is kept.
    """

    deduplicates: bool = False
    keeps_answers: bool = False
    skipped: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    sent: list[int] = field(default_factory=list)
    segments: dict[int, int] = field(default_factory=dict)  # of an SMS
    refs: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    unknown: dict[int, str] = field(default_factory=dict)
    again: dict[int, tuple[int, timedelta, str]] = field(default_factory=dict)  # attempts so far, wait, error
    untried: list[int] = field(default_factory=list)
    deferred: dict[int, tuple[datetime, str]] = field(default_factory=dict)  # until when, and why
    refused: list[Refused] = field(default_factory=list)  # for good, as far as a server did
    tries: list[Try] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)  # addresses
    flaw: str = ""  # what staff should correct though copies were accepted
    moved: dict[int, str] = field(default_factory=dict)  # the new address, where that of the contact has changed

    def add(self, delivery: PendingDelivery, outcome: Outcome) -> None:
        """Add one outcome; after an account error the delivery is untried and due again at once."""
        if isinstance(outcome, Receipt):
            self.sent.append(delivery.pk)
            self.flaw = outcome.flaw or self.flaw
            if outcome.provider_id:
                self.refs[delivery.pk] = outcome.provider_id
            if outcome.segments:
                self.segments[delivery.pk] = outcome.segments
            if self.keeps_answers:
                self.tries.append((delivery.pk, delivery.attempts + 1, True, storable(outcome.detail)[:LONGEST_WORDS]))
        elif outcome.account and not outcome.handed_over:
            self.untried.append(delivery.pk)
        else:
            self.tries.append((delivery.pk, delivery.attempts + 1, False, str(outcome)[:LONGEST_WORDS]))
            self._refuse(delivery, outcome)

    def _refuse(self, delivery: PendingDelivery, outcome: TransportError) -> None:
        """Add a copy that was tried in vain."""
        if outcome.handed_over:
            self._lose(delivery, outcome)
        elif delivery.is_doubtful and (outcome.permanent or delivery.attempts + 1 >= settings.MAX_ATTEMPTS):
            self.unknown[delivery.pk] = f"{outcome} An earlier answer was lost, so it may have arrived."
        elif outcome.permanent:
            self.failed[delivery.pk] = str(outcome)
            self.refused.append((delivery.pk, delivery.address, outcome))
            if outcome.withdrawn:
                self.withdrawn.append(delivery.address)
        elif delivery.attempts + 1 >= settings.MAX_ATTEMPTS:
            self.refused.append((delivery.pk, delivery.address, outcome))
            self.failed[delivery.pk] = f"Given up after {delivery.attempts + 1} attempts. {outcome}"
        else:
            attempts = delivery.attempts + 1
            told = f"{outcome} {AGAIN}" if delivery.is_doubtful else str(outcome)
            self.again[delivery.pk] = (attempts, delay(attempts, outcome.retry_after), told)

    def _lose(self, delivery: PendingDelivery, error: TransportError) -> None:
        """Add a copy whose answer was lost."""
        attempts = delivery.attempts + 1
        if self.deduplicates and attempts < settings.MAX_ATTEMPTS:
            told = f"{error} {AGAIN}"
            self.again[delivery.pk] = (attempts, delay(attempts, error.retry_after), told)
        else:
            self.unknown[delivery.pk] = str(error)

    def counters(self) -> dict[str, int]:
        numbers = {
            "skipped": sum(len(ids) for ids in self.skipped.values()),
            "sent": len(self.sent),
            "failed": len(self.failed),
            "unknown": len(self.unknown),
            "segments": sum(self.segments.values()),
        }
        return {name: n for name, n in numbers.items() if n}


def commit(
    lease: Lease, results: Results, window: list[PendingDelivery], channel: Channel, state: str = Batch.State.READY
) -> bool:
    """Record the results of a window and start the next one.

    Returns False if `window` is empty or the broadcast may not be sent any more; then the batch is released, in `state`
    if `window` is empty. Raises LeaseLost with nothing written.
    """
    begun = False

    def write() -> None:
        nonlocal begun
        # Deliveries before their batch, in the order that tracking locks them, or both could deadlock.
        counters = results.counters() | uncounted(lease, [pk for pks in results.skipped.values() for pk in pks])
        _write_rows(lease, results, channel)
        begun = bool(window) and lease.renew(window[-1].pk, **counters)
        if not begun:
            lease.let_go(Batch.State.READY if window else state, **counters)
        _follow_up(lease, results, channel)

    def is_written() -> bool:
        nonlocal begun
        begun = bool(window) and lease.is_renewed(window[-1].pk)
        return begun or lease.is_let_go()

    durably(write, is_written)
    if begun:
        lease.position = window[-1].pk
    return begun


def uncounted(lease: Lease, skipped: list[int]) -> dict[str, int]:
    """Return the counters that skipping copies changes beside `skipped`: a skipped one is no repeat any more."""
    if not (skipped and lease.fallback.is_used):
        return {}
    n = Delivery.objects.filter(pk__in=skipped).repeats(lease.message).count()
    return {"repeats": -n} if n else {}


def _write_rows(lease: Lease, results: Results, channel: Channel) -> None:
    once, fallback = F("attempts") + 1, lease.fallback
    _move(results.moved)
    for segments, pks in by_segments(results.sent, results.segments).items():
        of_window = {"ids": ids(pks), "first": min(pks), "last": max(pks)}
        _require(lease, _sent(connection.vendor, fallback).run(**of_window, segments=segments), len(pks))
    for reason, pks in results.skipped.items():
        _change(lease, pks, status=Status.SKIPPED, reason=reason, **fallback.failed())
    _change_each(lease, results.failed, status=Status.FAILED, attempts=once, **fallback.failed())
    _change_each(lease, results.unknown, status=Status.UNKNOWN, attempts=once, **fallback.unknown())
    for attempts, wait in {told[:2] for told in results.again.values()}:
        errors = {pk: error for pk, (*told, error) in results.again.items() if told == [attempts, wait]}
        _change_each(lease, errors, attempts=attempts, due_at=Now() + wait)
    _change(lease, results.untried, due_at=Now())
    _defer(lease, results.deferred)
    if results.tries:
        insert_many(DeliveryAttempt, TRY, results.tries)
    if results.refs:
        tracking.add_provider_ids(channel, results.refs)
    if results.sent or results.failed:
        noting.note_outcomes(lease.message.broadcast, results.sent, results.failed)


def _follow_up(lease: Lease, results: Results, channel: Channel) -> None:
    """Apply what refusals mean for addresses: after deliveries and their batch, as reports of bounces do."""
    if results.refused:
        consenting.take_in(list(_bounces(lease, results.refused, channel)))
    for address in results.withdrawn:
        about = channel.organization, channel.medium, address
        consenting.suppress(*about, "unsubscribe", UseCase.MARKETING, f"told by {channel}")


def _bounces(lease: Lease, refused: Iterable[Refused], channel: Channel) -> Iterator[Bounce]:
    now = timezone.now()
    for pk, address, error in refused:
        words = str(error).partition(": ")[2]  # after what we say of them
        if kind := _class_of(error, words, by_smtp=channel.transport_class.refuses_by_smtp):
            report = consenting.report_of(now, error.code, words or str(error))
            place = (channel.organization, channel.pk, channel.medium, address)
            yield Bounce(*place, pk, kind, now, f"refused by {channel}", report)


def _class_of(error: TransportError, words: str, *, by_smtp: bool) -> str:
    """Return the class of a refusal; "" if it says nothing of the address.

    What a server put off until we gave up may pass, so it is never a hard one.
    """
    if not (by_smtp and error.code):
        return consenting.HARD if error.bounced else ""
    kind = bounce_class(error.code, words)
    return kind if error.permanent or kind != consenting.HARD else consenting.SOFT


@lru_cache(maxsize=64)
def _sent(vendor: str, fallback: Fallback) -> Statement:
    rows = Delivery.objects.filter(pk__in=ids_parameter("ids"), status=Status.PENDING)
    # The ids of a window are nearly a range: PostgreSQL reads it at once, and does not look each of them up.
    rows = rows.filter(pk__gte=parameter("first"), pk__lte=parameter("last"))
    changes = {"status": Status.SENT, "sent_at": Now(), "attempts": F("attempts") + 1, "error": ""}
    return Statement.update(rows, **changes, segments=parameter("segments"), **fallback.sent())


def by_segments(sent: Iterable[int], segments: Mapping[int, int]) -> dict[int | None, list[int]]:
    """Return {segments of an SMS, or None: ids of deliveries}."""
    groups: dict[int | None, list[int]] = defaultdict(list)
    for pk in sent:
        groups[segments.get(pk)].append(pk)
    return groups


def _move(moved: dict[int, str]) -> None:
    """Write changed addresses, except of contacts that were erased after their window was read."""
    if moved:
        rows = Delivery.objects.filter(pk=parameter("pk"), status=Status.PENDING, contact__isnull=False)
        statement = Statement.update(rows, address=parameter("address"))
        statement.run_each({"pk": pk, "address": address} for pk, address in moved.items())


def _defer(lease: Lease, deferred: dict[int, tuple[datetime, str]]) -> None:
    """Write when each deferred delivery is due, in one statement per reason."""
    reasons: dict[str, dict[datetime, list[int]]] = defaultdict(lambda: defaultdict(list))
    for pk, (due_at, error) in deferred.items():
        reasons[error][due_at].append(pk)
    for error, slots in reasons.items():
        slots_by_id = [When(pk__in=pks, then=Value(slot)) for slot, pks in slots.items()]
        everyone = [pk for pks in slots.values() for pk in pks]
        _change(lease, everyone, error=error, due_at=Case(*slots_by_id, output_field=DateTimeField()))


def _change(lease: Lease, pks: list[int], **changes: object) -> None:
    """Make the same changes to pending deliveries."""
    if pks:
        _require(lease, Delivery.objects.filter(pk__in=pks, status=Status.PENDING).update(**changes), len(pks))


def _change_each(lease: Lease, errors: dict[int, str], **changes: object) -> None:
    """Make the same changes to pending deliveries, each with its own error."""
    if errors:
        rows = Delivery.objects.filter(pk=parameter("pk"), status=Status.PENDING)
        statement = Statement.update(rows, error=parameter("error"), **changes)
        changed = statement.run_each({"pk": pk, "error": error} for pk, error in errors.items())
        _require(lease, changed, len(errors))


def _require(lease: Lease, changed: int, wanted: int) -> None:
    """Raise LeaseLost unless all deliveries were changed."""
    if changed != wanted:
        raise LeaseLost(f"rows of batch {lease.batch_id} were changed by somebody else")
