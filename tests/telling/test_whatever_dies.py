"""Workers die at any point and the receiver fails at random: every event arrives, and in order."""

import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

from broadcasts import telling, tracking
from broadcasts.models import DeliveryEvent, EventCall, EventNote, EventSubscription
from broadcasts.telling import rounds
from tests.make import make_broadcast, make_contacts, make_delivery

from .test_calls import come_due

FACTS = ("delivered", "opened", "opened", "clicked", "replied")


class Killed(BaseException):
    """Like SIGKILL: nothing that comes after it runs."""


def test_every_event_arrives_in_order_whatever_dies(mail, club, subscribe, receiver, monkeypatch):
    chance = random.Random(14)
    subscribe(club, "delivered", "opened", "clicked", "replied")
    broadcasts = [make_broadcast(mail), make_broadcast(mail)]
    copies = [make_delivery(one, contact) for one in broadcasts for contact in make_contacts(club, 4)]
    left = [(copy, fact) for copy in copies for fact in FACTS]
    chance.shuffle(left)
    real = rounds.record

    deaths = []

    def dying(*args):
        """Die by chance, and for certain when the first call has arrived and is not recorded."""
        if chance.random() < 0.2 or (receiver.calls and not any(deaths)):
            deaths.append(len(receiver.calls))
            raise Killed
        return real(*args)

    monkeypatch.setattr(rounds, "record", dying)
    monkeypatch.setattr(rounds.Teller, "release_all", lambda self: None)
    receiver.answer = lambda identity: (204 if chance.random() < 0.7 else 500, {}, b"")
    while left or EventNote.objects.exists() or EventCall.objects.filter(state="waiting").exists():
        for copy, fact in (left.pop() for _ in range(min(3, len(left)))):
            tracking.record(copy, fact)
        with suppress(Killed):
            telling.tell(seconds=0.1)
        EventSubscription.objects.update(lease_until=datetime(2026, 1, 1, tzinfo=UTC))
        come_due()
    told = {event["id"]: event for event in receiver.events}
    types = Counter(event["type"] for event in told.values())
    stored = Counter(DeliveryEvent.objects.values_list("type", flat=True))
    assert types - stored == Counter(opened=types["opened"] - stored["opened"])  # the opens that clicks implied
    assert stored - types == Counter()
    assert sum(event["first"] for event in told.values()) == len(copies) * 4
    assert len(receiver.calls) > EventCall.objects.count()  # some came twice
    places = {call.identity: (call.broadcast_id, call.pk) for call in EventCall.objects.all()}
    arrived = [places[identity] for identity in dict.fromkeys(identity for identity, _ in receiver.calls)]
    for broadcast in broadcasts:
        mine = [pk for of, pk in arrived if of == broadcast.pk]
        assert mine == sorted(mine)
