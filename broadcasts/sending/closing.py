"""Complete broadcasts: finished ones when every delivery has an outcome, cancelled ones batch by batch."""

import time

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from broadcasts import noting, stats, tallying
from broadcasts.models import Batch, Broadcast, Delivery, Message, OrganizationQuerySet, count

from .expansion import expand_cancelled
from .window import DOUBTFUL, MAY_HAVE_ARRIVED

Status = Broadcast.Status
CLOSE_SECONDS = 1  # per round, so that cancelling a million rows does not delay other broadcasts


def finish(message_id: int | None = None) -> None:
    """Complete broadcasts in which every delivery has an outcome and none can fall back: that of a message, or all."""
    over = _without_work()
    found = list(over.filter(messages=message_id) if message_id else over)
    counts = stats.counts(found)
    for broadcast in found:
        if not counts[broadcast.pk]["pending"]:
            _finish(broadcast)


def _without_work(**filters: object) -> OrganizationQuerySet[Broadcast]:
    """Return broadcasts in sending without an open batch, and without a copy that may still fall back.

    Deliveries that wait for a retry may still be pending.
    """
    unfinished = Batch.objects.filter(message__broadcast=OuterRef("pk")).exclude(state=Batch.State.DONE)
    may_fall_back = Delivery.objects.filter(message__broadcast=OuterRef("pk"), fallback_at__isnull=False)
    open_ones = Broadcast.objects.filter(completed_at=None, status=Status.SENDING, expanded_at__isnull=False)
    return open_ones.filter(~Exists(unfinished), ~Exists(may_fall_back), **filters)


@transaction.atomic
def _finish(broadcast: Broadcast) -> None:
    # Counted again under a lock, so that a concurrent resend comes before this count or after completion.
    if lock_sending(pk=broadcast.pk) and stats.counts([broadcast])[broadcast.pk]["pending"] == 0:
        done = {"status": Status.SENT, "completed_at": Now(), "modified": Now()}
        if _without_work(pk=broadcast.pk).transition(**done):
            noting.note_broadcast(broadcast, "broadcast.finished")
        tallying.count_sent_of(Message.objects.filter(broadcast=broadcast.pk))


def close(broadcast_id: int, seconds: float = 0) -> None:
    """Write the deliveries of a cancelled broadcast: first missing rows, then batch by batch.

    Does at least one step, and goes on for `seconds`; the next round does the rest, and batches that are still leased.
    """
    until = time.monotonic() + seconds
    cancelled = Broadcast.objects.filter(pk=broadcast_id, status=Status.CANCELLED, completed_at=None)
    if not cancelled.exists():
        return
    while expand_cancelled(broadcast_id):
        if time.monotonic() >= until:
            return
    until = max(until, time.monotonic() + CLOSE_SECONDS)
    for batch in Batch.objects.filter(message__broadcast=broadcast_id, state=Batch.State.READY):
        _cancel_rest(batch)
        if time.monotonic() >= until:
            return
    # All batches are read at once: a worker that releases one later may leave pending rows for the next round.
    batches = list(Batch.objects.filter(message__broadcast=broadcast_id))
    left = [batch for batch in batches if not _cancel_rest(batch)]
    if not left:
        _complete_cancelled(cancelled, broadcast_id)


@transaction.atomic
def _complete_cancelled(cancelled: OrganizationQuerySet[Broadcast], broadcast_id: int) -> None:
    if cancelled.filter(expanded_at__isnull=False).transition(completed_at=Now(), modified=Now()):
        noting.note_broadcast(Broadcast.objects.get(pk=broadcast_id), "broadcast.finished")
    tallying.count_sent_of(Message.objects.filter(broadcast=broadcast_id))


def _cancel_rest(batch: Batch) -> bool:
    """Cancel the pending deliveries of a batch; return False if a worker holds it or has just released it.

    Those that may have arrived become `unknown`.
    """
    if batch.state == Batch.State.LEASED:
        return False
    pending = batch.deliveries().filter(status=Delivery.Status.PENDING)
    if batch.state == Batch.State.DONE and not pending.exists():
        return True
    with transaction.atomic():
        doubtful = pending.filter(DOUBTFUL)
        lost = list(doubtful.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))
        rows = Delivery.objects.filter(pk__in=lost)
        unknown = rows.update(status=Delivery.Status.UNKNOWN, due_at=None, error=MAY_HAVE_ARRIVED)
        n = pending.update(status=Delivery.Status.CANCELLED, due_at=None)
        mine = Batch.objects.filter(pk=batch.pk, token=batch.token, state=batch.state)
        if not mine.transition(state=Batch.State.DONE, token=F("token") + 1, **count(cancelled=n, unknown=unknown)):
            transaction.set_rollback(True)
            return False
        changes = {pk: {"unknown": 1} for pk in lost}
        tallying.regroup(rows, changes, dict.fromkeys(lost, batch.pk)).write()
    return True


def lock_sending(**filters: object) -> Broadcast | None:
    """Return a broadcast that is being sent, locked until the end of the transaction; None if there is none."""
    rows = Broadcast.objects.select_for_update(of=("self",), no_key=True)
    return rows.filter(status=Status.SENDING, **filters).first()
