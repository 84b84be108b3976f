"""A database that is lost, or whose answer is, at any moment; when it is back everything goes on, and nothing twice."""

import sqlite3
import time
from itertools import count
from types import SimpleNamespace

import pytest
from django.db import connection

from broadcasts import sending, stats
from broadcasts.database import waiting
from broadcasts.models import Batch, Broadcast
from broadcasts.sending import fairness
from tests.make import make_broadcast, make_contacts

from . import steps
from .faults import EVERY_THIRD, Loss

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 4


@pytest.fixture(autouse=True)
def people(club, mail, settings):
    settings.BATCH_SIZE, settings.WINDOW_SIZE = 3, 2
    make_contacts(club, PEOPLE)


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    """What is done while a lost database is waited for."""
    naps = SimpleNamespace(nap=lambda: None)
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: naps.nap())
    monkeypatch.setattr(waiting, "time", clock)
    return naps


def prepare_pump(broadcast):
    steps.start(broadcast)


def prepare_expand(broadcast):
    sending.send(broadcast)


def prepare_recovery(broadcast):
    """A worker claimed a batch and died before it began; retries of another one came due."""
    steps.start(broadcast)
    held = fairness.claim(broadcast.messages.get().channel)
    steps.run_out_leases()
    other = Batch.objects.filter(message__broadcast=broadcast).exclude(pk=held.batch_id).get()
    other.deliveries().update(due_at="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(("is_done", "by"), [(False, EVERY_THIRD), (True, 1)])
@pytest.mark.parametrize(
    ("prepare", "act"),
    [
        (prepare_pump, lambda broadcast, mail: sending.run_pump(mail.pk)),
        (prepare_expand, lambda broadcast, mail: sending.expand(broadcast.pk)),
        (prepare_recovery, lambda broadcast, mail: sending.tick()),
    ],
    ids=["pump", "expand", "recovery"],
)
def test_a_database_lost_at_any_moment_costs_nobody_anything(mail, server, prepare, act, is_done, by):
    for nth in count(1, by):
        broadcast = make_broadcast(mail)
        prepare(broadcast)
        with Loss(nth, is_done).over() as loss:
            act(broadcast, mail)
        steps.run_out_leases()
        sending.expand(broadcast.pk)
        sending.tick()
        steps.pump(broadcast)
        assert steps.log(broadcast) == {"sent": PEOPLE}
        assert stats.counts([broadcast])[broadcast.pk]["sent"] == PEOPLE
        assert sorted(server.copies.values()) == [1] * PEOPLE
        assert broadcast.status == Broadcast.Status.SENT
        server.received.clear()
        if not loss.came:
            break
    assert nth > PEOPLE


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="other databases lock rows, not all of it")
def test_a_locked_database_is_waited_for(mail, server, naps):
    broadcast = steps.start(make_broadcast(mail))
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)

    def lock(envelope):
        server.before = lambda envelope: None
        other.execute("BEGIN IMMEDIATE")
        connection.cursor().execute("PRAGMA busy_timeout = 1")

    server.before, naps.nap = lock, other.close
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": PEOPLE}
    assert set(server.copies.values()) == {1}


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="it has no sessions")
def test_a_worker_that_is_frozen_amid_a_transaction_loses_its_locks():
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("30s",)


def test_a_queue_that_is_out_of_reach_costs_no_one_a_send(mail, server, monkeypatch):
    def fail(*args):
        raise ConnectionError("nobody listens there")

    monkeypatch.setattr("broadcasts.queue.async_task", fail)
    monkeypatch.setattr("broadcasts.queue._broker", fail)
    broadcast = steps.start(make_broadcast(mail))
    sending.tick()
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": PEOPLE}
