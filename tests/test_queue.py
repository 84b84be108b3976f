"""What is enqueued for rows that are due."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import queue
from broadcasts.models import PersonalLink
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
