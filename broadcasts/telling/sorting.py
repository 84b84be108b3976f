"""Make calls of notes: for each subscription that wants them, up to 100 events of one broadcast in a call."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction
from django.db.models.functions import Now

from broadcasts.models import EventCall, EventNote, EventSubscription

MOST_EVENTS = 100  # of a call
IN_A_ROW = 20  # transactions of one organization, so that others have their turn
NOTES = 50  # of a transaction: each may hold the copies of a whole window

Event = list[object]  # of EventCall.events


def sort_notes(until: float) -> None:
    """Make calls of notes, some of each organization, until none is left or the time (of time.monotonic()) is over."""
    last = 0
    while time.monotonic() < until:
        later = EventNote.objects.filter(organization__gt=last).order_by("organization_id", "id")
        organization = later.values_list("organization_id", flat=True).first()
        if organization is None:
            return
        last = organization
        for _ in range(IN_A_ROW):
            if not _sort_some(organization) or time.monotonic() >= until:
                break


@transaction.atomic
def _sort_some(organization: int) -> bool:
    """Make calls of the oldest notes of an organization; return whether there may be more.

    Its subscriptions are locked, so that two workers do not sort notes of it at the same time, in a wrong order.
    """
    rows = EventSubscription.objects.for_organization(organization)
    subscriptions = list(rows.select_for_update(no_key=True).order_by("pk"))
    notes = list(EventNote.objects.filter(organization=organization).order_by("pk")[:NOTES])
    if not notes:
        return False
    found: dict[int | None, list[Event]] = defaultdict(list)
    for note in notes:
        found[note.broadcast_id] += _events_of(note)
    calls: list[EventCall] = []
    for subscription in subscriptions:
        if subscription.is_active:
            for broadcast, events in found.items():
                calls += calls_of(subscription, broadcast, [one for one in events if one[1] in subscription.types])
    add(calls)
    # In one statement: nothing refers to notes.
    EventNote.objects.filter(pk__in=[note.pk for note in notes])._raw_delete(EventNote.objects.db)
    return len(notes) == NOTES


def _events_of(note: EventNote) -> Iterator[Event]:
    n = 0
    for type, at, deliveries, ref, is_first in note.items:
        for delivery in deliveries or [0]:
            yield [f"evt_{note.uuid.hex}_{n}", type, at, delivery, ref, is_first]
            n += 1


def calls_of(
    subscription: EventSubscription, broadcast: int | None, events: Sequence[Event], **fields: object
) -> Iterator[EventCall]:
    """Yield unsaved calls with these events."""
    for start in range(0, len(events), MOST_EVENTS):
        some = events[start : start + MOST_EVENTS]
        types = ",".join(dict.fromkeys(str(one[1]) for one in some))
        yield EventCall(
            subscription=subscription,
            broadcast_id=broadcast,
            types=f",{types},",
            events=some,
            size=len(some),
            **fields,
        )


def add(calls: Iterable[EventCall]) -> None:
    """Save calls in their order, and have their subscriptions looked at; called inside a transaction."""
    if saved := EventCall.objects.bulk_create(calls, batch_size=500):
        pks = {call.subscription_id for call in saved}
        EventSubscription.objects.filter(pk__in=pks).update(due_at=Now())
