"""Replies by mail: what they answer, and that only STOP is obeyed, in the first line or the subject."""

import pytest
from django.utils import timezone

from broadcasts.links import delivery_token
from broadcasts.models import AutoReply, Consent, Inbound, Suppression
from broadcasts.receiving import applying
from broadcasts.transports import InboundMessage
from tests.make import make_broadcast, make_contact, make_delivery


@pytest.fixture
def ann(club):
    return make_contact(club, "ann@example.com")


def write(channel, text="Yes", subject="Re: Pool closed", address="Ann@Example.com", **fields):
    reply = InboundMessage(address, text, timezone.now(), {"subject": subject}, **fields)
    applying.record([applying.Thing(channel, reply)])


def test_a_reply_that_names_our_message_id_answers_that_copy(mail, ann):
    named, last = (
        make_delivery(make_broadcast(mail), ann, address=ann.email, sent_at=timezone.now()) for _ in range(2)
    )
    write(mail, key=delivery_token(named.pk))
    named.refresh_from_db()
    last.refresh_from_db()
    assert Inbound.objects.get().delivery == named
    assert named.replied_at and not last.replied_at


def test_a_copy_of_another_channel_cannot_be_named(mail, ann, elsewhere):
    theirs = make_delivery(make_broadcast(mail), ann, address=ann.email)
    other = type(mail).objects.create(organization=elsewhere, name="Theirs", kind="email_service")
    write(other, key=delivery_token(theirs.pk))
    theirs.refresh_from_db()
    assert Inbound.objects.get().delivery is None and theirs.replied_at is None


@pytest.mark.parametrize(
    ("text", "subject"),
    [("Unsubscribe", "Re: Pool"), ("\nSTOP!\n\nSent from my phone", "Re: Pool"), ("Sent from my phone", "STOP")],
)
def test_stop_in_the_first_line_or_as_the_subject_withdraws_consent_to_mail(mail, ann, text, subject):
    write(mail, text, subject)
    assert set(Consent.objects.values_list("medium", "state")) == {("email", "withdrawn")}
    assert Suppression.objects.get(use_case="").reason == "stop"
    assert not AutoReply.objects.exists()


def test_a_mail_that_says_stop_unsubscribes_at_the_copy_it_answers(mail, ann):
    row = make_delivery(make_broadcast(mail), ann, address=ann.email)
    write(mail, "STOP", key=delivery_token(row.pk))
    row.refresh_from_db()
    assert row.unsubscribed_at


@pytest.mark.parametrize(
    ("text", "subject"), [("Please\nstop", "Re: Pool"), ("Yes", "Re: Stop"), ("Start", "Start"), ("Help", "Help")]
)
def test_any_other_mail_is_an_ordinary_reply(mail, ann, text, subject):
    write(mail, text, subject)
    assert Inbound.objects.get().contact == ann
    assert not Consent.objects.exists() and not Suppression.objects.exists() and not AutoReply.objects.exists()
