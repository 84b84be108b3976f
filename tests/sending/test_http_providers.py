"""A broadcast that leaves by HTTP, many requests at once, to a real server on this machine."""

from collections import Counter

import pytest
from django.utils import timezone

from broadcasts import sending
from broadcasts.models import Broadcast, Channel, Delivery, ProviderRef
from broadcasts.transports import TRANSPORTS, Receipt
from tests.http_server import HttpServer, answer, drop
from tests.make import make_broadcast, make_contacts
from tests.transports.test_http import Pigeons

from . import steps


@pytest.fixture
def server():
    with HttpServer() as server:
        yield server


@pytest.fixture
def channel(club, server, monkeypatch):
    monkeypatch.setattr(Pigeons, "medium", "email")
    monkeypatch.setitem(TRANSPORTS, "pigeons", f"{Pigeons.__module__}.Pigeons")
    return Channel.objects.create(organization=club, name="Pigeons", kind="pigeons", settings={"url": server.url})


def test_everyone_gets_one_copy_and_its_provider_id_is_kept(club, channel, server):
    people = make_contacts(club, 60)
    broadcast = steps.send(make_broadcast(channel))
    assert Counter(server.received) == {person.email: 1 for person in people}
    assert steps.log(broadcast) == {"sent": 60}
    refs = dict(ProviderRef.objects.values_list("provider_id", "delivery__address"))
    assert refs == {f"id-{person.email}": person.email for person in people}


def test_a_lost_answer_is_unknown_and_costs_nobody_else_anything(club, channel, server):
    people = make_contacts(club, 30)
    server.acts[people[7].email] = drop
    broadcast = steps.send(make_broadcast(channel))
    assert steps.log(broadcast) == {"sent": 29, "unknown": 1}
    assert Counter(server.received) == {person.email: 1 for person in people}
    assert Delivery.objects.get(status="unknown").address == people[7].email


def test_a_refused_login_amid_many_pauses_and_after_resuming_everyone_has_one_copy(club, channel, server):
    people = make_contacts(club, 30)
    server.acts[people[7].email] = answer(401)
    broadcast = steps.send(make_broadcast(channel))
    assert broadcast.status == Broadcast.Status.PAUSED
    assert "does not accept the channel's credentials" in broadcast.error_message
    server.acts.clear()
    server.received.remove(people[7].email)  # which was refused
    sending.resume(broadcast)
    steps.come_due()
    sending.tick()
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 30}
    assert Counter(server.received) == {person.email: 1 for person in people}


def test_a_flaw_in_what_was_accepted_is_told_by_the_channel_and_stops_nothing(club, channel, monkeypatch):
    make_contacts(club, 3)
    monkeypatch.setattr(Pigeons, "receipt", lambda self, answer: Receipt(flaw="Correct answer.id."))
    assert steps.log(steps.send(make_broadcast(channel))) == {"sent": 3}
    channel.refresh_from_db()
    assert (channel.health, channel.last_error) == (Channel.Health.GOOD, "Correct answer.id.")


def test_a_provider_that_is_busy_rests_its_channel_as_long_as_it_asks(club, channel, server):
    people = make_contacts(club, 30)
    server.acts[people[7].email] = answer(429, Retry_After="600")
    broadcast = steps.send(make_broadcast(channel))
    rest = Channel.objects.get(pk=channel.pk).backoff_until - timezone.now()
    assert rest.total_seconds() == pytest.approx(600, abs=5)
    assert steps.log(broadcast)["pending"] >= 1
    assert not Delivery.objects.filter(status__in=["failed", "unknown"]).exists()
