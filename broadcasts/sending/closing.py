"""The end of a broadcast: finished when every delivery has an outcome, or cancelled batch by batch."""

import time

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from broadcasts import stats
from broadcasts.models import Batch, Broadcast, Delivery, OrganizationQuerySet

from .expansion import expand_cancelled

Status = Broadcast.Status
CLOSE_SECONDS = 1  # so long a round cancels batches; of a million rows all of them would hold up the others for long


def finish(message_id: int | None = None) -> None:
    """Close broadcasts whose every delivery has an outcome: that of a message, or all there are."""
    over = _without_work()
    found = list(over.filter(messages=message_id) if message_id else over)
    counts = stats.counts(found)
    for broadcast in found:
        if not counts[broadcast.pk]["pending"]:
            _finish(broadcast)


def _without_work(**filters: object) -> OrganizationQuerySet[Broadcast]:
    """Broadcasts being sent of which no batch is left; who waits for another try may still be pending."""
    unfinished = Batch.objects.filter(message__broadcast=OuterRef("pk")).exclude(state=Batch.State.DONE)
    open_ones = Broadcast.objects.filter(completed_at=None, status=Status.SENDING, expanded_at__isnull=False)
    return open_ones.filter(~Exists(unfinished), **filters)


@transaction.atomic
def _finish(broadcast: Broadcast) -> None:
    # Again under a lock, so that whoever sends somebody another copy comes before this count or after the end.
    if lock_sending(pk=broadcast.pk) and stats.counts([broadcast])[broadcast.pk]["pending"] == 0:
        _without_work(pk=broadcast.pk).transition(status=Status.SENT, completed_at=Now(), modified=Now())


def close(broadcast_id: int, seconds: float = 0) -> None:
    """Write down a cancel: first who has no row yet, then batch by batch; a part at least, and for some seconds more.

    What is left, and batches still held, follow in the next round.
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
    # Judged by one look at all of them: a worker that lets go later may leave pending rows, for the next round.
    batches = list(Batch.objects.filter(message__broadcast=broadcast_id))
    left = [batch for batch in batches if not _cancel_rest(batch)]
    if not left:
        cancelled.filter(expanded_at__isnull=False).transition(completed_at=Now(), modified=Now())


def _cancel_rest(batch: Batch) -> bool:
    """Cancel what is pending in a batch; False when a worker has it, or had it a moment ago."""
    if batch.state == Batch.State.LEASED:
        return False
    pending = batch.deliveries().filter(status=Delivery.Status.PENDING)
    if batch.state == Batch.State.DONE and not pending.exists():
        return True
    with transaction.atomic():
        n = pending.update(status=Delivery.Status.CANCELLED, due_at=None)
        mine = Batch.objects.filter(pk=batch.pk, token=batch.token, state=batch.state)
        if not mine.transition(state=Batch.State.DONE, token=F("token") + 1, cancelled=F("cancelled") + n):
            transaction.set_rollback(True)
            return False
    return True


def lock_sending(**filters: object) -> Broadcast | None:
    """Read a broadcast that is being sent, and keep it in that status to the end of the transaction."""
    rows = Broadcast.objects.select_for_update(of=("self",), no_key=True)
    return rows.filter(status=Status.SENDING, **filters).first()
