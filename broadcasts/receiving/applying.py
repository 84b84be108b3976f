"""Make facts and replies of stored calls, many calls in a transaction; what fails is tried again, ever later."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Length, Now
from django.utils import timezone

from broadcasts import syncing, tracking
from broadcasts.database import outage, storable
from broadcasts.models import Channel, StoredCall
from broadcasts.queue import is_told_to_stop
from broadcasts.transports import CallbackRequest, Event, InboundMessage, TemplateNews

from .replies import ReplyBatch, moment_of

log = logging.getLogger(__name__)

SECONDS = 20  # that one task applies calls; the next round enqueues another one
CALLS = 500  # read at once
ALONE_SECONDS = 5  # that the events and replies of one call are applied one by one
BODIES = 20_000_000  # bytes in the bodies of these
STUCK = timedelta(seconds=30)  # due for so long, a call may be what kills its workers
THINGS = 500  # events and replies of a transaction, so that nobody waits long for the rows it locks
DELAYS = [timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 21_600, 43_200, 86_400)]


@dataclass(frozen=True, slots=True)
class Thing:
    """An event, a reply or news of a template, and the channel it is for."""

    channel: Channel
    told: Event | InboundMessage | TemplateNews


def apply_due(seconds: float = SECONDS) -> None:
    """Apply the calls and early facts that are due, until the time is over or the worker stops.

    Calls that come meanwhile are left to the next task, which follows within a second and finds many of them: a
    transaction has twenty statements, however few its calls are.
    """
    deadline = time.monotonic() + seconds
    for apply in (lambda: _apply_some(deadline), lambda: _apply_again(deadline), tracking.record_early):
        while apply() and time.monotonic() < deadline and not is_told_to_stop():
            pass


def _apply_some(deadline: float) -> bool:
    """Apply some calls that are due, each completely or not at all; return whether more of them were due.

    If they cannot be applied together, each is by itself.
    """
    pks: list[int] = []
    suspects = _suspect()
    try:
        with transaction.atomic():
            due = StoredCall.objects.filter(pk__in=suspects) if suspects else _due().filter(attempts=0)
            calls, is_more = _take(due)
            pks = [call.pk for call in calls]
            channels = _channels(calls)
            parts = [(call, _numbers(call)[:THINGS]) for call in calls]
            record([thing for call, numbers in parts for thing in _things(call, numbers, channels)])
            for call, numbers in parts:
                if len(numbers) < len(_numbers(call)):
                    is_more = True
                    left = _numbers(call)[len(numbers) :]
                    StoredCall.objects.filter(pk=call.pk).update(left=left, attempts=0, due_at=Now())
            StoredCall.objects.filter(pk__in=[call.pk for call, done in parts if done == _numbers(call)]).delete()
    except Exception as error:
        if outage(error) or not pks:
            raise
        log.info("%s calls could not be applied together (%s); each is by itself", len(pks), type(error).__name__)
        StoredCall.objects.filter(pk__in=suspects).update(due_at=Now())  # the worker is alive
        _apply_each(pks, deadline)
        return True
    return is_more or bool(suspects)


def _apply_again(deadline: float) -> bool:
    """Apply the due calls that were tried before, each by itself; return whether there were any."""
    tried = _due().filter(attempts__gt=0)
    if not tried.exists():
        return False
    with transaction.atomic():
        free = tried.select_for_update(skip_locked=True)
        pks = list(free.order_by("due_at", "pk").values_list("pk", flat=True)[:CALLS])
    return _apply_each(pks, deadline)


def _apply_each(pks: Sequence[int], deadline: float) -> bool:
    for pk in pks:
        _apply_by_itself(pk)
        if time.monotonic() >= deadline or is_told_to_stop():
            break
    return bool(pks)


def _due() -> QuerySet[StoredCall]:
    return StoredCall.objects.filter(due_at__lte=Now())


def _suspect() -> list[int]:
    """Count an attempt at calls that should have been applied long ago, and return them.

    A worker that is killed while it applies calls together leaves no trace. So the attempt at calls which are stuck is
    committed first: if one of them kills this worker too, each is next tried by itself. Where none is stuck, nothing
    is written.
    """
    stuck = StoredCall.objects.filter(due_at__lte=Now() - STUCK, attempts=0)
    if not stuck.exists():
        return []
    with transaction.atomic():
        pks = [call.pk for call in _take(stuck)[0]]
        StoredCall.objects.filter(pk__in=pks).update(attempts=1, due_at=Now() + DELAYS[0])
    return pks


def _take(calls: QuerySet[StoredCall]) -> tuple[list[StoredCall], bool]:
    """Lock and return calls that no other worker has, as many as one transaction applies.

    Also return whether there are more.
    """
    free = calls.select_for_update(skip_locked=True)
    sizes = list(free.order_by("due_at", "pk").values_list("pk", "things", Length("body"))[:CALLS])
    taken: list[int] = []
    things = length = 0
    for pk, size, body in sizes:
        things, length = things + size, length + body
        if taken and (things > THINGS or length > BODIES):
            break
        taken.append(pk)
    return list(StoredCall.objects.filter(pk__in=taken).order_by("pk")), len(taken) < len(sizes) or len(sizes) == CALLS


def _channels(calls: Sequence[StoredCall]) -> dict[int, Channel]:
    pks = {pk for call in calls for pk in (call.channel_id, *call.accounts.values())}
    return Channel.objects.select_related("organization").in_bulk(list(pks)) if pks else {}


def _numbers(call: StoredCall) -> list[int]:
    """Return the numbers of the events and replies of a call that have yet to be applied."""
    return list(range(call.things)) if call.left is None else call.left


def _things(call: StoredCall, numbers: Sequence[int], channels: dict[int, Channel]) -> list[Thing]:
    """Return events and replies of a call, each with its channel; without those that no channel is meant by."""
    everything = _everything(call, channels)
    return [thing for number in numbers if (thing := everything[number])]


def _everything(call: StoredCall, channels: dict[int, Channel]) -> list[Thing | None]:
    """Return all events and replies of a call by their numbers; None for one that no channel is meant by."""
    called = channels[call.channel_id]
    transport = called.transport()
    told = transport.parse(CallbackRequest(call.method, call.url, call.headers, bytes(call.body)))
    things: list[Event | InboundMessage | TemplateNews] = [*told.events, *told.replies, *told.templates]
    found: list[Thing | None] = []
    for one in things:
        is_ours = one.account in ("", transport.account)
        meant = called if is_ours else channels.get(call.accounts.get(one.account, 0))
        found.append(Thing(meant, one) if meant else None)
    return found


def _apply_by_itself(pk: int) -> None:
    """Apply the events and replies of one call one by one; those that fail are tried again later.

    The attempt is committed first, so that a call that kills its worker is given up too. What a turn has no time for is
    due again at once.
    """
    attempts = _begin(pk)
    if attempts is None:
        return
    with transaction.atomic():
        call = StoredCall.objects.select_for_update(skip_locked=True).filter(pk=pk, attempts=attempts).first()
        if call is None:
            return
        numbers = _numbers(call)
        tried, failed, error = _try_each(call, numbers[:THINGS])
        later = numbers[tried:]
        changes: dict[str, Any] = {"left": later + failed, "error": storable(error)}
        if later and tried > len(failed):  # it gets ahead
            changes |= {"attempts": attempts - 1, "due_at": Now()}
        if later or failed:
            StoredCall.objects.filter(pk=pk).update(**changes)
        else:
            call.delete()


@transaction.atomic
def _begin(pk: int) -> int | None:
    """Count an attempt at a call and set when the next one is due; None if another worker has it."""
    call = StoredCall.objects.select_for_update(skip_locked=True).filter(pk=pk, due_at__lte=Now()).first()
    if call is None:
        return None
    wait = DELAYS[call.attempts] if call.attempts < len(DELAYS) else None
    StoredCall.objects.filter(pk=pk).update(attempts=call.attempts + 1, due_at=wait and Now() + wait)
    return call.attempts + 1


def _try_each(call: StoredCall, numbers: Sequence[int]) -> tuple[int, list[int], str]:
    """Apply events and replies until the time is over; return how many were tried, which failed, and the last error."""
    deadline = time.monotonic() + ALONE_SECONDS
    channels, tried, failed, error = _channels([call]), 0, [], ""
    everything: list[Thing | None] | None = None
    for number in numbers:
        try:
            with transaction.atomic():
                everything = _everything(call, channels) if everything is None else everything
                record([thing] if (thing := everything[number]) else [])
        except Exception as fault:
            if outage(fault):
                raise
            failed.append(number)
            error = f"{type(fault).__name__}: {fault}"
            log.exception("Something that a provider told could not be applied: number %s of %s", number, call)
            if everything is None:  # the whole call cannot be read
                return len(numbers), list(numbers), error
        tried += 1
        if time.monotonic() >= deadline:
            break
    return tried, failed, error


@transaction.atomic
def record(things: Sequence[Thing]) -> None:
    """Record news, events and replies: all facts together, so that rows are locked in the order of `tracking`."""
    now = timezone.now()
    events = [(one.channel, one.told) for one in things if isinstance(one.told, Event)]
    reports = [_report(channel, event, now) for channel, event in events]
    replies = ReplyBatch([(one.channel, one.told) for one in things if isinstance(one.told, InboundMessage)], now)
    found = tracking.find([*(report.place for report in reports), *replies.places])
    keys = {report.place: event.key for (_, event), report in zip(events, reports, strict=True) if event.key}
    by_key = tracking.find_by_key({place: key for place, key in keys.items() if place not in found})
    found |= by_key
    facts = [report.about(found[report.place]) for report in reports if report.place in found]
    people = tracking.hold_people(facts, also=replies.look_up(found))
    for one in things:
        if isinstance(one.told, TemplateNews):  # may pause a broadcast: locked after contacts, before deliveries
            syncing.take_news(one.channel, one.told)
    facts += replies.take_in(people)
    # A copy that is known by its key alone has no reference, and will have none.
    keyed = {place for place, key in keys.items() if place[1] == key}
    tracking.keep_early([report for report in reports if report.place not in found and report.place not in keyed])
    tracking.record_all(facts)
    if named := {place: pk for place, pk in by_key.items() if place not in keyed}:
        tracking.add_found(named)


def _report(channel: Channel, event: Event, now: datetime) -> tracking.Report:
    place = (channel.pk, tracking.known_as(event.provider_id))
    return tracking.Report(place, event.type, moment_of(event.at, now), event.machine, storable(event.detail))
