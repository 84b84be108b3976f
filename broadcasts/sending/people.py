"""Limit what a channel sends to one person, and to how many people it begins to write, where its provider does.

Each channel and person has a row for GCRA, as the channel's own rate has (`rate`), and the row tells when the channel
last wrote to the person with a template. The people of the last 24 hours are counted under the lock of the channel's
row, at most once in COUNT_AGAIN while there is room: in between, the count only falls.

Deliveries over a limit are deferred, one by one, so that the others of their window go on. Those over the number of
people a day get the moments at which the 24 hours of somebody end. Such a moment is not a permit: a delivery that is
due is deferred again if others were faster.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from django.db import connection, transaction

from broadcasts import formats
from broadcasts.mediums import address_hash
from broadcasts.models import Channel, ChannelRate, Message, PersonRate

from .outcomes import Results
from .rate import locked
from .window import PendingDelivery

DAY = timedelta(hours=24)  # rolling
COUNT_AGAIN = timedelta(seconds=60)
COUNT_AGAIN_WHEN_FULL = timedelta(seconds=2)

Wait = tuple[datetime, str]  # until when, and why


def admit(channel: Channel, message: Message, window: list[PendingDelivery], results: Results) -> list[PendingDelivery]:
    """Return the deliveries of a window that may be sent now; the others are added to the results as deferred."""
    with transaction.atomic():
        deferred = _Window(channel, message, window).deferred
    results.deferred |= deferred
    return [delivery for delivery in window if delivery.pk not in deferred]


class _Window:
    """The people of one window, under the lock of the channel's row."""

    def __init__(self, channel: Channel, message: Message, window: list[PendingDelivery]) -> None:
        self.channel, self.message = channel, message
        self.row = locked(channel, [""]).first() or self._new_row()
        self.now: datetime = self.row.now  # type: ignore[attr-defined]
        self.begins = message.has_provider_template  # a text without a template goes only to who has written lately
        people = {delivery.pk: address_hash(delivery.address) or "" for delivery in window}
        known = PersonRate.objects.filter(channel=channel, person__in=set(people.values()))
        self.known = {row.person: row for row in known}
        self.deferred: dict[int, Wait] = {}
        self._limit_each(people)
        if self.begins and channel.top_people:
            self._limit_all(people, channel.top_people)
        self._write([person for pk, person in people.items() if pk not in self.deferred])

    def _new_row(self) -> ChannelRate:
        ChannelRate.objects.get_or_create(channel=self.channel, domain="")
        return locked(self.channel, [""]).get()

    def _limit_each(self, people: dict[int, str]) -> None:
        """Defer deliveries to people who have had too many messages within a short time."""
        transport = self.channel.transport_class
        step = timedelta(seconds=transport.person_seconds or 0)
        ahead = step * (transport.person_burst - 1)
        why = f"One person gets one message in {formats.duration(step.total_seconds())} from this number."
        for pk, person in people.items():
            row = self.known.get(person)
            if row and row.arrival > self.now + ahead:
                self.deferred[pk] = (row.arrival - ahead, why)

    def _limit_all(self, people: dict[int, str], most: int) -> None:
        """Defer deliveries to further people when the channel has begun to write to `most` within 24 hours."""
        free = {person for person, row in self.known.items() if row.began_at and row.began_at > self.now - DAY}
        asking = {pk: person for pk, person in people.items() if pk not in self.deferred and person not in free}
        self._count(needed=len(asking), most=most)
        left = max(0, most - self.row.people)
        waiting = list(asking)[left:]
        why = f"{self.channel} may begin to write to {formats.number(most)} people in 24 hours."
        self.deferred |= {pk: (slot, why) for pk, slot in zip(waiting, self._slots(len(waiting)), strict=False)}
        self.row.people += min(left, len(asking))
        self.row.save(update_fields=["people", "people_counted_at", "booked"])

    def _count(self, needed: int, most: int) -> None:
        """Count the people of the last 24 hours, unless the last count will do."""
        counted = self.row.people_counted_at
        patience = COUNT_AGAIN if self.row.people + needed <= most else COUNT_AGAIN_WHEN_FULL
        if counted is None or counted <= self.now - patience:
            self.row.people = self._began_after(self.now - DAY).count()
            self.row.people_counted_at = self.now

    def _slots(self, n: int) -> list[datetime]:
        """Book n moments for the message, at which the 24 hours of people end; after the last one, the first again."""
        if not n:
            return []
        booked = {key: end for key, end in self.row.booked.items() if end > self.now.timestamp()}
        key = str(self.message.pk)
        after = datetime.fromtimestamp(booked.get(key, self.now.timestamp()), UTC)
        slots = list(self._ends(after, n))
        if len(slots) < n:
            again = list(self._ends(self.now, n - len(slots))) or [self.now + DAY]
            slots += islice(cycle(again), n - len(slots))
        self.row.booked = {**booked, key: slots[-1].timestamp()}
        return slots

    def _ends(self, after: datetime, n: int) -> Iterator[datetime]:
        began = self._began_after(after - DAY).order_by("began_at").values_list("began_at", flat=True)[:n]
        return (at + DAY for at in began if at)

    def _began_after(self, moment: datetime):
        return PersonRate.objects.filter(channel=self.channel, began_at__gt=moment)

    def _write(self, admitted: list[str]) -> None:
        step = timedelta(seconds=self.channel.transport_class.person_seconds or 0)
        same: dict[tuple[datetime, datetime | None], list[str]] = defaultdict(list)  # most people have the same times
        for person in dict.fromkeys(admitted):
            row = self.known.get(person)
            arrival = max(row.arrival, self.now) if row else self.now
            began = self.now if self.begins else row.began_at if row else None
            same[arrival + step, began].append(person)
        for (arrival, began), people in same.items():
            _upsert(self.channel, people, arrival, began)


def _upsert(channel: Channel, people: list[str], arrival: datetime, began: datetime | None) -> None:
    """Write the same times for people by one statement, whose length does not grow with them.

    bulk_create would take a tenth of a window's time to compile its own.
    """
    is_postgresql = connection.vendor == "postgresql"
    source = (
        "SELECT person, %s::bigint, %s::timestamptz, %s::timestamptz FROM unnest(%s::text[]) AS person"
        if is_postgresql
        else "SELECT value, %s, %s, %s FROM json_each(%s) WHERE TRUE"  # without WHERE, ON would begin a join
    )
    times = [connection.ops.adapt_datetimefield_value(at) for at in (arrival, began)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {connection.ops.quote_name(PersonRate._meta.db_table)} "
            f"(person, channel_id, arrival, began_at) {source} ON CONFLICT (channel_id, person) "
            "DO UPDATE SET arrival = excluded.arrival, began_at = excluded.began_at",
            [channel.pk, *times, people if is_postgresql else json.dumps(people)],
        )
