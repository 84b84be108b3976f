"""Note what subscriptions are to be told, in the transaction of the fact itself, so that nothing is lost.

Where no active subscription of the organization wants a type, noting it costs one look into a dictionary. `telling`
makes calls of the notes.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from django.utils import timezone

from broadcasts.models import Broadcast, ConsentChange, Delivery, DeliveryEvent, EventNote, EventSubscription

SECONDS = 5  # that a process remembers which types an organization wants
NOTHING: frozenset[str] = frozenset()
_remembered: dict[int, tuple[float, frozenset[str]]] = {}  # {organization id: (until when, types)}

Item = list[object]  # of EventNote.items


@dataclass(frozen=True, slots=True)
class ToldFact:
    """A report about a delivery that changed something, or that is stored each time."""

    delivery: int
    type: str
    at: datetime
    event: DeliveryEvent | None  # the stored one; its id is known once it is written
    is_first: bool


def wanted(organization_id: int) -> frozenset[str]:
    """Return the types of events that active subscriptions of an organization want, as they were up to 5 s ago."""
    now = time.monotonic()
    until, types = _remembered.get(organization_id, (0.0, NOTHING))
    if now >= until:
        active = EventSubscription.objects.filter(organization=organization_id, is_active=True)
        types = frozenset(chain.from_iterable(active.values_list("types", flat=True)))
        _remembered[organization_id] = (now + SECONDS, types)
    return types


def forget() -> None:
    """Have the next note read which types are wanted."""
    _remembered.clear()


def note_outcomes(broadcast: Broadcast, sent: Iterable[int], failed: Iterable[int]) -> None:
    """Note the deliveries, by id, that a window sent and that failed for good."""
    if not (types := wanted(broadcast.organization_id)):
        return
    at = _milliseconds(timezone.now())
    found = [(type, list(pks)) for type, pks in (("sent", sent), ("failed", failed)) if type in types]
    _write(broadcast.organization_id, broadcast.pk, [[type, at, pks, 0, 1] for type, pks in found if pks])


def note_facts(told: Sequence[ToldFact], deliveries: Mapping[int, Delivery]) -> None:
    """Note reports in their order; the messages and broadcasts of the deliveries are loaded."""
    items: dict[tuple[int, int], list[Item]] = defaultdict(list)
    for one in told:
        broadcast = deliveries[one.delivery].message.broadcast
        if one.type in wanted(broadcast.organization_id):
            ref = one.event.pk if one.event else 0
            item: Item = [one.type, _milliseconds(one.at), [one.delivery], ref, int(one.is_first)]
            items[broadcast.organization_id, broadcast.pk].append(item)
    for (organization_id, broadcast_id), found in items.items():
        _write(organization_id, broadcast_id, found)


def note_broadcast(broadcast: Broadcast, type: str) -> None:
    """Note what became of a broadcast, such as `broadcast.started`."""
    if type in wanted(broadcast.organization_id):
        _write(broadcast.organization_id, broadcast.pk, [[type, _milliseconds(timezone.now()), [], 0, 1]])


def note_consents(organization_id: int, changes: Iterable[ConsentChange]) -> None:
    """Note stored changes of consents."""
    if "consent.changed" in wanted(organization_id):
        at = _milliseconds(timezone.now())
        _write(organization_id, None, [["consent.changed", at, [], change.pk, 1] for change in changes])


def _write(organization_id: int, broadcast_id: int | None, items: list[Item]) -> None:
    if items:
        EventNote.objects.create(organization_id=organization_id, broadcast_id=broadcast_id, items=items)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
