"""Merge several contacts that are the same person, with their history."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from broadcasts import sending, tracking
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import (
    Attendance,
    AuditEntry,
    Batch,
    Broadcast,
    Consent,
    ConsentChange,
    ConsentState,
    Contact,
    Delivery,
    Fallback,
    Inbound,
    Medium,
    Reason,
    SegmentMember,
    Suppression,
    UseCase,
    User,
    attributes_fault,
)
from broadcasts.models.fallbacks import PROOFS
from broadcasts.sending.window import AGAIN, MAY_HAVE_ARRIVED

from .audit_labels import forget_name

MERGED_AT_ONCE = 20  # other contacts at most; more duplicates come from a wrong import
CHUNK = 1000
# The strictest first: the merged contact gets the first one that any of them has.
STATUSES = (Contact.Status.BLOCKED, Contact.Status.ACTIVE, Contact.Status.ARCHIVED)
CONSENTS = (ConsentState.WITHDRAWN, ConsentState.PENDING, ConsentState.GRANTED, ConsentState.UNKNOWN)
PLACES = (
    Attendance.Status.ATTENDED,
    Attendance.Status.BOOKED,
    Attendance.Status.NO_SHOW,
    Attendance.Status.WAITLISTED,
    Attendance.Status.LATE_CANCELLED,
    Attendance.Status.RESCHEDULED,
    Attendance.Status.CANCELLED,
    Attendance.Status.NOT_REGISTERED,
)
# Of two deliveries of one message, the merged contact keeps the one with the first of these statuses.
OUTCOMES = (
    Delivery.Status.PENDING,
    Delivery.Status.SENT,
    Delivery.Status.UNKNOWN,
    Delivery.Status.FAILED,
    Delivery.Status.CANCELLED,
    Delivery.Status.SKIPPED,
)
REACHED = frozenset({Delivery.Status.SENT, Delivery.Status.UNKNOWN})
SAID_NO = {
    Suppression.Cause.COMPLAINT: (UseCase.MARKETING,),
    Suppression.Cause.UNSUBSCRIBE: (UseCase.MARKETING,),
    Suppression.Cause.STOP: (UseCase.MARKETING, UseCase.GENERAL),
}


@transaction.atomic
def merge(keep: Contact, others: Iterable[Contact], *, by: User | None = None) -> Contact:
    """Merge other contacts into one and return it; it gets no message twice.

    Its own values stay, and missing ones come from the others in their order. The stricter consent wins. Raises
    InvalidInput for contacts that cannot be merged, and WrongState while two copies of a message are being sent.
    """
    keep, others = _hold(keep, list(others))
    everybody = [keep, *others]
    sending.hold_expansions(keep.organization_id)
    _skip_second_copies(everybody)
    moved = _move_deliveries(everybody)
    _merge_consents(everybody)
    for other in others:
        _move_history(keep, other)
    values = _values(everybody)
    Contact.objects.filter(pk__in=[other.pk for other in others]).delete()  # before saving, since their keys are unique
    for name, value in values.items():
        setattr(keep, name, value)
    keep.save()
    detail = {"contacts": [str(other.uuid) for other in others], "deliveries": moved}
    AuditEntry.write(keep, "merge", organization=keep.organization, user=by, **detail)
    return keep


def _hold(keep: Contact, others: list[Contact]) -> tuple[Contact, list[Contact]]:
    """Return the contacts with their rows locked; raises InvalidInput for a wrong choice."""
    pks = [other.pk for other in others]
    if not others:
        raise InvalidInput({"contacts": "Name at least one other contact to merge into this one."})
    if len(others) > MERGED_AT_ONCE:
        raise InvalidInput({"contacts": f"{len(others)} contacts; {MERGED_AT_ONCE} at most at once."})
    if keep.pk in pks or len(set(pks)) < len(pks):
        raise InvalidInput({"contacts": "Name each other contact once, and not the one that is kept."})
    rows = Contact.objects.for_organization(keep.organization_id).select_for_update(of=("self",))
    found = {row.pk: row for row in rows.filter(pk__in=[keep.pk, *pks]).select_related("organization").order_by("pk")}
    if len(found) <= len(pks):
        raise InvalidInput({"contacts": "One of them is not there any more; choose again."})
    return found[keep.pk], [found[pk] for pk in pks]


def _skip_second_copies(everybody: Sequence[Contact]) -> None:
    """Skip second copies of pending messages: one copy stays, or none if one of the contacts got it already."""
    # All of their deliveries, in the order of ids and before batches, as workers and `tracking` lock them.
    held = Delivery.objects.of(everybody).select_for_update(of=("self",), no_key=True).order_by("pk")
    list(held.values_list("pk"))
    waiting = Delivery.objects.filter(contact__in=everybody, status=Delivery.Status.PENDING)
    broadcasts = set(waiting.values_list("message__broadcast", flat=True))
    rows = Delivery.objects.filter(contact__in=everybody, message__broadcast__in=broadcasts)
    scopes: dict[tuple[str, int], list[Delivery]] = defaultdict(list)
    for row in rows.select_related("message__broadcast").order_by("pk"):
        broadcast = row.message.broadcast
        every = broadcast.channel_policy == Broadcast.Policy.EVERY
        scopes["message" if every else "broadcast", row.message_id if every else broadcast.pk].append(row)
    for copies in scopes.values():
        _leave_one(copies, everybody[0])


def _leave_one(copies: list[Delivery], keep: Contact) -> None:
    pending = [row for row in copies if row.status == Delivery.Status.PENDING]
    in_hand = {row.pk for row in pending if _is_in_hand(row)} if len({row.contact_id for row in copies}) > 1 else set()
    wanted = [row for row in pending if not any(_makes_needless(one, row) for one in copies)]
    best = min(
        wanted,
        key=lambda row: (row.pk not in in_hand, not row.error.endswith(AGAIN), row.contact_id != keep.pk, row.pk),
        default=None,
    )
    for row in pending:
        if row in wanted and best is not None and row.contact_id == best.contact_id:
            continue
        if row.pk in in_hand:
            raise WrongState(
                f"“{row.message.broadcast}” is being sent to them at this moment: pause it, or wait until it is sent."
            )
        _give_up(row, keep, is_repeat=_is_repeat(row, copies))


def _give_up(row: Delivery, keep: Contact, is_repeat: bool) -> None:
    """Skip a pending copy as a second one; one that may have arrived becomes `unknown`."""
    changes: dict[str, Any] = {"due_at": None}
    if row.message.broadcast.falls_back:  # the copy that stays may have to be followed by one on this channel
        changes |= {"contact": None, "merged_into": keep.pk}
    if row.error.endswith(AGAIN):
        changes |= {"status": Delivery.Status.UNKNOWN, "error": MAY_HAVE_ARRIVED}
        counters = {"unknown": 1}
    else:
        changes |= {"status": Delivery.Status.SKIPPED, "reason": Reason.DUPLICATE, "error": ""}
        counters = {"skipped": 1, "repeats": -1 if is_repeat else 0}
    Delivery.objects.filter(pk=row.pk).update(**changes)
    tracking.adjust_counters(row, **counters)


def _makes_needless(one: Delivery, row: Delivery) -> bool:
    """Tell whether a pending copy is not wanted any more, since another contact got one or was excluded."""
    if one.contact_id == row.contact_id:
        return False
    if one.reason == Reason.EXCLUDED:  # it is then excluded for all of them
        return True
    if one.status not in REACHED or (one.bounced_at and not one.opened_at):
        return False
    return one.message_id == row.message_id or not _has_failed_silently(one)


def _has_failed_silently(copy: Delivery) -> bool:
    """Tell whether a sent copy fell back for want of the awaited fact, so that only a further copy may reach them."""
    awaited = Fallback.of(copy.message).fact if copy.status == Delivery.Status.SENT else None
    if awaited is None or copy.fallback_at:
        return False
    return not any(getattr(copy, f"{fact}_at") for fact in PROOFS[awaited])


def _is_repeat(row: Delivery, copies: list[Delivery]) -> bool:
    """Return whether a copy replaces another one and its person has an earlier copy that was not skipped."""
    earlier = (one for one in copies if one.contact_id == row.contact_id and one.pk < row.pk)
    return row.replaces is not None and any(one.status != Delivery.Status.SKIPPED for one in earlier)


def _is_in_hand(row: Delivery) -> bool:
    """Return whether a worker may be sending a pending delivery; its batch stays locked, so that none can claim it."""
    own_range = Q(message=row.message_id, first_id__lte=row.pk, last_id__gte=row.pk)
    batch = Batch.objects.select_for_update().filter(Q(pk=row.batch_id) if row.batch_id else own_range).first()
    return row.due_at is None and batch is not None and batch.state == Batch.State.LEASED


def _move_deliveries(everybody: Sequence[Contact]) -> int:
    """Move all deliveries to the first contact; second ones of a message stay without contact, with `merged_into`."""
    keep = everybody[0]
    own = Delivery.objects.filter(contact__in=everybody)
    Delivery.objects.filter(merged_into__in=[one.pk for one in everybody]).update(merged_into=keep.pk)
    several = own.order_by().values("message").annotate(n=Count("pk")).filter(n__gt=1).values("message")
    columns = ("message", "status", "clicked_at", "opened_at", "contact", "pk")
    seconds: list[int] = []
    for _, copies in groupby(own.filter(message__in=several).order_by("message", "pk").values_list(*columns), _message):
        _, *rest = sorted(copies, key=lambda copy: _rank(copy, keep))
        seconds += [pk for *_, pk in rest]
    for start in range(0, len(seconds), CHUNK):
        Delivery.objects.filter(pk__in=seconds[start : start + CHUNK]).update(contact=None, merged_into=keep.pk)
    return own.exclude(contact=keep).update(contact=keep)


def _message(copy: tuple[Any, ...]) -> int:
    return copy[0]


def _rank(copy: tuple[Any, ...], keep: Contact) -> tuple[Any, ...]:
    _, status, clicked, opened, contact, pk = copy
    return OUTCOMES.index(status), clicked is None, opened is None, contact != keep.pk, pk


def _merge_consents(everybody: Sequence[Contact]) -> None:
    """Set the strictest consent, with the change in the history; suppressed addresses that go count as withdrawals."""
    keep, *others = everybody
    ConsentChange.objects.filter(contact__in=others).update(contact=keep)
    states: dict[tuple[str, str], set[str]] = defaultdict(set)
    known = Consent.objects.filter(contact__in=everybody)
    for medium, use_case, state in known.values_list("medium", "use_case", "state"):
        states[medium, use_case].add(state)
    hashes = {digest for one in others for digest in one.hashes}
    noes = Suppression.objects.for_organization(keep.organization_id).filter(
        medium__in=Medium.values, address_hash__in=hashes, reason__in=SAID_NO
    )
    for medium, reason, only in noes.order_by().values_list("medium", "reason", "use_case"):
        for use_case in [only] if only else SAID_NO[Suppression.Cause(reason)]:
            states[medium, use_case].add(ConsentState.WITHDRAWN)
    for (medium, use_case), found in states.items():
        place: dict[str, Any] = {"contact": keep, "medium": medium, "use_case": use_case}
        state = min(found, key=lambda one: CONSENTS.index(ConsentState(one)))
        before = Consent.objects.filter(**place).values_list("state", flat=True).first()
        if before != state:
            Consent.objects.update_or_create(**place, defaults={"state": state})
            evidence = {"merged": [str(one.uuid) for one in others]}
            ConsentChange.objects.create(**place, state=state, source="merge", evidence=evidence)


def _move_history(keep: Contact, other: Contact) -> None:
    """Move the rows that refer to another contact; of two attendances of one activity, that first in PLACES stays."""
    mine = {row.activity_id: row for row in keep.attendances.filter(activity__in=other.attendances.values("activity"))}
    for theirs in other.attendances.filter(activity__in=mine):
        own = mine[theirs.activity_id]
        if PLACES.index(Attendance.Status(theirs.status)) < PLACES.index(Attendance.Status(own.status)):
            Attendance.objects.filter(pk=own.pk).update(
                status=theirs.status, at=theirs.at or own.at, modified=timezone.now()
            )
    chosen = Broadcast.contacts.through._default_manager
    for rows, column in (
        (Attendance.objects, "activity"),
        (SegmentMember.objects, "segment"),
        (chosen, "broadcast"),
    ):
        taken = rows.filter(contact=keep).values(column)
        rows.filter(contact=other).exclude(**{f"{column}__in": taken}).update(contact=keep)
    Inbound.objects.filter(contact=other).update(contact=keep)
    forget_name(other)  # now, since later its entries cannot be found
    # Exports and erasure of the merged contact include these entries.
    about = AuditEntry.objects.for_organization(keep.organization_id).filter(model="contact", object_id=other.pk)
    about.update(object_id=keep.pk)
    kind = ContentType.objects.get_for_model(Contact)
    LogEntry.objects.filter(content_type=kind, object_id=str(other.pk)).update(object_id=str(keep.pk))


def _values(everybody: Sequence[Contact]) -> dict[str, Any]:
    """Return {field: value} of the merged contact; raises InvalidInput if its attributes are too many."""
    keep = everybody[0]
    values = {
        name: next((v for one in everybody if (v := getattr(one, name))), getattr(keep, name))
        for name in Contact.PROFILE
    }
    attributes: dict[str, Any] = {}
    for one in reversed(everybody):
        attributes |= one.attributes
    if fault := attributes_fault(attributes):
        raise InvalidInput({"contacts": f"Together they have too much. {fault}"})
    statuses = {one.status for one in everybody}
    seen = [one.last_seen_at for one in everybody if one.last_seen_at]
    return {
        **values,
        "attributes": attributes,
        "status": next(status for status in STATUSES if status in statuses),
        "last_seen_at": max(seen, default=None),
        "no_tracking": any(one.no_tracking for one in everybody),
    }
