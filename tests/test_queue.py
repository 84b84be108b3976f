"""What is enqueued for rows that are due."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from broadcasts import queue, tasks
from broadcasts.models import PersonalLink
from broadcasts.receiving import storing
from tests.make import make_contact


@pytest.fixture
def due(club):
    """Links whose mail is due, the longest waiting first; another one is not due yet."""
    joe, now = make_contact(club, "joe@example.com"), timezone.now()
    links = [
        PersonalLink.objects.create(
            organization=club, contact=joe, purpose="data", address_hash="x", due_at=now - timedelta(minutes=minutes)
        )
        for minutes in (-5, 1, 2, 3)
    ]
    return [link.pk for link in reversed(links[1:])]


@pytest.fixture
def enqueued(monkeypatch):
    asked: list = []
    monkeypatch.setattr(queue, "enqueue", lambda *task: asked.append(task))
    monkeypatch.setattr(queue, "queue_is_full", lambda: len(asked) >= 2)
    return asked


def test_the_row_that_waits_longest_is_enqueued_first_until_the_queue_is_full(due, enqueued):
    queue.enqueue_due("mail_link", PersonalLink.objects.due())
    assert enqueued == [("mail_link", due[0]), ("mail_link", due[1])]


def test_only_some_rows_are_enqueued_at_once(due, enqueued, monkeypatch):
    monkeypatch.setattr(queue, "DUE_AT_ONCE", 1)
    queue.enqueue_due("mail_link", PersonalLink.objects.due())
    assert enqueued == [("mail_link", due[0])]


def test_the_broker_is_made_once(monkeypatch):
    """With Redis, each one connects anew."""
    made: list = []
    monkeypatch.setattr(queue, "get_broker", lambda name: made.append(name) or Mock(queue_size=lambda: 0))
    queue._broker.cache_clear()
    assert not queue.queue_is_full() and not queue.queue_is_full()
    queue._broker.cache_clear()
    assert len(made) == 1


@pytest.fixture
def tickets(db, monkeypatch):
    """The tickets of the tasks that were enqueued to apply calls."""
    given: list = []
    cache.clear()
    monkeypatch.setattr(queue, "async_task", lambda name, ticket, broker: given.append(ticket))
    monkeypatch.setattr(queue, "queue_is_full", lambda: False)  # as Redis is after many other tests
    monkeypatch.setattr(transaction, "on_commit", lambda push, robust: push())
    return given


def ring():
    storing.alarm.rung_at = 0.0
    storing.alarm.ring()


def test_while_the_task_that_applies_calls_waits_no_second_one_is_enqueued(tickets):
    """Two more each second, from each web process, would keep pumps and answers out of the queue."""
    ring()
    ring()
    assert len(tickets) == 1
    tasks.apply_calls(tickets[0])
    ring()
    assert len(tickets) == 2


def test_a_task_that_the_queue_has_lost_is_enqueued_again_after_a_time(tickets, monkeypatch):
    monkeypatch.setattr(queue, "WAITING_SECONDS", 0)
    ring()
    ring()
    assert len(tickets) == 2


def test_a_task_that_waited_for_too_long_makes_no_place_for_a_third_one(tickets, monkeypatch):
    monkeypatch.setattr(queue, "WAITING_SECONDS", 0)
    ring()
    monkeypatch.setattr(queue, "WAITING_SECONDS", 10)
    ring()
    tasks.apply_calls(tickets[0])
    ring()
    assert len(tickets) == 2


def test_a_task_is_enqueued_where_the_cache_cannot_be_reached(tickets, monkeypatch):
    monkeypatch.setattr(cache, "add", Mock(side_effect=ConnectionError))
    ring()
    assert len(tickets) == 1


def test_nothing_is_enqueued_once_into_a_full_queue(tickets, monkeypatch):
    monkeypatch.setattr(queue, "queue_is_full", lambda: True)
    queue.enqueue_once("apply_calls")
    assert tickets == []
