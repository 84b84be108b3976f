"""A broadcast of which too many are refused is paused."""

import pytest

from broadcasts import sending
from broadcasts.models import AuditEntry, Broadcast, Contact
from broadcasts.sending import channel_health
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contacts

from . import steps

Status = Broadcast.Status


@pytest.fixture(autouse=True)
def small(settings, monkeypatch):
    """Judged after 20 answers, 30 %."""
    settings.REFUSAL_BUDGET, settings.WINDOW_SIZE = 0.3, 10
    monkeypatch.setattr(channel_health, "LEAST_ANSWERED", 20)


def refuse(server, people: list[Contact]) -> None:
    for contact in people:
        server.answers[contact.email] = TransportError(
            f"The server refused the recipient: 550 no {contact.pk}", permanent=True, code="550"
        )


@pytest.fixture
def people(club):
    return make_contacts(club, 80)


@pytest.fixture
def broadcast(mail, server, people):
    return make_broadcast(mail)


def test_a_share_over_the_budget_pauses_within_one_window_with_the_reason(broadcast, server, people):
    refuse(server, people[::2])
    steps.send(broadcast)
    log = steps.log(broadcast)
    assert broadcast.status == Status.PAUSED
    assert 20 <= log["sent"] + log["failed"] <= 40
    assert log["pending"] == 80 - log["sent"] - log["failed"]
    assert "copies (50%) failed for good, and no more than 30% may" in broadcast.error_message
    assert "The last one: The server refused the recipient: 550 no" in broadcast.error_message
    assert AuditEntry.objects.get(act="pause").detail["reason"] == broadcast.error_message


def test_a_share_within_the_budget_is_sent_to_the_end(broadcast, server, people):
    refuse(server, people[::4])
    steps.send(broadcast)
    assert broadcast.status == Status.SENT
    assert steps.log(broadcast) == {"sent": 60, "failed": 20}


def test_a_few_answers_are_not_judged(broadcast, server, people):
    refuse(server, people[:5])
    steps.send(broadcast)
    assert broadcast.status == Status.SENT


def test_when_all_are_answered_there_is_nothing_to_pause(broadcast, server, people):
    Contact.objects.filter(pk__in=[contact.pk for contact in people[20:]]).delete()
    refuse(server, people)
    steps.send(broadcast)
    assert broadcast.status == Status.SENT
    assert steps.log(broadcast) == {"failed": 20}


def test_what_staff_have_seen_is_forgiven_when_they_resume(broadcast, server, people):
    refuse(server, people[:20])
    steps.send(broadcast)
    assert broadcast.status == Status.PAUSED
    sending.resume(broadcast)
    steps.pump(broadcast)
    assert broadcast.status == Status.SENT
    assert steps.log(broadcast) == {"sent": 60, "failed": 20}


def test_what_fails_after_it_was_resumed_counts_again(broadcast, server, people):
    refuse(server, people)
    steps.send(broadcast)
    sending.resume(broadcast)
    steps.pump(broadcast)
    assert broadcast.status == Status.PAUSED
    assert "20 of 20 copies (100%)" in broadcast.error_message
    assert steps.log(broadcast)["failed"] == 60


def test_a_copy_is_judged_afresh(broadcast, server, people):
    refuse(server, people)
    steps.send(broadcast)
    sending.resume(broadcast)
    assert sending.duplicate(broadcast).forgiven_failed == 0


def test_an_account_that_was_refused_goes_on_when_it_is_mended_and_resumed(broadcast, server, people):
    server.refuses = TransportError("The server refused the login: 535", permanent=True, account=True)
    steps.send(broadcast)
    assert broadcast.status == Status.PAUSED
    assert "cannot send. The server refused the login: 535" in broadcast.error_message
    server.refuses = None
    sending.resume(broadcast)
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 80}
