"""In which order pumps claim batches, and that no broadcast keeps a worker that another one waits for."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import sending
from broadcasts.models import Batch, Broadcast, Channel, ChannelRate, Delivery, Message
from broadcasts.sending import fairness
from tests.make import make_broadcast, make_contacts

from . import steps


@pytest.fixture(autouse=True)
def pairs(settings):
    settings.BATCH_SIZE = 2


def another_channel(organization, **fields):
    fields = {"name": f"Channel {Channel.objects.count()}", "kind": "email", "from_address": "a@club.example", **fields}
    return Channel.objects.create(organization=organization, **fields)


def started(channel, n):
    """A broadcast that is being sent, in batches of two."""
    name = f"of {n}"
    contacts = make_contacts(channel.organization, n)
    broadcast = make_broadcast(channel, subject=name, send_to_all=False)
    broadcast.contacts.set(contacts)
    return steps.start(broadcast)


def hold(broadcast, n, owner=f"{fairness.HOST}:1"):
    """Let workers hold some of its batches."""
    ids = list(Batch.objects.filter(message__broadcast=broadcast, state="ready").values_list("pk", flat=True)[:n])
    Batch.objects.filter(pk__in=ids).update(state="leased", owner=owner, lease_until=Now() + timedelta(minutes=1))


def claimed(channel):
    return Broadcast.objects.get(messages=fairness.claim(channel).message_id)


@pytest.fixture
def enqueued(monkeypatch):
    """What was enqueued: (task, id)."""
    tasks: list = []
    for module in ("fairness", "expansion"):
        monkeypatch.setattr(f"broadcasts.sending.{module}.enqueue", lambda *task: tasks.append(task))
    return tasks


def test_the_broadcast_with_the_fewest_batches_at_work_comes_first(mail):
    large, small = started(mail, 4), started(mail, 8)
    hold(large, 1)
    assert [claimed(mail), claimed(mail), claimed(mail)].count(small) == 2


def test_a_small_broadcast_comes_before_a_large_one(mail):
    started(mail, 20)
    assert claimed(mail) != started(mail, 2)
    Batch.objects.update(state="ready")
    assert claimed(mail).name == "of 2"


def test_a_message_that_yielded_comes_after_those_that_did_not(mail):
    large, small = started(mail, 20), started(mail, 2)
    Message.objects.filter(broadcast=small).update(yielded_at=timezone.now())
    assert claimed(mail) == large


def test_the_message_that_yielded_longest_ago_comes_first(mail):
    first, second = started(mail, 8), started(mail, 4)
    Message.objects.filter(broadcast=first).update(yielded_at=timezone.now() - timedelta(minutes=1))
    Message.objects.filter(broadcast=second).update(yielded_at=timezone.now())
    assert claimed(mail) == first


def test_pumps_are_enqueued_for_the_organization_with_the_fewest_batches_at_work(mail, elsewhere, enqueued, settings):
    settings.PUMPS = 3
    theirs = another_channel(elsewhere)
    hold(started(mail, 20), 1)
    started(mail, 2)
    started(theirs, 20)
    enqueued.clear()
    fairness.enqueue_pumps()
    assert enqueued[0] == ("pump", theirs.pk)
    assert sorted(enqueued[1:]) == sorted([("pump", mail.pk), ("pump", theirs.pk)])[: len(enqueued) - 1]


def test_no_more_pumps_are_enqueued_than_there_are_batches_or_pumps(mail, enqueued, settings):
    settings.PUMPS = 5
    started(mail, 6)
    enqueued.clear()
    fairness.enqueue_pumps()
    assert enqueued == [("pump", mail.pk)] * 3
    settings.PUMPS = 2
    enqueued.clear()
    fairness.enqueue_pumps()
    assert enqueued == [("pump", mail.pk)] * 2


def test_no_pump_is_enqueued_while_all_are_at_work(mail, enqueued, settings):
    settings.PUMPS = 2
    hold(started(mail, 8), 2)
    enqueued.clear()
    fairness.enqueue_pumps()
    assert enqueued == []


@pytest.fixture
def held(mail, settings):
    """A broadcast that has all pumps of the host."""
    settings.PUMPS = 2
    broadcast = started(mail, 8)
    hold(broadcast, 2)
    return broadcast


def test_an_unserved_broadcast_waits_only_when_all_pumps_are_at_work(mail, held, settings):
    started(mail, 2)
    assert fairness.unserved_waits(held.pk)
    settings.PUMPS = 3
    assert not fairness.unserved_waits(held.pk)


def test_who_is_served_does_not_wait(held):
    assert not fairness.unserved_waits(held.pk)


def test_fallback_copies_wait_for_a_pump_of_their_own_broadcast(club, held):
    """The next channel would have its turn only once the first one has sent everything."""
    further = Message.objects.create(broadcast=held, channel=another_channel(club), position=1)
    Batch.objects.create(message=further)
    assert fairness.unserved_waits(held.pk)
    assert not fairness.unserved_waits(held.pk + 1)
    assert fairness.claim(further.channel).message_id == further.pk
    assert not fairness.unserved_waits(held.pk)


@pytest.mark.parametrize("field", ["backoff_until", "resting_until"])
def test_who_cannot_be_served_does_not_wait(club, held, field):
    started(another_channel(club, **{field: timezone.now() + timedelta(hours=1)}), 2)
    assert not fairness.unserved_waits(held.pk)


def test_whose_channel_has_used_up_its_rate_does_not_wait(club, held):
    other = another_channel(club, rate=10)
    started(other, 2)
    assert fairness.unserved_waits(held.pk)
    ChannelRate.objects.create(channel=other, arrival=Now() + timedelta(minutes=1))
    assert not fairness.unserved_waits(held.pk)


@pytest.fixture
def busy(settings, monkeypatch):
    """A host with one pump, which looks between windows whether somebody else waits."""
    settings.PUMPS, settings.WINDOW_SIZE = 1, 1
    monkeypatch.setattr("broadcasts.sending.pump.YIELD_CHECK_SECONDS", 0)


def test_a_pump_yields_between_two_windows_and_loses_nobody(club, mail, server, busy, enqueued):
    large, other = started(mail, 8), another_channel(club)
    small = []
    server.before = lambda envelope: small or small.append(started(other, 2))
    sending.run_pump(mail.pk)
    assert 0 < steps.log(large)["sent"] < 8
    assert set(Batch.objects.filter(message__broadcast=large).values_list("state", flat=True)) <= {"ready", "done"}
    assert enqueued[-1] == ("pump", other.pk)
    for channel in (other, mail) * 8:
        sending.run_pump(channel.pk)
    assert (steps.log(large), steps.log(small[0])) == ({"sent": 8}, {"sent": 2})
    assert set(server.copies.values()) == {1}


def test_a_pump_yields_on_its_own_channel_too(mail, server, busy, enqueued):
    large = started(mail, 8)
    small = []
    server.before = lambda envelope: small or small.append(started(mail, 2))
    sending.run_pump(mail.pk)
    server.received.clear()
    sending.run_pump(mail.pk)
    assert steps.log(small[0])["sent"] > 0
    assert Message.objects.get(broadcast=large).yielded_at


def test_a_pump_stays_when_nobody_else_waits(mail, server, busy):
    broadcast = started(mail, 8)
    sending.run_pump(mail.pk)
    assert steps.log(broadcast) == {"sent": 8}


def test_two_that_yield_to_each_other_both_get_done(mail, server, busy, enqueued):
    first, second = started(mail, 8), started(mail, 8)
    for _ in range(40):
        sending.run_pump(mail.pk)
    assert (steps.log(first), steps.log(second)) == ({"sent": 8}, {"sent": 8})


def test_a_pump_that_gets_no_permit_ends_and_enqueues_none_for_its_channel(mail, server, enqueued):
    mail.rate = 10
    mail.save()
    broadcast = started(mail, 4)
    ChannelRate.objects.create(channel=mail, arrival=Now() + timedelta(hours=1))
    enqueued.clear()
    sending.run_pump(mail.pk)
    assert (server.received, enqueued) == ([], [])
    assert set(Batch.objects.filter(message__broadcast=broadcast).values_list("state", flat=True)) == {"ready"}


def test_an_expansion_lets_others_have_their_turn(club, mail, enqueued, monkeypatch):
    monkeypatch.setattr("broadcasts.sending.expansion.CHUNK", 2)
    make_contacts(club, 5)
    broadcast = make_broadcast(mail)
    sending.send(broadcast)
    for _ in range(3):
        enqueued.clear()
        sending.expand(broadcast.pk, seconds=0)
        if not Broadcast.objects.get().expanded_at:
            assert ("start", broadcast.pk) in enqueued
    assert ("start", broadcast.pk) not in enqueued
    assert Delivery.objects.count() == 5
