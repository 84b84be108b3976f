"""What a mail server says when it refuses: kept for each attempt, and what it means for the address."""

import pytest

from broadcasts import sending
from broadcasts.database import insert_many
from broadcasts.exceptions import EmptyAudience
from broadcasts.models import Delivery, DeliveryAttempt, SoftBounce, Suppression
from broadcasts.sending import outcomes
from tests.make import make_broadcast, make_contact
from tests.smtp import SmtpServer

from . import steps

JOE = "joe@example.com"


@pytest.fixture
def smtp(mail):
    with SmtpServer(pipelining=True) as server:
        mail.settings = server.settings
        mail.save()
        yield server


@pytest.fixture
def joe(club):
    return make_contact(club, JOE)


@pytest.fixture
def refused(mail, joe, smtp):
    """Send one broadcast to Joe, whom the server refuses with these words."""

    def send(words, phase="rcpt"):
        smtp.heal()
        smtp.refuse(phase, words)
        return steps.send(make_broadcast(mail))

    return send


def tries():
    return [(one.number, one.is_accepted, one.words) for one in DeliveryAttempt.objects.order_by("pk")]


# What it means


def test_an_address_that_does_not_exist_is_suppressed_with_the_server_s_words(refused, mail):
    refused("550 5.1.1 no such user")
    stop = Suppression.objects.get()
    assert (stop.reason, stop.expires_at, stop.delivery) == ("hard_bounce", None, Delivery.objects.get().pk)
    assert (stop.report["code"], stop.report["words"]) == ("550 5.1.1", "550 5.1.1 no such user")
    assert stop.source == f"refused by {mail}"


def test_full_mailboxes_are_counted_and_suppress_for_a_time(refused, club):
    club.soft_bounces = 2
    club.save()
    refused("552 5.2.2 mailbox full")
    assert not Suppression.objects.exists() and SoftBounce.objects.count() == 1
    refused("552 5.2.2 mailbox full")
    stop = Suppression.objects.get()
    assert stop.reason == "soft_bounce" and stop.expires_at
    with pytest.raises(EmptyAudience, match="bounced 1"):
        refused("552 5.2.2 mailbox full")


def test_what_a_server_puts_off_until_we_give_up_is_a_soft_bounce(refused, settings):
    settings.MAX_ATTEMPTS = 1
    refused("450 4.2.1 mailbox busy")
    assert SoftBounce.objects.count() == 1 and not Suppression.objects.exists()


def test_what_is_tried_again_is_no_bounce_yet(refused):
    refused("450 4.2.1 mailbox busy")
    assert not SoftBounce.objects.exists()


@pytest.mark.parametrize("code", ["550 5.7.26", "450 4.7.26"])
def test_a_refusal_by_policy_alerts_staff_and_spares_the_person(refused, mail, settings, code):
    settings.MAX_ATTEMPTS = 1
    refused(f"{code} unauthenticated mail", phase="content")
    assert not (SoftBounce.objects.exists() or Suppression.objects.exists())
    mail.refresh_from_db()
    assert mail.alerts and "unauthenticated mail" in mail.last_error and "DMARC" in mail.last_error


# What is kept


def test_each_refused_attempt_is_kept_with_the_server_s_words(refused, smtp):
    broadcast = refused("450 4.2.1 mailbox busy")
    smtp.heal()
    smtp.refuse("rcpt", "550 5.1.1 gone")
    steps.come_due()
    sending.tick()
    steps.pump(broadcast)
    [first, second] = tries()
    assert first[:2] == (1, False) and first[2].endswith("450 4.2.1 mailbox busy")
    assert second[:2] == (2, False) and second[2].endswith("550 5.1.1 gone")


def test_a_lost_answer_is_kept_as_an_attempt(mail, joe, smtp):
    smtp.drop("content")
    broadcast = steps.send(make_broadcast(mail))
    assert steps.log(broadcast) == {"unknown": 1}
    assert [told[:2] for told in tries()] == [(1, False)]


def test_words_without_end_are_cut(refused):
    refused("550 5.1.1 " + "no " * 300)
    [(_, _, words)] = tries()
    assert len(words) <= 500


@pytest.mark.parametrize("keeps", [True, False])
def test_what_was_said_of_an_accepted_copy_is_kept_where_the_channel_says_so(mail, joe, smtp, keeps):
    mail.keeps_answers = keeps
    mail.save()
    steps.send(make_broadcast(mail))
    assert [told[:2] for told in tries()] == ([(1, True)] if keeps else [])
    assert not keeps or tries()[0][2].startswith("250")


def test_a_server_that_refuses_the_channel_makes_no_attempt_of_a_copy(refused):
    refused("451 4.3.0 not now", phase="mail")
    assert tries() == [] and Delivery.objects.get().attempts == 0


def test_the_answers_of_a_window_take_one_statement(mail, club, server, monkeypatch):
    windows = []

    def insert(model, columns, rows):
        windows.append(len(rows))
        return insert_many(model, columns, rows)

    monkeypatch.setattr(outcomes, "insert_many", insert)
    mail.keeps_answers = True
    mail.save()
    for n in range(30):
        make_contact(club, f"{n}@example.com")
    steps.send(make_broadcast(mail))
    assert sum(windows) == DeliveryAttempt.objects.count() == 30 and len(windows) < 10
