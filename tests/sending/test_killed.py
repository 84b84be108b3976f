"""A worker that dies, or is frozen past its lease, after any step it can take."""

import time
from datetime import UTC, datetime
from itertools import count

import pytest
from django.db import transaction

from broadcasts import sending, stats
from broadcasts.models import Broadcast, Delivery, Organization
from broadcasts.sending import hours, journal
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contacts

from . import steps
from .faults import EVERY_THIRD, Fate, die

PEOPLE = 6
WINDOW = 3


@pytest.fixture
def broadcast(club, mail, server, settings):
    """A draft to six: one is refused, one is to be tried later, and one gets no answer."""
    settings.BATCH_SIZE, settings.WINDOW_SIZE = 4, WINDOW
    people = make_contacts(club, PEOPLE)
    server.answers = {
        people[1].email: TransportError("550 5.1.1 no such user", permanent=True, bounced=True),
        people[2].email: TransportError("450 4.2.1 busy"),
        people[5].email: TransportError("The answer was lost", handed_over=True),
    }
    return make_broadcast(mail)


class Undone(Exception):
    pass


def expand(broadcast):
    sending.expand(broadcast.pk)


def tick(broadcast):
    sending.tick()


def after_every_step(act, broadcast, server, happen, amid_transactions=True, at_least=3, by=1):
    """Yield the number of each step of `act`, or of each third, once `happen` has happened after it, and begin anew."""
    answers = dict(server.answers)
    for nth in count(1, by):
        try:
            with transaction.atomic():
                with Fate(server, nth, happen, amid_transactions).over() as fate:
                    act(broadcast)
                if not fate.came:
                    assert nth > at_least
                    return
                yield nth
                raise Undone
        except Undone:
            server.received.clear()
            server.answers = dict(answers)
            broadcast.refresh_from_db()


def carry_on(broadcast, server):
    """What supervisors and workers that live do in time, until everything has an outcome."""
    server.answers = {
        address: error for address, error in server.answers.items() if error.permanent or error.handed_over
    }
    steps.run_out_leases()
    for _ in range(2):
        sending.tick()
        steps.pump(broadcast)
        if broadcast.status == Broadcast.Status.SENT:
            return
        steps.come_due()


def assert_accounted_for(broadcast, server, unknown):
    """Everyone has one outcome, counted once; nobody got two copies; what arrived is in the log, and no more."""
    log = steps.log(broadcast)
    assert sum(log.values()) == PEOPLE
    assert log["pending"] == 0
    assert log["unknown"] <= unknown
    assert set(server.copies.values()) <= {1}
    status = dict(Delivery.objects.values_list("address", "status"))
    assert {status[address] for address in server.copies} <= {"sent", "unknown"}
    assert {address for address in status if status[address] == "sent"} <= set(server.copies)
    counted = stats.counts([broadcast])[broadcast.pk]
    assert {name: counted[name] for name in log if log[name]} == {name: n for name, n in log.items() if n}
    assert broadcast.status == Broadcast.Status.SENT


@pytest.mark.parametrize(("is_here", "unknown", "by"), [(True, 1, 1), (False, WINDOW, EVERY_THIRD)])
def test_a_worker_that_dies_after_any_step_loses_nobody_and_repeats_nobody(
    broadcast, server, monkeypatch, is_here, unknown, by
):
    """Its journal is here, or it was on a host that is gone."""
    if not is_here:
        monkeypatch.setattr(journal, "seal", lambda *lease: None)
    steps.start(broadcast)
    for _ in after_every_step(steps.pump, broadcast, server, die, at_least=PEOPLE, by=by):
        carry_on(broadcast, server)
        assert_accounted_for(broadcast, server, unknown=1 + unknown)


def test_a_worker_that_dies_while_it_puts_people_off_for_the_night_loses_nobody(broadcast, club, server, monkeypatch):
    night, morning = (datetime(2030, 7, day, hour, tzinfo=UTC) for day, hour in ((1, 22), (2, 16)))
    monkeypatch.setattr(hours, "database_clock", lambda message: night)
    awake = broadcast.organization.contacts.order_by("-pk").values("pk")[:3]
    broadcast.organization.contacts.filter(pk__in=awake).update(time_zone="America/New_York")
    steps.start(broadcast)
    Organization.objects.update(quiet_hours={"email": ["21:00", "08:00"]})
    for _ in after_every_step(steps.pump, broadcast, server, die, at_least=PEOPLE // 2, by=EVERY_THIRD):
        monkeypatch.setattr(hours, "database_clock", lambda message: morning)
        carry_on(broadcast, server)
        assert_accounted_for(broadcast, server, unknown=1 + WINDOW)
        monkeypatch.setattr(hours, "database_clock", lambda message: night)


def test_a_supervisor_that_dies_while_it_recovers_leaves_the_rest_to_the_next(broadcast, server):
    steps.start(broadcast)
    with Fate(server, 7, die).over():
        steps.pump(broadcast)
    steps.run_out_leases()
    received = list(server.received)
    assert received

    for _ in after_every_step(tick, broadcast, server, die, at_least=2):
        server.received[:] = received
        carry_on(broadcast, server)
        assert_accounted_for(broadcast, server, unknown=1 + WINDOW)


def test_an_expansion_that_dies_after_any_step_is_taken_up_by_another(broadcast, server, monkeypatch):
    monkeypatch.setattr("broadcasts.sending.expansion.CHUNK", 5)
    sending.send(broadcast)
    for _ in after_every_step(expand, broadcast, server, die):
        expand(broadcast)
        carry_on(broadcast, server)
        assert_accounted_for(broadcast, server, unknown=1)


def test_a_send_that_dies_after_any_step_has_begun_whole_or_not_at_all(broadcast, server):
    for _ in after_every_step(sending.send, broadcast, server, die):
        broadcast.refresh_from_db()
        if broadcast.status == Broadcast.Status.DRAFT:
            sending.send(broadcast)
        expand(broadcast)
        carry_on(broadcast, server)
        assert_accounted_for(broadcast, server, unknown=1)


def test_a_cancel_that_dies_while_it_is_written_down_is_written_down_by_another(broadcast, server):
    steps.start(broadcast)
    with Fate(server, 7, die).over():
        steps.pump(broadcast)
    sending.cancel(broadcast)
    steps.run_out_leases()
    for _ in after_every_step(tick, broadcast, server, die, at_least=2):
        sending.tick()
        log = steps.log(broadcast)
        assert (log["pending"], sum(log.values())) == (0, PEOPLE)
        assert log["unknown"] <= WINDOW
        assert stats.counts([broadcast])[broadcast.pk]["cancelled"] == log["cancelled"]
        assert Broadcast.objects.get().completed_at


@pytest.mark.parametrize(
    ("told_by", "more", "by"),
    [("its clock", 0, EVERY_THIRD), ("its journal", 0, EVERY_THIRD), ("the fence alone", WINDOW, 1)],
)
def test_a_worker_frozen_past_its_lease_after_any_step_writes_nothing_when_it_wakes(
    broadcast, server, settings, monkeypatch, told_by, more, by
):
    """Others, here or on another host, recover and send in between; it hands over nothing more, where it can tell."""
    if told_by != "its journal":
        monkeypatch.setattr(journal, "seal", lambda *lease: None)
    now, asleep = time.monotonic, [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now() + asleep[0])
    steps.start(broadcast)
    left = {}

    def freeze():
        deliver, server.deliver = server.deliver, type(server).deliver.__get__(server)
        carry_on(broadcast, server)
        server.deliver = deliver
        left.update(rows=rows(), received=len(server.received))
        if told_by == "its clock":
            asleep[0] += 2 * settings.LEASE_SECONDS

    for _ in after_every_step(steps.pump, broadcast, server, freeze, amid_transactions=False, at_least=PEOPLE, by=by):
        assert rows() == left["rows"]
        assert len(server.received) - left["received"] <= more
        assert_accounted_for(broadcast, server, unknown=1 + WINDOW)


def rows() -> list[dict]:
    return list(Delivery.objects.order_by("pk").values())
