"""The transitions that users request; each is one conditional UPDATE, and the caller that changes the row continues."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, F, Q, When
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import audience, noting, stats, tracking, versioning
from broadcasts.exceptions import InvalidInput, NotReady, StaleObject, WrongState
from broadcasts.models import AuditEntry, Broadcast, Delivery, Engagement, Organization, User
from broadcasts.queue import enqueue

from . import expansion, hours, moments, readiness

Status = Broadcast.Status
HAD_BEGUN = "It had begun when it was cancelled, so copies may have left: duplicate it instead."
NEVER_BEGAN = "It was cancelled before it began: nothing was sent, so there is nobody to write to again."

NOTED = {  # {act: type of the event}
    "schedule": "broadcast.scheduled",
    "send": "broadcast.started",
    "pause": "broadcast.paused",
    "resume": "broadcast.resumed",
    "cancel": "broadcast.cancelled",
}


def wrong_state(accepted: Iterable[str]) -> WrongState:
    labels = [label for value, label in Status.choices if value in accepted and value != Status.FAILED]
    return WrongState(f"Valid states for operation: {', '.join(labels)}.")


def _transition(
    broadcast: Broadcast, accepted: Iterable[Status], act: str, by: User | None, *only: Q, **changes
) -> None:
    """Change the status and refresh the instance; raises WrongState unless the status is one of `accepted`.

    `only` are further conditions on the row.
    """
    rows = Broadcast.objects.filter(*only, pk=broadcast.pk, status__in=accepted)
    if not rows.transition(modified=Now(), **changes):
        raise wrong_state(accepted)
    broadcast.refresh_from_db()
    AuditEntry.write(broadcast, act, organization=broadcast.organization, user=by)
    if act in NOTED:
        noting.note_broadcast(broadcast, NOTED[act])


def _refuse_unseen(broadcast: Broadcast, seen: datetime | None) -> None:
    """Lock a broadcast; raises StaleObject if it was modified after `seen`."""
    # Compared in Python: SQLite may store the same moment with three digits or with six.
    if seen and Broadcast.objects.select_for_update().get(pk=broadcast.pk).modified != seen:
        raise StaleObject(f"“{broadcast}” was changed since you looked: read it again, then confirm.")


@transaction.atomic
def send(
    broadcast: Broadcast, by: User | None = None, *, seen: datetime | None = None, to_nobody: bool = False
) -> None:
    """Start sending now; raises WrongState, EmptyAudience, NotReady or InvalidInput with nothing changed.

    With `local_time`, recipients whose local time has not come wait for it. Otherwise `scheduled_at` of a draft becomes
    now. `seen` is the value of `modified` that the user saw; raises StaleObject if the broadcast was changed since.
    With `to_nobody` it starts, and ends, also where nobody can be reached or no channel is there.
    """
    _refuse_unseen(broadcast, seen)
    if broadcast.local_time and broadcast.scheduled_at is None:
        raise NotReady("Which clock time is meant? Set scheduled_at first, or switch local_time off to send it now.")
    _transition(
        broadcast,
        Broadcast.STARTABLE,
        "send",
        by,
        status=Status.SENDING,
        scheduled_at=Case(When(Q(status=Status.SCHEDULED) | Q(local_time=True), F("scheduled_at")), default=Now()),
        started_at=Now(),
        completed_at=None,
        error_message="",
        notice_due_at=None,
    )
    expansion.freeze(broadcast, to_nobody=to_nobody)
    enqueue("start", broadcast.pk)


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

    Reschedules a scheduled broadcast if a time is given. Raises WrongState, StaleObject, NotReady or InvalidInput.
    """
    accepted = Broadcast.STARTABLE
    if broadcast.status not in accepted:
        raise wrong_state(accepted)
    _refuse_unseen(broadcast, seen)
    is_scheduled = broadcast.status == Status.SCHEDULED
    if is_scheduled and not Broadcast.objects.filter(pk=broadcast.pk, status=Status.SCHEDULED).exists():
        raise wrong_state(accepted)  # it was cancelled or begun since it was read
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
        accepted,
        "schedule",
        by,
        status=Status.SCHEDULED,
        scheduled_at=moment,
        due_from=due,
        error_message="",
        notice_due_at=None,
    )


@transaction.atomic
def unschedule(broadcast: Broadcast, by: User | None = None) -> None:
    """Return a scheduled broadcast to draft; it keeps its time. Raises WrongState."""
    _transition(broadcast, [Status.SCHEDULED], "unschedule", by, status=Status.DRAFT)


@transaction.atomic
def pause(broadcast: Broadcast, by: User | None = None, reason: str = "") -> None:
    """Pause a broadcast, at the latest after the current window; no recipient is lost. Raises WrongState."""
    _transition(broadcast, [Status.SENDING], "pause", by, status=Status.PAUSED, error_message=reason)


@transaction.atomic
def resume(broadcast: Broadcast, by: User | None = None) -> None:
    """Continue a paused broadcast; failures until now no longer count for the failure budget. Raises WrongState."""
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
def duplicate(broadcast: Broadcast, by: User | None = None) -> Broadcast:
    """Copy a broadcast as a draft with the same content and audience, without its time or a past expiry."""
    expires = broadcast.expires_at if broadcast.expires_at and broadcast.expires_at > timezone.now() else None
    name = f"Copy of {broadcast.name}"[:255]
    return _copy(broadcast, by, origin=Broadcast.Origin.DUPLICATE, name=name, expires_at=expires)


@transaction.atomic
def retry(broadcast: Broadcast, by: User | None = None) -> Broadcast:
    """Send to the recipients of failed deliveries again, as a linked child; once per finished broadcast."""
    parent = Broadcast.objects.select_for_update().get(pk=broadcast.pk)
    if parent.status not in Broadcast.FINISHED:
        raise wrong_state(Broadcast.FINISHED)
    if earlier := parent.children.filter(origin=Broadcast.Origin.RETRY).first():
        raise WrongState(f"It was retried already by “{earlier}” ({earlier.uuid}); retry that one.")
    failed = Delivery.objects.filter(message__broadcast=parent, status=Delivery.Status.FAILED)
    if not failed.standing().exists():
        raise WrongState("There is nothing to retry: no delivery of it failed.")
    child = _copy_to(
        parent,
        by,
        origin=Broadcast.Origin.RETRY,
        name=f"Retry of {parent.name}"[:255],
        engagement=Engagement.FAILED,
        local_time=False,
    )
    send(child, by)
    return child


@transaction.atomic
def retarget(broadcast: Broadcast, engagement: str, by: User | None = None) -> Broadcast:
    """Copy a started broadcast as a linked draft for its recipients with this engagement.

    Raises WrongState, or InvalidInput if no channel of it reports the fact that decides the engagement.
    """
    if broadcast.status not in Broadcast.STARTED:
        raise wrong_state(Broadcast.STARTED)
    if not broadcast.has_begun:
        raise WrongState(NEVER_BEGAN)
    if broadcast.log_is_gone():
        raise WrongState("Its log has been deleted: nobody can tell any more what became of it for whom.")
    if reason := audience.why_not(broadcast, engagement):
        raise InvalidInput({"engagement": reason})
    return _copy_to(
        broadcast,
        by,
        origin=Broadcast.Origin.RETARGET,
        name=f"Retarget of {broadcast.name}"[:255],
        engagement=engagement,
        expires_at=None,
    )


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


FRESH: dict[str, Any] = {
    "status": Status.DRAFT,
    "scheduled_at": None,
    "due_from": None,
    "undo_until": None,
    "accepted_warnings": {},
    "started_at": None,
    "completed_at": None,
    "repeat": None,
    "extra": {},
    "error_message": "",
    "expanded_to": 0,
    "expanded_at": None,
    "notice_due_at": None,
    "forgiven_sent": 0,
    "forgiven_failed": 0,
}


def _copy(broadcast: Broadcast, by: User | None, **changes) -> Broadcast:
    """Copy a broadcast with its audience, messages and translations as a draft; their versions begin anew."""
    author = {"author": by, "author_name": by.get_full_name()} if by else {}
    copy = _clone(broadcast, **FRESH, **author, parent=broadcast, **changes)
    for field in Broadcast.WHO_LISTS:
        getattr(copy, field).set(getattr(broadcast, field).all())
    for message in broadcast.messages.prefetch_related("translations"):
        translations = list(message.translations.all())
        twin = _clone(message, broadcast=copy, error="", checksum="", extra={}, track_opens=None, track_clicks=None)
        for translation in translations:
            _clone(translation, message=twin)
        versioning.write([twin], by)
    return copy


def _copy_to(broadcast: Broadcast, by: User | None, engagement: str, **changes) -> Broadcast:
    """Copy a broadcast for its own recipients with this engagement."""
    nobody_else = {"send_to_all": False, "addresses": [], "query": {}, "activity": None, "attendance_status": None}
    child = _copy(broadcast, by, retarget_of=broadcast, retarget_engagement=engagement, **nobody_else, **changes)
    for people in (child.segments, child.contacts):
        people.clear()
    return child


def _clone(row, **changes):
    fields = {field.name: getattr(row, field.name) for field in row._meta.concrete_fields}
    for name in ("id", "uuid", "created", "modified"):
        fields.pop(name)
    return type(row).objects.create(**{**fields, **changes})
