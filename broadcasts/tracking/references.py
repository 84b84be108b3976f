"""Know deliveries by their providers' ids, and keep reports about ids that are not known yet."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import links
from broadcasts.database import Statement, outage, parameter, storable
from broadcasts.models import Channel, Delivery, DeliveryEvent, EarlyFact, ProviderRef
from broadcasts.transports import kinds_that_read_mail

from .recording import Fact, record_all

log = logging.getLogger(__name__)

Place = tuple[int, str]  # channel id and the provider's id of a copy there

TYPES = frozenset(DeliveryEvent.Type.values)  # which makes a list at each time
MOST_EARLY = 100_000  # facts of unknown deliveries that are kept for one channel
ROOM_EVERY = 1_000  # of these facts, room is made
EARLY_AT_ONCE = 500
PASSED_SECONDS = 3 * 86_400  # that reports about a message that is no copy are passed over
SOONEST = timedelta(seconds=1)  # before an early fact is tried again; then its age doubles each time
FAULTY_WAIT = timedelta(hours=1)  # before an early fact that could not be recorded is tried again


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider reports about one copy, by its own id of it."""

    place: Place
    type: str
    at: datetime
    machine: bool = False
    detail: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            types = ", ".join(DeliveryEvent.Type.values)
            raise ValueError(f"“{self.type:.40}” is no type of event; accepted: {types}")

    def about(self, delivery: int) -> Fact:
        return Fact(delivery, self.type, self.at, self.machine, self.detail)


def add_provider_ids(channel: Channel, provider_ids: Mapping[int, str]) -> None:
    """Store the provider's ids of deliveries, {delivery id: provider id}; the first delivery with an id keeps it.

    Facts that came before them are recorded by `record_early`: doing it here would lock contacts after deliveries.
    """
    refs = [
        ProviderRef(channel_id=channel.pk, delivery_id=pk, provider_id=stored)
        for pk, provider_id in provider_ids.items()
        if (stored := known_as(provider_id))
    ]
    ProviderRef.objects.bulk_create(refs, ignore_conflicts=True)


def known_as(provider_id: object) -> str:
    """Return a provider's id as it is stored: text, also where a transport read a number from JSON."""
    return "" if provider_id is None else str(storable(str(provider_id)))[: ProviderRef.LONGEST]


def find(places: Iterable[Place]) -> dict[Place, int]:
    """Return the ids of the deliveries at the places, by one query for each channel; without unknown ones."""
    by_channel: dict[int, set[str]] = defaultdict(set)
    for channel_id, provider_id in places:
        if provider_id:
            by_channel[channel_id].add(provider_id)
    found: dict[Place, int] = {}
    for channel_id, ids in by_channel.items():
        refs = ProviderRef.objects.filter(channel=channel_id, provider_id__in=ids)
        found |= {(channel_id, known): pk for known, pk in refs.values_list("provider_id", "delivery_id")}
    return found


def find_by_key(keys: Mapping[Place, str]) -> dict[Place, int]:
    """Return the ids of the deliveries whose keys were given back; without those of another organization.

    The ids that a worker was told are lost if it is killed before its window is recorded. Of a channel that reads mail
    the copy may be another channel's: those of an organization share the mailboxes that their reports come to.
    """
    asked = {place: pk for place, key in keys.items() if place[1] and (pk := links.delivery_id(key))}
    if not asked:
        return {}
    copies = Delivery.objects.filter(pk__in=set(asked.values()))
    owners = {
        pk: owner for pk, *owner in copies.values_list("pk", "message__channel", "message__broadcast__organization")
    }
    channels = Channel.objects.filter(pk__in={channel_id for channel_id, _ in asked}, kind__in=kinds_that_read_mail())
    readers = dict(channels.values_list("pk", "organization"))
    found = {}
    for place, pk in asked.items():
        channel, organization = owners.get(pk, (None, None))
        if channel == place[0] or (organization and organization == readers.get(place[0])):
            found[place] = pk
    return found


def add_found(found: Mapping[Place, int]) -> None:
    """Store the provider's ids of deliveries that were found by their keys, whose rows this transaction has locked."""
    rows = [ProviderRef(channel_id=place[0], provider_id=place[1], delivery_id=pk) for place, pk in found.items()]
    ProviderRef.objects.bulk_create(rows, ignore_conflicts=True)


def pass_over(channel: Channel, provider_id: object) -> None:
    """Have reports about a message that is no copy passed over, such as those about the answer to STOP.

    A cache that forgets it does no harm: the reports then wait for a copy for some days, as those of a stranger do.
    """
    if stored := known_as(provider_id):
        with _cache_may_fail():
            cache.set(_passed_key((channel.pk, stored)), 1, PASSED_SECONDS)


def _passed(places: Iterable[Place]) -> set[Place]:
    """Return the places of messages that are no copies."""
    asked = {_passed_key(place): place for place in places if place[1]}
    found: Iterable[str] = ()
    with _cache_may_fail():
        found = cache.get_many(asked) if asked else ()
    return {asked[key] for key in found}


def _passed_key(place: Place) -> str:
    return f"no_copy:{place[0]}:{blake2b(place[1].encode(), digest_size=16).hexdigest()}"


@contextmanager
def _cache_may_fail() -> Iterator[None]:
    try:
        yield
    except Exception:
        log.warning("The cache cannot be reached", exc_info=True)


def keep_early(reports: Collection[Report]) -> None:
    """Keep reports about unknown ids until their references are written.

    Those without an id are dropped, and those about messages that are no copies.

    A reference may be written at the same moment by a transaction that cannot see this one, nor be seen by it. So the
    facts are looked up again after a second, after two, and so on.
    """
    passed = _passed(one.place for one in reports)
    rows = [
        EarlyFact(
            channel_id=one.place[0],
            provider_id=one.place[1],
            type=one.type,
            at=one.at,
            machine=one.machine,
            detail=dict(one.detail),
            due_at=Now() + SOONEST,
        )
        for one in reports
        if one.place[1] and one.place not in passed
    ]
    made = EarlyFact.objects.bulk_create(rows)
    for channel_id in sorted({one.channel_id for one in made if one.pk % ROOM_EVERY == 0}):
        _make_room(channel_id)


def _make_room(channel_id: int) -> None:
    """Delete the oldest early facts of a channel, where its provider tells of ever more that is not ours."""
    rows = EarlyFact.objects.filter(channel=channel_id)
    too_old = rows.order_by("-pk").values_list("pk", flat=True)[MOST_EARLY : MOST_EARLY + 1].first()
    if too_old:
        rows.filter(pk__lte=too_old).delete()


def record_early() -> int:
    """Record the early facts that are due and whose references are written by now; return how many were due.

    If they cannot be recorded together, each is by itself, so that a faulty one holds up no other.
    """
    pks: list[int] = []
    try:
        with transaction.atomic():
            due = EarlyFact.objects.filter(due_at__lte=Now()).select_for_update(skip_locked=True)
            pks = list(due.order_by("due_at").values_list("pk", flat=True)[:EARLY_AT_ONCE])
            _record_early(pks)
    except Exception as error:
        if outage(error) or not pks:
            raise
        log.info("%s early facts could not be recorded together (%s)", len(pks), type(error).__name__)
        for pk in sorted(pks):
            _record_early_by_itself(pk)
    return len(pks)


def _record_early(pks: Collection[int]) -> None:
    facts = list(EarlyFact.objects.filter(pk__in=pks).order_by("pk"))  # in the order they came
    found = find((one.channel_id, one.provider_id) for one in facts)
    ready = [one for one in facts if (one.channel_id, one.provider_id) in found]
    told = [Report((one.channel_id, one.provider_id), one.type, one.at, one.machine, one.detail) for one in ready]
    record_all([report.about(found[report.place]) for report in told])
    waiting = [one for one in facts if one not in ready]
    passed = _passed((one.channel_id, one.provider_id) for one in waiting)
    waiting = [one for one in waiting if (one.channel_id, one.provider_id) not in passed]
    EarlyFact.objects.filter(pk__in={one.pk for one in facts} - {one.pk for one in waiting}).delete()
    _put_off(waiting)


def _record_early_by_itself(pk: int) -> None:
    due = EarlyFact.objects.filter(pk=pk, due_at__lte=Now())
    try:
        with transaction.atomic():
            _record_early(list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)))
    except Exception as error:
        if outage(error):
            raise
        log.exception("The early fact %s could not be recorded", pk)
        due.update(due_at=Now() + FAULTY_WAIT)


def _put_off(facts: Sequence[EarlyFact]) -> None:
    if not facts:
        return
    now, adapt = timezone.now(), connection.ops.adapt_datetimefield_value
    statement = Statement.update(EarlyFact.objects.filter(pk=parameter("pk")), due_at=parameter("due_at"))
    each = ((one.pk, now + max(now - one.created, SOONEST)) for one in facts)
    statement.run_each({"pk": pk, "due_at": adapt(due_at)} for pk, due_at in each)
