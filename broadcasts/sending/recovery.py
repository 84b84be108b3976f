"""Recover the batches of workers that died: copies that may have been sent become `unknown`, the rest is sent.

Where the receiver de-duplicates, copies that may have been sent are sent again instead.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now

from broadcasts import noting
from broadcasts.models import FACTS, Batch, Delivery, Fallback, count

from . import journal
from .lease import HOST, is_alive
from .outcomes import by_segments
from .window import AGAIN

log = logging.getLogger(__name__)

STOPPED = "The worker stopped while it was sending this"


def recover() -> None:
    """Release batches whose lease has expired; deliveries that may have been handed over become `unknown`."""
    end_leases_of_the_dead()
    held = Batch.objects.filter(state=Batch.State.LEASED)
    for batch in held.filter(lease_until__lt=Now()).select_related("message__broadcast"):
        # A worker that was suspended while it started a window may have moved started_through since the batch was read.
        same = held.filter(pk=batch.pk, token=batch.token, started_through=batch.started_through)
        with transaction.atomic():
            # Deliveries before their batch, in the order of `commit` and `tracking`, so that there is no deadlock.
            begun = list(_begun(batch).select_for_update().order_by("id").values_list("id", flat=True))
            mine = same.filter(lease_until__lt=Now() - _head_start(batch)).transition(
                state=Batch.State.READY, token=F("token") + 1, lease_until=None
            )
            if not mine:
                continue
            unknown = _account_for(batch, journal.seal(batch.pk, batch.token, batch.owner))
            sent = Delivery.objects.filter(pk__in=begun, status=Delivery.Status.SENT)
            noting.note_outcomes(batch.message.broadcast, sent.values_list("pk", flat=True), [])
        journal.forget(batch.pk, batch.token)
        log.warning("Recovered batch %s of %s: %s outcomes are unknown", batch.pk, batch.owner, unknown)


def end_leases_of_the_dead() -> None:
    """End the leases of workers that were killed on this host, instead of waiting until they expire.

    A journal on this host proves that the worker ran here, and not on another host of the same name.
    """
    held = Batch.objects.filter(state=Batch.State.LEASED, owner__startswith=f"{HOST}:", lease_until__gte=Now())
    for batch in held:
        if journal.exists(batch.pk, batch.token) and not is_alive(batch.owner):
            same = Batch.objects.filter(pk=batch.pk, token=batch.token, state=Batch.State.LEASED)
            same.update(lease_until=Now() - timedelta(seconds=1))


def _head_start(batch: Batch) -> timedelta:
    """Return how long other hosts wait for the host with the worker's journal to recover a batch first."""
    return timedelta(0) if batch.owner.startswith(f"{HOST}:") else timedelta(seconds=settings.LEASE_SECONDS / 2)


def _begun(batch: Batch) -> QuerySet[Delivery]:
    """Return the deliveries of a batch that a worker started and that have no outcome."""
    return batch.deliveries().filter(id__lte=batch.started_through, status=Delivery.Status.PENDING, due_at=None)


def _account_for(batch: Batch, told: journal.JournalRecords | None) -> int:
    """Set the outcomes of deliveries that a dead worker had started; return how many are unknown."""
    begun = _begun(batch)
    silent = begun.filter(**{f"{fact}_at": None for fact in FACTS})
    once, fallback = F("attempts") + 1, Fallback.of(batch.message)
    sent = segments = 0
    if told:
        for n, pks in by_segments(told.taken, {pk: n for pk, n in told.taken.items() if n}).items():
            changes = {"sent_at": Now(), "attempts": once, "error": "", "segments": n, **fallback.sent()}
            changed = begun.filter(pk__in=pks).update(status=Delivery.Status.SENT, **changes)
            sent, segments = sent + changed, segments + changed * (n or 0)
        silent.exclude(pk__in=told.begun).update(due_at=Now())
    if batch.message.channel and batch.message.channel.transport_class.deduplicates:
        again = silent.filter(attempts__lt=settings.MAX_ATTEMPTS - 1)
        again.update(due_at=Now(), attempts=once, error=f"{STOPPED}. {AGAIN}")
    unknown = silent.update(
        status=Delivery.Status.UNKNOWN,
        error=f"{STOPPED}; whether it left is not known.",
        attempts=once,
        **fallback.unknown(),
    )
    # A fact was reported for the deliveries that are left, so they were sent.
    first_told = Coalesce(*[F(f"{fact}_at") for fact in FACTS])
    sent += begun.update(status=Delivery.Status.SENT, sent_at=first_told, error="", attempts=once, **fallback.sent())
    Batch.objects.filter(pk=batch.pk).update(**count(sent=sent, unknown=unknown, segments=segments))
    return unknown
