"""The transitions that users request; each is one conditional UPDATE, and the caller that changes the row continues."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, DateTimeField, Exists, F, Q, Value, When
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from broadcasts import noting, stats, tracking
from broadcasts.exceptions import InvalidInput, NotReady, StaleObject, WrongState
from broadcasts.models import AuditEntry, Broadcast, Delivery, Organization, User
from broadcasts.queue import enqueue

from . import expansion, hours, moments, readiness

Status = Broadcast.Status
HAD_BEGUN = "It had begun when it was cancelled, so copies may have left: duplicate it instead."

IN_WINDOW = "It is about to be sent. Stop that first."
NOT_UNDOABLE = "It cannot be undone: it is not waiting to be sent."
TOO_LATE = "It has begun, so it cannot be undone any more: pause or cancel it."
EXPIRES_FIRST = "It would have expired before it can be undone no longer: choose a later expiry."
LONGEST_UNDO = 3600  # seconds

NOTED = {  # {act: type of the event}
    "schedule": "broadcast.scheduled",
    "send with undo": "broadcast.scheduled",
    "unschedule": "broadcast.unscheduled",
    "undo": "broadcast.unscheduled",
    "send": "broadcast.started",
    "pause": "broadcast.paused",
    "resume": "broadcast.resumed",
    "cancel": "broadcast.cancelled",
}

# What ends an undo window: the end of it is no time that the broadcast was given.
WITHOUT_WINDOW: dict[str, Any] = {
    "scheduled_at": Case(
        When(scheduled_at=F("undo_until"), then=Value(None)), default=F("scheduled_at"), output_field=DateTimeField()
    ),
    "undo_until": None,
}


def wrong_state(accepted: Iterable[str]) -> WrongState:
    labels = [label for value, label in Status.choices if value in accepted and value != Status.FAILED]
    return WrongState(f"Valid states for operation: {', '.join(labels)}.")


def _transition(
    broadcast: Broadcast,
    accepted: Iterable[Status],
    act: str,
    by: User | None,
    *only: Q,
    detail: Mapping[str, object] = {},
    **changes,
) -> None:
    """Change the status and refresh the instance; raises WrongState unless the status is one of `accepted`.

    `only` are further conditions on the row, and `detail` belongs to the entry in the audit log.
    """
    rows = Broadcast.objects.filter(*only, pk=broadcast.pk, status__in=accepted)
    if not rows.transition(modified=Now(), **changes):
        raise wrong_state(accepted)
    broadcast.refresh_from_db()
    AuditEntry.write(broadcast, act, organization=broadcast.organization, user=by, **detail)
    if act in NOTED:
        noting.note_broadcast(broadcast, NOTED[act])


def _hold(broadcast: Broadcast, seen: datetime | None) -> None:
    """Lock a startable broadcast until the transaction ends, and refresh it, so that what is checked is what is sent.

    Raises WrongState if it cannot start, and StaleObject if it was modified after `seen`.
    """
    broadcast.refresh_from_db(from_queryset=Broadcast.objects.select_for_update())
    if broadcast.status not in Broadcast.STARTABLE:
        raise wrong_state(Broadcast.STARTABLE)
    # Compared in Python: SQLite may store the same moment with three digits or with six.
    if seen and broadcast.modified != seen:
        raise StaleObject(f"“{broadcast}” was changed since you looked: read it again, then confirm.")


@transaction.atomic
def send(
    broadcast: Broadcast,
    by: User | None = None,
    *,
    undo_seconds: int = 0,
    seen: datetime | None = None,
    to_nobody: bool = False,
) -> None:
    """Start sending now; raises WrongState, EmptyAudience, NotReady or InvalidInput with nothing changed.

    With `undo_seconds` it starts so much later, and `undo` makes it a draft again until then. What refuses a start
    refuses it at once.

    With `local_time`, recipients whose local time has not come wait for it. Otherwise `scheduled_at` of a draft becomes
    now. `seen` is the value of `modified` that the user saw; raises StaleObject if the broadcast was changed since.
    With `to_nobody` it starts, and ends, also where nobody can be reached or no channel is there.
    """
    _hold(broadcast, seen)
    if broadcast.local_time and broadcast.own_time is None:
        raise NotReady("Which clock time is meant? Set scheduled_at first, or switch local_time off to send it now.")
    if undo_seconds:
        _open_undo_window(broadcast, by, undo_seconds)
    else:
        _begin(broadcast, Broadcast.STARTABLE, by, to_nobody=to_nobody)


def _begin(
    broadcast: Broadcast, accepted: Iterable[Status], by: User | None, *only: Q, to_nobody: bool = False
) -> None:
    keeps_time = Q(status=Status.SCHEDULED, undo_until=None) | Q(local_time=True)
    _transition(
        broadcast,
        accepted,
        "send",
        by,
        *only,
        status=Status.SENDING,
        scheduled_at=Case(When(keeps_time, F("scheduled_at")), default=Now()),
        undo_until=None,
        started_at=Now(),
        completed_at=None,
        error_message="",
        notice_due_at=None,
    )
    expansion.freeze(broadcast, to_nobody=to_nobody)
    enqueue("start", broadcast.pk)


def _open_undo_window(broadcast: Broadcast, by: User | None, seconds: int) -> None:
    """Have a held broadcast start in some seconds, by the database's clock, after it was tried that it can start."""
    if broadcast.is_undoable:
        raise WrongState(IN_WINDOW)
    once = Q(undo_until=None)
    with transaction.atomic():
        _begin(broadcast, Broadcast.STARTABLE, by, once)
        transaction.set_rollback(True)
    end = Now() + timedelta(seconds=seconds)
    _transition(
        broadcast,
        Broadcast.STARTABLE,
        "send with undo",
        by,
        once,
        detail={"undo_seconds": seconds},
        status=Status.SCHEDULED,
        scheduled_at=Coalesce(F("scheduled_at"), end),
        due_from=end,
        undo_until=end,
        error_message="",
        notice_due_at=None,
    )
    if broadcast.expires_at and broadcast.undo_until and broadcast.expires_at <= broadcast.undo_until:
        raise InvalidInput({"expires_at": EXPIRES_FIRST})


@transaction.atomic
def start(broadcast: Broadcast) -> None:
    """Start a scheduled broadcast that is due; raises WrongState if it is not, or no longer, and as `send` does."""
    _begin(broadcast, [Status.SCHEDULED], None, Q(due_from__lte=Now()))


@transaction.atomic
def undo(broadcast: Broadcast, by: User | None = None) -> None:
    """Return a broadcast that is within its undo window to draft, with the time that it had.

    Raises WrongState once it has begun.
    """
    try:
        _transition(
            broadcast, [Status.SCHEDULED], "undo", by, Broadcast.UNDOABLE, status=Status.DRAFT, **WITHOUT_WINDOW
        )
    except WrongState:
        has_begun = Broadcast.objects.filter(pk=broadcast.pk, status__in=Broadcast.STOPPABLE).exists()
        raise WrongState(TOO_LATE if has_begun else NOT_UNDOABLE) from None


@transaction.atomic
def schedule(
    broadcast: Broadcast,
    at: datetime | None = None,
    by: User | None = None,
    *,
    day: date | None = None,
    seen: datetime | None = None,
) -> None:
    """Schedule for `at`, for `day` at the default send hour, or for the time that the broadcast has.

    Reschedules a scheduled broadcast if a time is given, and ends an undo window. Raises WrongState, StaleObject,
    NotReady or InvalidInput.
    """
    _hold(broadcast, seen)
    is_scheduled = broadcast.status == Status.SCHEDULED and not broadcast.is_undoable
    if is_scheduled and day is None and at in (None, broadcast.scheduled_at):
        return
    moment = moments.to_schedule(broadcast, at, day)
    if is_scheduled and moment == broadcast.scheduled_at:
        return
    if broadcast.expires_at and broadcast.expires_at <= max(moment, timezone.now()):
        raise InvalidInput({"scheduled_at": "It would have expired by then: choose a time before expires_at."})
    readiness.check(broadcast)
    due = max(hours.earliest_start(broadcast, moment), timezone.now())
    _transition(
        broadcast,
        Broadcast.STARTABLE,
        "schedule",
        by,
        status=Status.SCHEDULED,
        scheduled_at=moment,
        due_from=due,
        undo_until=None,
        error_message="",
        notice_due_at=None,
    )


@transaction.atomic
def unschedule(broadcast: Broadcast, by: User | None = None) -> None:
    """Return a scheduled broadcast to draft; it keeps its time. Raises WrongState."""
    _transition(broadcast, [Status.SCHEDULED], "unschedule", by, status=Status.DRAFT, **WITHOUT_WINDOW)


@transaction.atomic
def pause(broadcast: Broadcast, by: User | None = None, reason: str = "") -> None:
    """Pause a broadcast, at the latest after the current window; no recipient is lost. Raises WrongState."""
    _transition(broadcast, [Status.SENDING], "pause", by, status=Status.PAUSED, error_message=reason)


@transaction.atomic
def resume(broadcast: Broadcast, by: User | None = None) -> None:
    """Continue a paused broadcast; failures and complaints until now no longer pause it. Raises WrongState."""
    answered = stats.judged(broadcast)
    _transition(
        broadcast,
        [Status.PAUSED],
        "resume",
        by,
        status=Status.SENDING,
        error_message="",
        notice_due_at=None,
        forgiven_sent=answered["sent"],
        forgiven_failed=answered["failed"],
        resumed_at=Now(),
    )
    enqueue("start", broadcast.pk)


@transaction.atomic
def cancel(broadcast: Broadcast, by: User | None = None) -> None:
    """Stop a broadcast for good, at the latest after the current window; pending deliveries become cancelled.

    A scheduled one never begins: it gets no deliveries, is complete at once, and can be reopened. Raises WrongState.
    """
    _transition(
        broadcast,
        Broadcast.CANCELLABLE,
        "cancel",
        by,
        status=Status.CANCELLED,
        completed_at=Case(When(status=Status.SCHEDULED, then=Now())),
        notice_due_at=None,
        **WITHOUT_WINDOW,
    )
    if broadcast.has_begun:
        enqueue("close", broadcast.pk)


@transaction.atomic
def reopen(broadcast: Broadcast, by: User | None = None) -> None:
    """Return a broadcast that was cancelled before it began to draft; it keeps its time. Raises WrongState."""
    if broadcast.status == Status.CANCELLED and broadcast.has_begun:
        raise WrongState(HAD_BEGUN)
    never_began = Q(~Exists(Delivery.objects.filter(message__broadcast=broadcast)), started_at=None)
    _transition(broadcast, [Status.CANCELLED], "reopen", by, never_began, status=Status.DRAFT, completed_at=None)


@transaction.atomic
def settle(delivery: Delivery, status: str, by: User | None = None) -> None:
    """Set the outcome of an unknown delivery that staff found out: `sent` or `failed`."""
    if status not in (Delivery.Status.SENT, Delivery.Status.FAILED):
        raise WrongState("An unknown delivery can be settled as sent or failed.")
    _require_unknown(delivery)
    tracking.record(delivery, status, detail={"source": "staff"})
    AuditEntry.write(delivery, f"settle as {status}", organization=_owner(delivery), user=by)


@transaction.atomic
def resend(delivery: Delivery, by: User | None = None) -> None:
    """Send an unknown delivery again, as staff decided; a finished broadcast returns to sending."""
    broadcast = Broadcast.objects.select_for_update().get(messages=delivery.message_id)
    if broadcast.status == Status.CANCELLED:
        raise WrongState("The broadcast was cancelled: nothing of it is sent any more.")
    _require_unknown(delivery)
    if Delivery.objects.filter(replaces=delivery.pk).exists():
        raise WrongState("The next channel has taken over from this copy: another one would be a second message.")
    Delivery.objects.filter(pk=delivery.pk).update(status=Delivery.Status.PENDING, due_at=Now(), fallback_at=None)
    tracking.adjust_counters(delivery, unknown=-1)
    AuditEntry.write(delivery, "resend", organization=_owner(delivery), user=by)
    if Broadcast.objects.filter(pk=broadcast.pk, status=Status.SENT).transition(
        status=Status.SENDING, completed_at=None, modified=Now()
    ):
        # What was reported since it had ended starts nothing.
        late = Delivery.objects.filter(message__broadcast=broadcast, fallback_at__isnull=False)
        late.update(fallback_at=None)
        enqueue("tick")


def _require_unknown(delivery: Delivery) -> None:
    if Delivery.objects.select_for_update().get(pk=delivery.pk).status != Delivery.Status.UNKNOWN:
        raise WrongState("Only a delivery whose outcome is unknown can be settled or sent again.")


def _owner(delivery: Delivery) -> Organization:
    return delivery.message.broadcast.organization
