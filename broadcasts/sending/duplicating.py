"""Broadcasts made from another one: a duplicate, a retry of its failures, and a retarget."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from broadcasts import audience, versioning
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import Broadcast, Delivery, Engagement, User

from .lifecycle import send, wrong_state

Status = Broadcast.Status
NEVER_BEGAN = "It was cancelled before it began: nothing was sent, so there is nobody to write to again."

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
    "resumed_at": None,
}


@transaction.atomic
def duplicate(broadcast: Broadcast, by: User | None = None) -> Broadcast:
    """Copy a broadcast as a draft with the same content and audience, without its time or a past expiry."""
    expires = broadcast.expires_at if broadcast.expires_at and broadcast.expires_at > timezone.now() else None
    name = f"Copy of {broadcast.name}"[:255]
    return _copy(broadcast, by, origin=Broadcast.Origin.DUPLICATE, name=name, expires_at=expires)


@transaction.atomic
def retry(broadcast: Broadcast, by: User | None = None, *, starts: bool = True) -> Broadcast:
    """Send to the recipients of failed deliveries again, as a linked child; once per finished broadcast.

    `starts=False`: the child stays a draft.
    """
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
    if starts:
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
        versioning.write([twin], by, are_new=True)
    return copy


FOR_SOME = {"in_archive": False}  # everybody can read there already what is sent to some of its people again


def _copy_to(broadcast: Broadcast, by: User | None, engagement: str, **changes) -> Broadcast:
    """Copy a broadcast for its own recipients with this engagement."""
    nobody_else = {"send_to_all": False, "addresses": [], "query": {}, "activity": None, "attendance_status": None}
    child = _copy(
        broadcast, by, retarget_of=broadcast, retarget_engagement=engagement, **nobody_else, **FOR_SOME, **changes
    )
    for people in (child.segments, child.contacts):
        people.clear()
    return child


def _clone(row, **changes):
    fields = {field.name: getattr(row, field.name) for field in row._meta.concrete_fields}
    for name in ("id", "uuid", "created", "modified"):
        fields.pop(name)
    return type(row).objects.create(**{**fields, **changes})
