"""Mails are taken in from a real Dovecot, and each is removed once it is stored."""

import pytest

from broadcasts import fetching
from broadcasts.models import Mailbox, StoredCall

pytestmark = pytest.mark.django_db(transaction=True)

REPORT = b"From: mailer-daemon@club.example\r\nSubject: Undelivered %d\r\n\r\nNo such user.\r\n"


def reports(n: int) -> list[bytes]:
    return [REPORT % number for number in range(n)]


def look(mailbox: Mailbox) -> Mailbox:
    """Look into it as if it were due."""
    Mailbox.objects.update(due_at="2020-01-01T00:00Z")
    fetching.read_mailbox(mailbox.pk)
    mailbox.refresh_from_db()
    assert mailbox.last_error == ""
    return mailbox


def stored() -> list[bytes]:
    return [bytes(body) for body in StoredCall.objects.order_by("pk").values_list("body", flat=True)]


def test_every_mail_is_stored_for_the_channel_and_deleted(dovecot, mailbox, mail):
    dovecot.put("INBOX", *reports(3))
    look(mailbox)
    assert sorted(stored()) == reports(3)
    assert set(StoredCall.objects.values_list("channel", "method")) == {(mail.pk, "MAIL")}
    assert dovecot.mails() == 0
    assert (mailbox.taken, mailbox.failures, mailbox.lease_until) == (3, 0, None)
    assert mailbox.checked_at is not None
