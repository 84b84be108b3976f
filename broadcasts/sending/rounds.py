"""What a supervisor does each second: find all pending work in the database, whatever tasks the queue has lost.

Any number of supervisors may run at once: every step is a conditional UPDATE, which changes nothing the second time.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from broadcasts import noting, tallying
from broadcasts.exceptions import BroadcastsError, WrongState
from broadcasts.models import Batch, Broadcast, Delivery, Message
from broadcasts.queue import enqueue, queue_is_full

from . import hours, lifecycle
from .alerts import due_alerts
from .closing import close, finish, lock_sending
from .fairness import enqueue_pumps
from .fallback import fall_back
from .notices import due_notices
from .recovery import recover

log = logging.getLogger(__name__)

Status = Broadcast.Status
GATHERED_AT_ONCE = 10  # batches of one message per round, so that other messages are not delayed
STALLED = timedelta(seconds=15)  # an expansion without progress for longer is enqueued again


def tick() -> None:
    """Do one round: start due broadcasts, recover batches, gather due deliveries, complete, enqueue tasks, count."""
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
        fall_back()
        gather()
        finish()
        enqueue_waiting()
    if statuses & {Status.SENDING, Status.PAUSED, Status.CANCELLED}:
        tallying.count_sent()
    tallying.group_done()
    for pk in due_notices():
        enqueue("notify", pk)
    for pk in due_alerts():
        enqueue("notify_alerts", pk)


def seconds_to_start() -> float | None:
    """Return how long until the next scheduled broadcast is due, by the database's clock; None if there is none."""
    scheduled = Broadcast.objects.filter(completed_at=None, status=Status.SCHEDULED, due_from__gt=Now())
    found = scheduled.order_by("due_from").values_list("due_from", Now())[:1]
    return next(((due - now).total_seconds() for due, now in found if due), None)


def start_due() -> None:
    """Start scheduled broadcasts that are due; one that cannot start stores the reason and stays editable."""
    due = Broadcast.objects.filter(completed_at=None, status=Status.SCHEDULED, due_from__lte=Now())
    for broadcast in due.select_related("organization").annotate(now=Now()).order_by("due_from"):
        limit = timedelta(minutes=broadcast.organization.late_start_minutes)
        now = broadcast.now
        # A local time may not have come in any zone: then it is never late. After an undo window it is not waited for.
        later = None if broadcast.undo_until else hours.next_check(broadcast, now)
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
        lifecycle.start(broadcast)
    except WrongState:
        pass  # another process was first, or somebody stopped it
    except BroadcastsError as error:
        _give_up(broadcast, Status.FAILED, str(error))
    except Exception:  # the other broadcasts still start; this one is tried again until it is too late
        log.exception("Broadcast %s could not be started", broadcast.uuid)


@transaction.atomic
def _give_up(broadcast: Broadcast, status: str, reason: str) -> None:
    scheduled = Broadcast.objects.filter(pk=broadcast.pk, status=Status.SCHEDULED)
    told = {"status": status, "error_message": reason, "notice_due_at": Now()}
    if scheduled.transition(**told, **lifecycle.WITHOUT_WINDOW, modified=Now()):
        log.warning("Broadcast %s was not started: %s", broadcast.uuid, reason)
        noting.note_broadcast(broadcast, "broadcast.failed")
        enqueue("notify", broadcast.pk)


def gather() -> None:
    """Collect deliveries whose retry time or deferral has passed into new batches, the longest due first."""
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
        if not lock_sending(messages=message_id):
            return  # it was stopped meanwhile: a running cancel would not see the new batch
        batch = Batch.objects.create(message_id=message_id)
        taken = Delivery.objects.due().filter(pk__in=ids).update(batch=batch, due_at=None)
        if not taken:
            batch.delete()  # another supervisor gathered them


def enqueue_waiting() -> None:
    """Enqueue the pumps that this host may still run, and expansions that have stalled."""
    if queue_is_full():
        return
    stalled = Broadcast.objects.filter(
        completed_at=None, status=Status.SENDING, expanded_at=None, modified__lt=Now() - STALLED
    )
    for pk in stalled.values_list("pk", flat=True):
        if stalled.filter(pk=pk).transition(modified=Now()):
            enqueue("start", pk)
    enqueue_pumps()
