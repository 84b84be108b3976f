"""Keep everything going from the rows alone, however often queues are emptied and workers die.

Any number of supervisors may do this at once: every step is a conditional UPDATE, and who comes second changes nothing.
"""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Coalesce, Now

from broadcasts import stats
from broadcasts.exceptions import BroadcastsError, WrongState
from broadcasts.models import FACTS, Batch, Broadcast, Delivery, Invitation, Message, PersonalLink, count
from broadcasts.models.base import OrganizationQuerySet

from . import hours, journal, lifecycle, start
from .fairness import wake_pumps
from .lease import HOST, is_alive
from .notify import due_notices
from .wake import enqueue, queue_is_full

log = logging.getLogger(__name__)

Status = Broadcast.Status
GATHERED_AT_ONCE = 10  # batches of one message in one round, so that others are not kept waiting
LINKS_AT_ONCE = 20  # wake-ups for personal mail in one round
CLOSE_SECONDS = 1  # so long a round cancels batches; of a million rows all of them would hold up the others for long
STALLED = timedelta(seconds=15)  # an expansion that did not move for longer is taken up by somebody else


def tick() -> None:
    """Do one round: start what is due, recover, gather, finish, and wake workers for what waits."""
    open_ones = Broadcast.objects.filter(completed_at=None, status__in=Broadcast.AT_WORK)
    statuses = set(open_ones.values_list("status", flat=True).distinct())
    if Status.SCHEDULED in statuses:
        start_due()
    if statuses & {Status.SENDING, Status.PAUSED, Status.CANCELLED}:
        recover()
    if Status.CANCELLED in statuses:
        for pk in open_ones.filter(status=Status.CANCELLED).values_list("pk", flat=True):
            close(pk)
    if Status.SENDING in statuses:
        gather()
        finish()
        wake_workers()
    for pk in due_notices():
        enqueue("notify", pk)
    mail_links()


def mail_links() -> None:
    """Ask for the mailing of personal links and invitations whose wake-up was lost, or that are to be tried again."""
    for task, rows in (("mail_link", PersonalLink.objects.due()), ("mail_invitation", Invitation.objects.due())):
        for pk in list(rows.order_by("due_at").values_list("pk", flat=True)[:LINKS_AT_ONCE]):
            if queue_is_full():
                return
            enqueue(task, pk)


def start_due() -> None:
    """Start scheduled broadcasts whose moment has come; what cannot start says why and stays editable."""
    due = Broadcast.objects.filter(completed_at=None, status=Status.SCHEDULED, due_from__lte=Now())
    for broadcast in due.select_related("organization").annotate(now=Now()).order_by("due_from"):
        limit = timedelta(minutes=broadcast.organization.late_start_minutes)
        now = broadcast.now
        later = hours.not_before(broadcast, now)  # with a clock time, which may be nobody's yet: that is never late
        if not later and broadcast.due_from and broadcast.due_from < now - limit:
            _give_up(broadcast, Status.DRAFT, "It was not started: its time had passed by too long. Schedule it again.")
        elif broadcast.expires_at and broadcast.expires_at <= now:
            _give_up(broadcast, Status.FAILED, "It was not started: it had expired.")
        elif later:
            due.filter(pk=broadcast.pk, due_from=broadcast.due_from).update(due_from=later)
        else:
            _start(broadcast)


def _start(broadcast: Broadcast) -> None:
    try:
        lifecycle.send(broadcast)
    except WrongState:
        pass  # somebody else was first
    except BroadcastsError as error:
        _give_up(broadcast, Status.FAILED, str(error))
    except Exception:  # the others' turn comes all the same; its own comes again until it is too late
        log.exception("Broadcast %s could not be started", broadcast.uuid)


def _give_up(broadcast: Broadcast, status: str, reason: str) -> None:
    scheduled = Broadcast.objects.filter(pk=broadcast.pk, status=Status.SCHEDULED)
    if scheduled.transition(status=status, error_message=reason, notice_due_at=Now(), modified=Now()):
        log.warning("Broadcast %s was not started: %s", broadcast.uuid, reason)
        enqueue("notify", broadcast.pk)


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


def gather() -> None:
    """Put retries and deferrals that came due into new batches, those who wait longest first."""
    due = Delivery.objects.due()
    under_way = Message.objects.filter(broadcast__status=Status.SENDING, broadcast__completed_at=None)
    found = under_way.filter(Exists(due.filter(message=OuterRef("pk"))))
    for message_id in list(found.values_list("pk", flat=True)):
        rows = due.filter(message=message_id).order_by("due_at").values_list("id", flat=True)
        ids = sorted(rows[: GATHERED_AT_ONCE * settings.BATCH_SIZE])
        for i in range(0, len(ids), settings.BATCH_SIZE):
            _gather(message_id, ids[i : i + settings.BATCH_SIZE])


def _gather(message_id: int, ids: list[int]) -> None:
    with transaction.atomic():
        if not _lock(messages=message_id):
            return  # it was stopped since: a cancel that is being written down would not see the new batch
        batch = Batch.objects.create(message_id=message_id)
        taken = Delivery.objects.due().filter(pk__in=ids).update(batch=batch, due_at=None)
        if not taken:
            batch.delete()  # another supervisor gathered them


def _lock(**filters: object) -> Broadcast | None:
    """Read a broadcast that is being sent, and keep it in that status to the end of the transaction."""
    rows = Broadcast.objects.select_for_update(of=("self",), no_key=True)
    return rows.filter(status=Status.SENDING, **filters).first()


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
    if _lock(pk=broadcast.pk) and stats.counts([broadcast])[broadcast.pk]["pending"] == 0:
        _without_work(pk=broadcast.pk).transition(status=Status.SENT, completed_at=Now(), modified=Now())


def close(broadcast_id: int, seconds: float = 0) -> None:
    """Write down a cancel: first who has no row yet, then batch by batch; a part at least, and for some seconds more.

    What is left, and batches still held, follow in the next round.
    """
    until = time.monotonic() + seconds
    cancelled = Broadcast.objects.filter(pk=broadcast_id, status=Status.CANCELLED, completed_at=None)
    if not cancelled.exists():
        return
    while start.expand_cancelled(broadcast_id):
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


def wake_workers() -> None:
    """Ask for as many pumps as this host lacks, and for expansions that stalled."""
    if queue_is_full():
        return
    stalled = Broadcast.objects.filter(
        completed_at=None, status=Status.SENDING, expanded_at=None, modified__lt=Now() - STALLED
    )
    for pk in stalled.values_list("pk", flat=True):
        if stalled.filter(pk=pk).transition(modified=Now()):
            enqueue("start", pk)
    wake_pumps()
