"""Recover the batches of workers that died: what may have left becomes `unknown`, the rest goes on."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now

from broadcasts.models import FACTS, Batch, Delivery, count

from . import journal
from .lease import HOST, is_alive

log = logging.getLogger(__name__)


def recover() -> None:
    """Take back batches whose lease ran out: what may have been handed over becomes `unknown`, the rest goes on."""
    end_leases_of_the_dead()
    held = Batch.objects.filter(state=Batch.State.LEASED)
    for batch in held.filter(lease_until__lt=Now()):
        # A worker that was frozen while it began a window may have moved the mark since the batch was read.
        same = held.filter(pk=batch.pk, token=batch.token, started_through=batch.started_through)
        with transaction.atomic():
            # Rows before their batch, as `commit` and `tracking` lock them: else two would wait for each other.
            list(_begun(batch).select_for_update().order_by("id").values_list("id"))
            mine = same.filter(lease_until__lt=Now() - _head_start(batch)).transition(
                state=Batch.State.READY, token=F("token") + 1, lease_until=None
            )
            if not mine:
                continue
            unknown = _account_for(batch, journal.seal(batch.pk, batch.token, batch.owner))
        journal.forget(batch.pk, batch.token)
        log.warning("Recovered batch %s of %s: %s outcomes are unknown", batch.pk, batch.owner, unknown)


def end_leases_of_the_dead() -> None:
    """End the leases of workers that were killed here, so that nobody waits until they run out.

    That a batch has a journal here proves that its worker ran here, and not on another host of the same name.
    """
    held = Batch.objects.filter(state=Batch.State.LEASED, owner__startswith=f"{HOST}:", lease_until__gte=Now())
    for batch in held:
        if journal.exists(batch.pk, batch.token) and not is_alive(batch.owner):
            same = Batch.objects.filter(pk=batch.pk, token=batch.token, state=Batch.State.LEASED)
            same.update(lease_until=Now() - timedelta(seconds=1))


def _head_start(batch: Batch) -> timedelta:
    """How long other hosts leave a batch to the one where its worker's journal is."""
    return timedelta(0) if batch.owner.startswith(f"{HOST}:") else timedelta(seconds=settings.LEASE_SECONDS / 2)


def _begun(batch: Batch) -> QuerySet[Delivery]:
    """Rows that a worker began with, and that have no outcome."""
    return batch.deliveries().filter(id__lte=batch.started_through, status=Delivery.Status.PENDING, due_at=None)


def _account_for(batch: Batch, told: journal.Told | None) -> int:
    """Give the rows that a dead worker had begun with their outcomes; return how many are unknown."""
    begun = _begun(batch)
    silent = begun.filter(**{f"{fact}_at": None for fact in FACTS})
    once = F("attempts") + 1
    sent = 0
    if told:
        taken = begun.filter(pk__in=told.taken)
        sent = taken.update(status=Delivery.Status.SENT, sent_at=Now(), attempts=once, error="")
        silent.exclude(pk__in=told.begun).update(due_at=Now())
    unknown = silent.update(
        status=Delivery.Status.UNKNOWN,
        error="The worker stopped while it was sending this; whether it left is not known.",
        attempts=once,
    )
    # Those who are left were told of since: they got it.
    first_told = Coalesce(*[F(f"{fact}_at") for fact in FACTS])
    sent += begun.update(status=Delivery.Status.SENT, sent_at=first_told, error="", attempts=once)
    Batch.objects.filter(pk=batch.pk).update(**count(sent=sent, unknown=unknown))
    return unknown
