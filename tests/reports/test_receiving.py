"""Mails that come back, from the pipe through to the facts."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from broadcasts import receiving
from broadcasts.links import delivery_token
from broadcasts.management.commands import receive_mail
from broadcasts.models import Channel, Inbound, StoredCall, Suppression
from tests.make import make_broadcast, make_contact, make_delivery

from .mails import mail


def pipe(raw: bytes, *options: str) -> None:
    call_command("receive_mail", *options, stdin=io.BytesIO(raw))
    receiving.apply_due()


@pytest.fixture
def other(club):
    """Another e-mail channel of the same organization."""
    return Channel.objects.create(organization=club, name="Other", kind="email", from_address="b@club.example")


def test_a_hard_bounce_suppresses_the_address(copy, token):
    pipe(mail("postfix_unknown_user", token))
    copy.refresh_from_db()
    assert copy.bounced_at
    listed = Suppression.objects.get()
    assert (listed.reason, listed.source) == ("hard_bounce", "delivery report")


@pytest.mark.parametrize("name", ["postfix_expired", "gmail_unauthenticated", "spamhaus_listed"])
def test_a_soft_or_policy_bounce_is_kept_with_the_servers_words_and_not_as_a_hard_one(copy, token, name):
    pipe(mail(name, token))
    copy.refresh_from_db()
    assert copy.bounced_at and copy.events.get().detail["text"]
    assert not Suppression.objects.filter(reason="hard_bounce").exists()


def test_a_complaint_withdraws_consent(copy, token):
    pipe(mail("arf_yahoo", token))
    copy.refresh_from_db()
    assert copy.complained_at
    assert Suppression.objects.get().reason == "complaint"


def test_a_reply_comes_to_the_inbox(copy, token):
    pipe(mail("reply", token))
    reply = Inbound.objects.get()
    assert (reply.delivery, reply.contact, reply.text) == (copy, copy.contact, "Schön, I will come on Friday.")


def test_a_mail_that_comes_twice_counts_once(copy, token):
    for _ in range(2):
        pipe(mail("postfix_unknown_user", token))
        pipe(mail("reply", token))
    assert copy.events.filter(type="bounced").count() == 1
    assert Inbound.objects.count() == 1


def test_the_recipient_that_the_server_names_finds_the_copy(copy, token):
    raw = mail("postfix_unknown_user", "none")
    pipe(raw, "--recipient", f"bounces+{token}@club.example")
    copy.refresh_from_db()
    assert copy.bounced_at


def test_the_mailbox_of_one_channel_may_hold_the_reports_of_another(copy, token, other):
    pipe(mail("postfix_unknown_user", token), "--channel", str(other.uuid))
    copy.refresh_from_db()
    assert copy.bounced_at


def test_the_organization_that_is_named_takes_in_replies_about_nothing(smtp, club):
    pipe(b"From: jo@example.org\n\nHello", "--organization", club.slug)
    assert Inbound.objects.get().channel == smtp


def test_a_copy_of_a_channel_that_reads_no_mail_is_reported_by_one_that_does(smtp, club):
    console = Channel.objects.create(organization=club, name="Console", kind="console")
    made = make_delivery(make_broadcast(console), make_contact(club, "jo@example.org"), address="jo@example.org")
    pipe(mail("postfix_unknown_user", delivery_token(made.pk)))
    made.refresh_from_db()
    assert made.bounced_at


def test_a_mail_that_is_nobodys_is_dropped_with_a_line_in_the_log(smtp, caplog):
    pipe(mail("postfix_unknown_user", "none"))
    assert "names no copy of ours" in caplog.text
    assert not StoredCall.objects.exists()


def test_the_mail_server_keeps_the_mail_while_the_database_is_out_of_order(copy, token, monkeypatch):
    def fail(*args):
        raise OperationalError("gone")

    monkeypatch.setattr(receiving, "store_mail", fail)
    with pytest.raises(CommandError) as failure:
        pipe(mail("postfix_unknown_user", token))
    assert failure.value.returncode == receive_mail.EX_TEMPFAIL == 75


@pytest.mark.parametrize(
    "options", [["--organization", "nobody"], ["--channel", "x"], ["--channel", "7d1fd0a0-3b9c-4ad0-9d3e-4d1c3a0f5f00"]]
)
def test_the_mail_server_keeps_the_mail_while_the_options_are_wrong(smtp, options):
    with pytest.raises(CommandError, match="There is no") as failure:
        pipe(b"From: a@b.example\n\nHello", *options)
    assert failure.value.returncode == 75


def test_reports_are_taken_in_with_few_queries(smtp, club, django_assert_max_num_queries):
    broadcast = make_broadcast(smtp)
    message = broadcast.messages.get()
    copies = [make_delivery(broadcast, make_contact(club, f"p{n}@example.org")) for n in range(20)]
    assert message
    for one in copies:
        receiving.store_mail(smtp, mail("postfix_unknown_user", delivery_token(one.pk)))
    with django_assert_max_num_queries(150):  # 20 addresses are suppressed, each by itself
        receiving.apply_due()
    assert Suppression.objects.count() == 20
