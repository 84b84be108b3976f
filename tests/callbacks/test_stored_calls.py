"""Calls are stored first and applied from their rows, tried again and given up."""

import json
import sqlite3
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import health, receiving, retention, tracking
from broadcasts.models import DeliveryEvent, ProviderRef, StoredCall
from broadcasts.receiving import applying
from tests.callbacks.pigeons import NOON, Pigeons, delivered
from tests.make import make_delivery
from tests.sending.test_concurrency import at_once


@pytest.mark.parametrize("odd", [{"id": "p1", "type": "exploded"}, {"id": "odd", "type": "delivered"}])
def test_a_fault_in_one_event_loses_none_of_the_others_and_is_tried_again(call, delivery, monkeypatch, odd):
    about = tracking.Report.about

    def stumble(report, delivery):
        if report.place[1] == "odd":
            raise ZeroDivisionError
        return about(report, delivery)

    monkeypatch.setattr(tracking.Report, "about", stumble)
    second = make_delivery(delivery.message.broadcast)
    ProviderRef.objects.create(delivery=second, channel=call.channel, provider_id="odd")
    call({"events": [odd, *delivered("p1")["events"]]})
    delivery.refresh_from_db()
    row = StoredCall.objects.get()
    assert delivery.delivered_at == NOON
    assert (row.left, row.attempts) == ([0], 1) and row.due_at > timezone.now()


def test_what_could_not_be_applied_is_applied_later_and_the_call_forgotten(call, delivery, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(tracking.Report, "about", lambda *args: 1 / 0)
        call(delivered("p1"))
    StoredCall.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    receiving.apply_due()
    delivery.refresh_from_db()
    assert delivery.delivered_at == NOON and not StoredCall.objects.exists()


def test_a_call_that_fails_ever_again_is_given_up_and_deleted_by_retention(call, delivery, monkeypatch):
    monkeypatch.setattr(tracking.Report, "about", lambda *args: 1 / 0)
    call(delivered("p1"), apply=False)
    for _ in range(len(applying.DELAYS) + 1):
        StoredCall.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        receiving.apply_due()
    assert StoredCall.objects.get().due_at is None
    assert "ZeroDivisionError" in next(health.calls()).message
    StoredCall.objects.update(created=timezone.now() - timedelta(days=8))
    assert retention.prune()["calls of providers"] == 1 and not StoredCall.objects.exists()


def test_an_outage_has_the_provider_call_again(call, delivery, monkeypatch):
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY

    def locked(**values):
        raise OperationalError from busy

    monkeypatch.setattr(StoredCall.objects, "create", locked)
    response = call(delivered("p1"), apply=False)
    assert response.status_code == 503
    assert response["Retry-After"]


def test_a_good_call_is_stored_whole_in_one_insert_and_answered(call, delivery):
    with CaptureQueriesContext(connection) as asked:
        assert call(delivered("p1"), apply=False, Authorization="Bearer secret", Token="s3cret").status_code == 200
    writes = [
        one["sql"] for one in asked if one["sql"].startswith(("INSERT", "UPDATE")) and "allowance" not in one["sql"]
    ]
    row = StoredCall.objects.get()
    assert len(writes) == 1 and json.loads(bytes(row.body)) == delivered("p1")
    assert row.headers == {"content-type": "application/json"}
    assert not DeliveryEvent.objects.exists()


@pytest.mark.parametrize("refused", [{"secret": "hiss"}, {"body": b"x" * 1_000_001}, {"body": b"{"}])
def test_a_call_that_is_refused_is_not_stored(call, delivery, refused):
    assert call(delivered("p1"), apply=False, **refused).status_code in (400, 401, 413)
    assert not StoredCall.objects.exists()


def test_a_call_that_dies_while_it_is_applied_is_applied_again_as_if_it_had_not_been(call, delivery, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*args):
        raise Killed

    call(delivered("p1"), apply=False)
    with monkeypatch.context() as mortal:
        mortal.setattr(StoredCall.objects.all().__class__, "delete", die)
        with pytest.raises(Killed):
            receiving.apply_due()
    assert not DeliveryEvent.objects.exists()
    receiving.apply_due()
    assert DeliveryEvent.objects.count() == delivery.message.batches.get().delivered == 1


def test_a_large_call_is_applied_in_parts(call, delivery, monkeypatch):
    monkeypatch.setattr(applying, "THINGS", 2)
    opened = {"events": [{"id": "p1", "type": "opened"}] * 5}
    call(opened)
    assert DeliveryEvent.objects.count() == 5 and not StoredCall.objects.exists()


def test_few_bodies_are_read_at_once(call, delivery, monkeypatch):
    monkeypatch.setattr(applying, "BODIES", 100)
    for _ in range(3):
        call(delivered("p1"), apply=False)
    assert [len(applying._take()), StoredCall.objects.count()] == [2, 3]
    receiving.apply_due()
    assert not StoredCall.objects.exists()


def test_a_call_with_a_fault_is_read_once_and_in_parts(call, delivery, monkeypatch):
    parse, parsed = Pigeons.parse, []
    monkeypatch.setattr(Pigeons, "parse", lambda self, call: parsed.append(call) or parse(self, call))
    call({"events": [{"id": "p1", "type": "exploded"}, *[{"id": "p1", "type": "opened"}] * 5]}, apply=False)
    monkeypatch.setattr(applying, "THINGS", 3)
    del parsed[:]
    applying._apply_by_itself(StoredCall.objects.get().pk)
    row = StoredCall.objects.get()
    assert (len(parsed), DeliveryEvent.objects.count()) == (1, 2)
    assert (row.left, row.attempts) == ([3, 4, 5, 0], 0) and row.due_at <= timezone.now()
    receiving.apply_due()
    assert DeliveryEvent.objects.count() == 5 and StoredCall.objects.get().left == [0]


def test_a_call_that_kills_its_worker_counts_its_attempts(call, delivery, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*args):
        raise Killed

    call(delivered("p1"), apply=False)
    monkeypatch.setattr(applying, "record", die)
    with pytest.raises(Killed):
        applying._apply_by_itself(StoredCall.objects.get().pk)
    row = StoredCall.objects.get()
    assert row.attempts == 1 and row.due_at > timezone.now()


@pytest.mark.django_db(transaction=True)
def test_several_workers_apply_each_call_once(call, channel, delivery, monkeypatch):
    monkeypatch.setattr(applying, "THINGS", 3)
    for _ in range(12):
        call({"events": [{"id": "p1", "type": "opened"}]}, apply=False)
    assert at_once(3, receiving.apply_due) == [None] * 3
    assert DeliveryEvent.objects.count() == 12 and delivery.message.batches.get().opened == 1
    assert not StoredCall.objects.exists()
