"""Mails that are made to do harm: they tell nothing wrong, and hold no worker."""

import time

import pytest

from broadcasts import receiving
from broadcasts.links import TEST_SEND, delivery_token
from broadcasts.models import Channel, EarlyFact, StoredCall, Suppression
from broadcasts.transports import LONGEST_MAIL
from broadcasts.transports.email.reports import read
from broadcasts.transports.email.reports.words import failure_words
from tests.make import make_broadcast, make_delivery

from .mails import mail

TOKEN = delivery_token(4711)
MIB = 1_048_576


def nested(depth: int) -> bytes:
    """Multiparts in multiparts."""
    head = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (level, level) for level in range(depth)
    )
    return b"From: jo@example.org\nMIME-Version: 1.0\n" + head + b"\nHello\n" * 50_000


def enclosed(depth: int) -> bytes:
    return b"From: MAILER-DAEMON@example.org\n" + b"Content-Type: message/rfc822\n\n" * depth + TOKEN.encode() + b"@x"


REPORT = mail("postfix_unknown_user", TOKEN)
HOSTILE = {
    "empty": b"",
    "blank lines": b"\n" * MIB,
    "deeply nested": nested(2_000),
    "messages in messages": enclosed(20_000),
    "many parts": b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 150_000,
    "one boundary, no end": b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b" * 300_000,
    "millions of headers": b"X-A: b\n" * 2_000_000 + b"\n",
    "a header of 50 MB": b"Subject: " + b"a" * 50_000_000 + b"\n\n",
    "a folded header": b"Subject: a\n" + b" a\n" * 400_000 + b"\nFrom: jo@example.org",
    "encoded words": b"From: MAILER-DAEMON@x.example\nSubject: " + b"=?utf-8?q?a?= " * 80_000 + b"\n\n",
    "punycode": b"From: a@b.example\nSubject: =?punycode?q?" + b"a" * 900_000 + b"?=\n\n",
    "an evil charset": b"From: a@b.example\nContent-Type: text/plain; charset=punycode\n\n" + b"a" * MIB,
    "a transforming charset": b"From: a@b.example\nContent-Type: text/plain; charset=zip\n\n" + b"a" * MIB,
    "broken base64": b"From: a@b.example\nContent-Transfer-Encoding: base64\n\n" + b"=A=" * 300_000,
    "NULs": b"From: a\x00@b.example\nSubject: \x00\n\n" + b"\x00" * MIB,
    "surrogates": b"From: \xed\xa0\x80 <a@b.example>\nSubject: \xed\xb0\x80\n\n\xed\xa0\x80",
    "tags without end": b"From: a@b.example\nContent-Type: text/html\n\n" + b"<blockquote" * 90_000,
    "a bounce of one line": b"From: MAILER-DAEMON@b.example\n\n" + b"<" + TOKEN.encode() + b"@b> " + b"550 " * 250_000,
    "a bounce of addresses": b"From: MAILER-DAEMON@b.example\n\n" + TOKEN.encode() + b"@b\n" + b"<a@b>:\n" * 140_000,
    "tokens": b"From: MAILER-DAEMON@b.example\n\n" + b"AAAAAAAAAAAAAAAA@b\n" * 50_000,
    "many recipients": REPORT.replace(b"Action: failed", b"Action: failed\n\nFinal-Recipient: rfc822; a@b" * 20_000),
    "a header bomb in the report": REPORT.replace(b"Status: 5.1.1", b"Status: 5.1.1\n" + b"X-A: b\n" * 100_000),
    "a long diagnosis": REPORT.replace(b"550 5.1.1", b"550 5.1.1 " + b"mailbox is " * 80_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_read_quickly_and_raises_nothing(name, caplog):
    began = time.thread_time()
    told = read(HOSTILE[name])
    assert time.thread_time() - began < 1
    assert told.things <= 1
    assert not caplog.records


def test_the_words_of_a_report_are_short_and_storable(smtp, copy, token):
    raw = mail("postfix_unknown_user", token).replace(b"User unknown", b"User unknown \x00 \xed\xa0\x80" + b"x" * 9_000)
    receiving.store_mail(smtp, raw)
    receiving.apply_due()
    [event] = copy.events.all()
    assert len(event.detail["text"]) <= 500 and "\0" not in event.detail["text"]


def test_a_mail_of_50_mb_is_cut_and_its_report_counts(smtp, copy, token):
    receiving.store_mail(smtp, mail("qmail", token) + b"x" * 50_000_000)
    assert len(StoredCall.objects.get().body) == LONGEST_MAIL
    receiving.apply_due()
    assert Suppression.objects.get().reason == "hard_bounce"


def forged(token: str) -> str:
    """A token that differs in its last sign but one, which no padding hides."""
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]


@pytest.mark.parametrize("name", ["postfix_unknown_user", "arf_fastmail", "arf_comcast", "qmail", "gmail_no_such_user"])
def test_a_forged_key_finds_no_copy(smtp, copy, token, name):
    receiving.store_mail(smtp, mail(name, forged(token)))
    receiving.store_mail(smtp, mail(name, delivery_token(copy.pk + 1)))  # of a copy that is not there
    receiving.store_mail(smtp, mail(name, delivery_token(TEST_SEND)))
    receiving.apply_due()
    assert not Suppression.objects.exists() and not EarlyFact.objects.exists() and not StoredCall.objects.exists()


def test_a_forged_envelope_id_leaves_the_message_id_its_word(smtp, copy, token):
    raw = mail("postfix_unknown_user", token, **{"Subject: Pool closed": f"Message-ID: <{token}@club.example>"})
    raw = raw.replace(f"Original-Envelope-Id: {token}".encode(), f"Original-Envelope-Id: {forged(token)}".encode())
    receiving.store_mail(smtp, raw)
    receiving.apply_due()
    assert Suppression.objects.get().organization == smtp.organization


@pytest.mark.parametrize("name", ["postfix_unknown_user", "exim_old", "arf_yahoo", "arf_fastmail", "postfix_expired"])
def test_another_organizations_copy_cannot_be_touched(smtp, elsewhere, name):
    theirs = Channel.objects.create(organization=elsewhere, name="Theirs", kind="email", from_address="a@b.example")
    copy = make_delivery(make_broadcast(theirs), address="jo@example.org")
    receiving.store_mail(smtp, mail(name, delivery_token(copy.pk)))
    receiving.apply_due()
    copy.refresh_from_db()
    assert not (copy.bounced_at or copy.complained_at or copy.events.exists())
    assert not Suppression.objects.exists() and not EarlyFact.objects.exists()


def test_a_reply_cannot_name_another_organizations_copy(smtp, elsewhere):
    theirs = Channel.objects.create(organization=elsewhere, name="Theirs", kind="email", from_address="a@b.example")
    copy = make_delivery(make_broadcast(theirs), address="jo@example.org")
    receiving.store_mail(smtp, mail("reply", delivery_token(copy.pk)))
    receiving.apply_due()
    copy.refresh_from_db()
    assert copy.replied_at is None
    assert smtp.organization.inbound.get().delivery is None


def test_words_of_empty_lines_take_linear_time():
    begun = time.process_time()
    failure_words("\n" * 20_000)
    assert time.process_time() - begun < 1


def test_a_header_that_cannot_be_decoded_loses_no_mail():
    told = read(b"From: ann@example.com\r\nSubject: =?utf-8?b?A?=\r\n\r\nSTOP\r\n")
    assert [reply.address for reply in told.replies] == ["ann@example.com"]
