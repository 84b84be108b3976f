"""Copies that take more to make than one may fail alone; a broadcast of them is paused, and holds up nobody."""

from types import SimpleNamespace

import pytest

from broadcasts import sending
from broadcasts.models import Broadcast, Contact, Delivery
from broadcasts.rendering import budget
from broadcasts.sending import copies
from broadcasts.sending.copies import MOST_OVER_BUDGET, Copies
from broadcasts.sending.outcomes import Results
from tests.make import make_broadcast, make_contacts

from . import steps

Status = Broadcast.Status
LOOP = "{% for tag in contact.tags %}{{ tag }}{% endfor %}"


@pytest.fixture(autouse=True)
def small(settings, monkeypatch):
    settings.WINDOW_SIZE = 10
    monkeypatch.setattr(budget, "STEPS", 300)
    monkeypatch.setattr(budget, "LOOK_STEPS", 10)


def with_long_lists(people: list[Contact]) -> None:
    Contact.objects.filter(pk__in=[contact.pk for contact in people]).update(attributes={"tags": ["a"] * 200})


@pytest.fixture
def people(club, server):
    return make_contacts(club, 60)


def test_a_broadcast_of_costly_copies_is_paused_after_the_first_few(mail, people):
    with_long_lists(people)
    broadcast = steps.send(make_broadcast(mail, body=LOOP))
    assert broadcast.status == Status.PAUSED
    assert steps.log(broadcast) == {"failed": MOST_OVER_BUDGET, "pending": 60 - MOST_OVER_BUDGET}
    assert broadcast.error_message.startswith("Paused: its copies take more to make than one may. The last one: Over")


def test_each_costly_copy_fails_alone_with_its_reason(mail, people, server):
    with_long_lists(people[:3])
    broadcast = steps.send(make_broadcast(mail, body=LOOP))
    assert broadcast.status == Status.SENT
    assert steps.log(broadcast) == {"failed": 3, "sent": 57}
    failed = Delivery.objects.filter(message__broadcast=broadcast, status="failed").first()
    assert failed.error.startswith("Over budget: translations.en.text, line 1: this takes more than 300 steps")


def test_many_that_are_made_make_up_for_one(mail, people):
    with_long_lists(people[::12])
    broadcast = steps.send(make_broadcast(mail, body=LOOP))
    assert broadcast.status == Status.SENT
    assert steps.log(broadcast) == {"failed": 5, "sent": 55}


def test_nothing_is_paused_when_all_are_answered(mail, people):
    Contact.objects.filter(pk__in=[contact.pk for contact in people[MOST_OVER_BUDGET:]]).delete()
    with_long_lists(people)
    broadcast = steps.send(make_broadcast(mail, body=LOOP))
    assert (broadcast.status, steps.log(broadcast)) == (Status.SENT, {"failed": MOST_OVER_BUDGET})


def test_what_is_resumed_unchanged_is_paused_again_and_loses_nobody(mail, people):
    with_long_lists(people)
    broadcast = steps.send(make_broadcast(mail, body=LOOP))
    sending.resume(broadcast)
    steps.pump(broadcast)
    assert broadcast.status == Status.PAUSED
    assert steps.log(broadcast) == {"failed": 2 * MOST_OVER_BUDGET, "pending": 60 - 2 * MOST_OVER_BUDGET}


def test_a_window_is_cut_when_its_copies_take_long(mail, people, monkeypatch):
    broadcast = make_broadcast(mail, body="Hello")
    ticks = iter(range(100))
    monkeypatch.setattr(copies, "time", SimpleNamespace(monotonic=lambda: next(ticks) * copies.MAKING_SECONDS / 3))
    rows = iter([SimpleNamespace(pk=pk, address="a@example.com", language="en", contact=None) for pk in range(1, 11)])
    waiting: dict = {}
    made = list(Copies(broadcast.messages.get().pk).make(rows, waiting, Results()))
    assert len(made) == len(waiting) == 3
    assert len(list(rows)) == 7
