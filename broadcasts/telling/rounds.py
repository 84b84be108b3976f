"""Make the calls that are due: subscription by subscription under leases, several broadcasts of each at once.

A subscription is held by one worker at a time, so the calls of a broadcast are never made twice at once, and follow
each other. A worker that is killed has recorded no result: after its lease another one makes the same call again.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Min, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.module_loading import import_string

from broadcasts.database import outage
from broadcasts.models import EventCall, EventNote, EventSubscription, OrganizationQuerySet
from broadcasts.queue import enqueue, enqueue_once, is_told_to_stop

from .outcomes import record
from .results import CONCURRENCY, CallResult
from .results import SECONDS as CALL_SECONDS
from .sorting import add, calls_of, sort_notes

if TYPE_CHECKING:
    from .calls import EventCaller

log = logging.getLogger(__name__)

SECONDS = 15  # that a task begins calls; the next round enqueues another one
LOOK_SECONDS = 0.25  # between two looks for notes and calls
LEASE, RENEWAL = 40, 10  # seconds
AT_ONCE = 8  # calls of one subscription: a slow receiver leaves room for others
READY = 50  # calls read at once
REPLAYED_AT_ONCE, BACKLOG = 50, 200  # calls


@dataclass
class Held:
    """A claimed subscription, its calls that can be made now, the first of each broadcast, and those under way."""

    subscription: EventSubscription
    renewed_at: float
    ready: dict[int | None, EventCall] = field(default_factory=dict)
    flying: dict[int, EventCall] = field(default_factory=dict)
    is_lost: bool = False  # another worker has it

    @property
    def mine(self) -> OrganizationQuerySet[EventSubscription]:
        return EventSubscription.objects.filter(pk=self.subscription.pk, token=self.subscription.token)

    @property
    def may_call(self) -> bool:
        """Whether another call can be begun and end under the lease, and is wanted."""
        if self.is_lost or not self.subscription.is_active or len(self.flying) >= AT_ONCE:
            return False
        backoff = self.subscription.backoff_until
        is_resting = backoff is not None and backoff > timezone.now()
        return not is_resting and time.monotonic() < self.renewed_at + LEASE - 2 * CALL_SECONDS

    def heads(self) -> OrganizationQuerySet[EventCall]:
        """Return the first waiting call of each broadcast."""
        waiting = EventCall.objects.filter(subscription=self.subscription.pk, state=EventCall.State.WAITING)
        firsts = waiting.order_by().values("broadcast").annotate(first=Min("id")).values("first")
        return EventCall.objects.filter(pk__in=firsts)

    def read(self) -> None:
        """Read which calls are due, but of broadcasts that one is under way for."""
        busy = {call.broadcast_id for call in self.flying.values()}
        due = self.heads().filter(due_at__lte=Now()).order_by("pk")[:READY]
        self.ready = {call.broadcast_id: call for call in due if call.broadcast_id not in busy}


def enqueue_waiting() -> None:
    """Enqueue what is due of calls, notes and mail to staff; called in the supervisor's round."""
    if EventNote.objects.exists() or EventSubscription.objects.filter(EventSubscription.due()).exists():
        enqueue_once("tell_events")
    for pk in EventSubscription.objects.filter(notice_due_at__lte=Now()).values_list("pk", flat=True)[:READY]:
        enqueue("notify_subscription", pk)


def tell(seconds: float = SECONDS) -> None:
    """Make calls of notes, and the calls that are due, until the time is over, the worker stops, or none is left."""
    caller_class = import_string("broadcasts.telling.calls.EventCaller")  # with the HTTP client, so only when used
    with caller_class() as caller:
        teller = Teller(caller)
        try:
            teller.run(time.monotonic() + seconds)
        finally:
            teller.release_all()


class Teller:
    """A worker's claims and calls."""

    def __init__(self, caller: "EventCaller") -> None:
        self.caller = caller
        self.held: dict[int, Held] = {}
        self.owners: dict[int, Held] = {}  # of calls under way

    def run(self, deadline: float) -> None:
        look_at = 0.0
        while True:
            now = time.monotonic()
            is_over = now >= deadline or is_told_to_stop()
            if not is_over:
                if now >= look_at:
                    self.look()
                    look_at = time.monotonic() + LOOK_SECONDS
                self.begin()
            if not self.caller.flights and (is_over or not self.held):
                return
            for pk, result in self.caller.wait(LOOK_SECONDS / 2):
                self.end(pk, result)

    def look(self) -> None:
        """Sort notes, claim what is due, see what has changed for what is held, and release what has nothing to do."""
        sort_notes(time.monotonic() + 1)
        self.refresh()
        self.claim()
        for held in list(self.held.values()):
            if not held.is_lost and held.subscription.replay_after is not None:
                _replay_some(held)
                held.read()
            if not held.flying and (held.is_lost or not (held.ready and held.may_call)):
                self.release(held)

    def claim(self) -> None:
        due = EventSubscription.objects.filter(EventSubscription.due()).exclude(pk__in=self.held)
        for found in due.order_by("due_at")[: max(0, CONCURRENCY - len(self.held))]:
            claimed_at = time.monotonic()
            free = EventSubscription.objects.filter(EventSubscription.due(), pk=found.pk, token=found.token)
            if free.transition(token=F("token") + 1, lease_until=_lease_end(), due_at=None):
                subscription = EventSubscription.objects.select_related("organization").get(pk=found.pk)
                held = self.held[found.pk] = Held(subscription, claimed_at)
                held.is_lost = subscription.token != found.token + 1
                held.read()

    def refresh(self) -> None:
        """Renew leases, and read the subscriptions that are held: they may have been changed or given calls."""
        rows = EventSubscription.objects.filter(EventSubscription.in_use()).select_related("organization")
        fresh = rows.in_bulk(list(self.held)) if self.held else {}
        for pk, held in self.held.items():
            now, found = time.monotonic(), fresh.get(pk)
            if found is None or found.token != held.subscription.token:
                held.subscription.is_active = False
                held.is_lost = found is not None
                continue
            held.subscription = found
            if now > held.renewed_at + RENEWAL and held.mine.update(lease_until=_lease_end()):
                held.renewed_at = now
            if found.due_at is not None and held.mine.update(due_at=None):
                held.read()

    def begin(self) -> None:
        """Begin calls, one of each subscription after the other, so that slow receivers do not take all places."""
        while not self.caller.is_full:
            able = [held for held in self.held.values() if held.ready and held.may_call]
            if not able:
                return
            self.begin_one(min(able, key=lambda held: len(held.flying)))

    def begin_one(self, held: Held) -> None:
        call = held.ready.pop(next(iter(held.ready)))
        held.flying[call.pk] = call
        self.owners[call.pk] = held
        try:
            self.caller.begin(call, held.subscription.url, held.subscription.signing_secrets)
        except Exception as error:
            if outage(error):
                raise
            log.exception("A call with events could not be made")
            words = "The call could not be made; the log of the workers says why."
            self.end(call.pk, CallResult(None, words, 0))

    def end(self, pk: int, result: CallResult) -> None:
        """Record a result; after a success the next call of the same broadcast is ready."""
        held = self.owners.pop(pk)
        call = held.flying.pop(pk)
        if not record(held.subscription, call, result):
            held.is_lost = not held.mine.exists()
        elif result.is_success:
            waiting = EventCall.objects.filter(subscription=call.subscription_id, broadcast=call.broadcast_id)
            # The first one, also if it is not due yet: the others come after it.
            is_due = ExpressionWrapper(Q(due_at__lte=Now()), BooleanField())
            first = waiting.filter(state=EventCall.State.WAITING).annotate(is_due=is_due).order_by("pk").first()
            if first and first.is_due:
                held.ready[call.broadcast_id] = first

    def release(self, held: Held) -> None:
        """Give a subscription back, due when the first of its calls is; what was added meanwhile is due already.

        One with a call that is due goes behind all others that wait, however long the call has been due.
        """
        del self.held[held.subscription.pk]
        if not held.is_lost:
            next_due: datetime | None = held.heads().aggregate(first=Min("due_at"))["first"]
            is_due = next_due is not None and next_due <= timezone.now()
            due = {"due_at": Coalesce("due_at", Now() if is_due else next_due)} if next_due else {}
            held.mine.update(lease_until=None, **due)

    def release_all(self) -> None:
        for held in list(self.held.values()):
            self.release(held)


def _lease_end():
    return Now() + timedelta(seconds=LEASE)


@transaction.atomic
def _replay_some(held: Held) -> None:
    """Add some of the calls that are to be replayed, unless many wait already."""
    calls = EventCall.objects.filter(subscription=held.subscription.pk)
    if calls.filter(state=EventCall.State.WAITING)[:BACKLOG].count() >= BACKLOG:
        return
    locked = held.mine.select_for_update(no_key=True).first()
    if locked is None or locked.replay_after is None:
        return
    old = calls.filter(pk__gt=locked.replay_after, pk__lte=locked.replay_through, cause=EventCall.Cause.EVENT)
    some = list(old.filter(state__in=EventCall.ENDED).order_by("pk")[:REPLAYED_AT_ONCE])
    again = EventCall.Cause.REPLAY
    add(new for one in some for new in calls_of(locked, one.broadcast_id, one.events, cause=again))
    is_over = len(some) < REPLAYED_AT_ONCE
    reached, through = (None, None) if is_over else (some[-1].pk, locked.replay_through)
    held.mine.update(replay_after=reached, replay_through=through)
