"""The answers to STOP, START and HELP: each once at most, few, and in time."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import receiving, tracking
from broadcasts.models import (
    AutoReply,
    Channel,
    EarlyFact,
)
from broadcasts.receiving import answering, applying
from broadcasts.transports import Event, Receipt, TransportError
from tests.replies.texts import Texts, answer, flood, say


def test_help_is_answered_in_the_persons_language_some_times_a_day(channel, joe):
    joe.language = "es"
    joe.save()
    for _ in range(5):
        say(channel, "ayuda")
    assert [one.text for one in Texts.sent] == [
        "Swimming Club le envía estos mensajes. Envíe STOP para no recibirlos más."
    ] * 3


def test_a_robot_that_stops_and_starts_gets_few_answers(channel, joe):
    for _ in range(6):
        say(channel, "STOP")
        say(channel, "START")
    assert len(Texts.sent) == 6


def test_an_answer_is_never_sent_twice_and_only_a_refused_one_again(channel, joe, monkeypatch):
    monkeypatch.setattr(Texts, "error", TransportError("busy"))
    say(channel, "HELP")
    row = AutoReply.objects.get()
    assert row.sent_at is None and row.due_at and not Texts.sent
    monkeypatch.setattr(Texts, "error", TransportError("lost", handed_over=True))
    AutoReply.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    answer()
    row.refresh_from_db()
    assert row.sent_at and row.due_at is None and row.error == "lost"


@pytest.fixture
def report(channel, monkeypatch):
    """A report about the answer that is sent."""
    cache.clear()
    monkeypatch.setattr(Texts, "deliver", lambda self, envelope: Receipt(provider_id="a1"))
    return lambda: applying.record([applying.Thing(channel, Event("a1", "delivered"))])


def test_a_report_about_an_answer_waits_for_no_copy(channel, joe, report):
    say(channel, "HELP")
    report()
    assert not EarlyFact.objects.exists()


def test_a_report_that_comes_before_its_answer_is_recorded_waits_no_longer_than_it(channel, joe, report):
    report()
    say(channel, "HELP")
    EarlyFact.objects.update(due_at=Now() - timedelta(seconds=1))
    assert tracking.record_early() == 1
    assert not EarlyFact.objects.exists()


def test_an_answer_that_is_too_late_is_not_sent(channel, joe, monkeypatch):
    monkeypatch.setattr(Texts, "error", TransportError("busy"))
    say(channel, "HELP")
    monkeypatch.setattr(Texts, "error", None)
    AutoReply.objects.update(due_at=timezone.now(), created=timezone.now() - timedelta(minutes=6))
    answer()
    assert not Texts.sent and AutoReply.objects.get().due_at is None


def test_a_worker_that_dies_while_it_sends_an_answer_leaves_it_unsent(channel, joe, monkeypatch):
    monkeypatch.setattr(Texts, "error", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        say(channel, "HELP")
    monkeypatch.setattr(Texts, "error", None)
    receiving.enqueue_waiting()
    answer()
    assert not Texts.sent


def test_many_answers_of_a_channel_are_one_task(channel, monkeypatch):
    asked = []
    monkeypatch.setattr(answering, "enqueue", lambda *task: asked.append(task))
    monkeypatch.setattr(answering, "queue_is_full", lambda: False)
    flood(channel, 5)
    assert asked == []
    receiving.enqueue_waiting()
    assert asked == [("send_answers", channel.pk)]
    receiving.send_answers(channel.pk)
    receiving.enqueue_waiting()
    assert len(asked) == 1 and len(Texts.sent) == 5


def test_no_answers_are_enqueued_into_a_full_queue(channel, monkeypatch):
    asked = []
    monkeypatch.setattr(answering, "enqueue", lambda *task: asked.append(task))
    monkeypatch.setattr(answering, "queue_is_full", lambda: True)
    flood(channel, 1)
    receiving.enqueue_waiting()
    assert asked == []


def test_one_worker_at_a_time_answers_for_a_channel(channel):
    flood(channel, 2)
    Channel.objects.update(answering_until=timezone.now() + timedelta(seconds=9))
    receiving.send_answers(channel.pk)
    assert not Texts.sent
    Channel.objects.update(answering_until=timezone.now() - timedelta(seconds=1))  # that worker was killed
    receiving.send_answers(channel.pk)
    assert len(Texts.sent) == 2 and Channel.objects.get(pk=channel.pk).answering_until is None


def test_what_a_task_has_no_time_for_stays_due(channel, monkeypatch):
    monkeypatch.setattr(answering, "SECONDS", -1)
    flood(channel, 2)
    answer()
    assert not Texts.sent and AutoReply.objects.filter(due_at__lte=Now(), sent_at=None).count() == 2


def test_an_account_that_is_refused_is_tried_again_later_once_for_all(channel, monkeypatch):
    monkeypatch.setattr(Texts, "error", TransportError("login refused", account=True))
    flood(channel, 3)
    answer()
    assert AutoReply.objects.filter(due_at__gt=Now(), sent_at=None).count() == 3
    assert AutoReply.objects.filter(error="login refused").count() == 1


def test_a_channel_has_so_many_answers_an_hour_and_drops_the_others(channel, monkeypatch):
    monkeypatch.setattr(answering, "MOST_AN_HOUR", 3)
    flood(channel, 5)
    answer()
    assert len(Texts.sent) == 3
    assert AutoReply.objects.filter(due_at=None, error=answering.TOO_MANY).count() == 2
    AutoReply.objects.update(created=timezone.now() - timedelta(hours=2))
    say(channel, "HELP")
    assert len(Texts.sent) == 4


def test_a_blocked_person_is_not_answered(channel, joe):
    joe.status = "blocked"
    joe.save()
    say(channel, "HELP")
    assert not Texts.sent and AutoReply.objects.get().error == "The contact is blocked."


def test_an_organizations_own_answer_is_sent_in_the_languages_that_it_has(channel, joe, club):
    club.answer_texts = {"help": {"es": "{organization}, {postal_address}: envíe BAJA {aquí}."}}
    club.postal_address = "Mill Lane 1\r\nLeeds"
    club.save()
    for language in ("es-MX", "en"):
        joe.language = language
        joe.save()
        say(channel, "help")
    assert Texts.sent[0].text == "Swimming Club, Mill Lane 1, Leeds: envíe BAJA {aquí}."
    assert Texts.sent[1].text.startswith("Swimming Club sends you these messages.")
