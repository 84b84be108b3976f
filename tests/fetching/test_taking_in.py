"""Mails are taken in from a real Dovecot, and each is removed once it is stored."""

import pytest
from django.db import OperationalError

from broadcasts import fetching, receiving
from broadcasts.fetching import reading, rounds
from broadcasts.models import Mailbox, StoredCall
from broadcasts.transports import LONGEST_MAIL, TransportError
from broadcasts.transports.imap import ListedMail
from broadcasts.transports.imap.session import uid_set

pytestmark = pytest.mark.django_db(transaction=True)

THIRD = b"From: joe@example.com\r\nSubject: Third\r\n\r\nHello\r\n"
REPORT = b"From: ann%d@example.com\r\nSubject: Re: Pool\r\n\r\nThank you.\r\n"  # a reply, which is always taken in


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


def test_mail_is_moved_where_it_is_to_be_kept(dovecot, make_mailbox):
    dovecot.make("Read")
    dovecot.put("INBOX", *reports(3))
    look(make_mailbox(**dovecot.columns, kept_in="Read"))
    assert sorted(stored()) == reports(3)
    assert (dovecot.mails("INBOX"), dovecot.mails("Read")) == (0, 3)


def test_a_folder_beyond_ascii_is_read(dovecot, make_mailbox):
    dovecot.put("R&APw-ckl&AOQ-ufer", *reports(1))  # modified UTF-7
    look(make_mailbox(**dovecot.columns, folder="Rückläufer"))
    assert stored() == reports(1)


def test_mail_that_somebody_else_has_marked_deleted_is_neither_read_nor_removed(dovecot, mailbox):
    dovecot.put("INBOX", b"Subject: Theirs\r\n\r\n", flags="T")
    dovecot.put("INBOX", *reports(2))
    look(mailbox)
    assert sorted(stored()) == reports(2)
    assert [path.read_bytes() for path in dovecot.files("INBOX")] == [b"Subject: Theirs\r\n\r\n"]


@pytest.mark.parametrize("capability", ["IMAP4rev1", "IMAP4rev1 UIDPLUS"])
def test_mail_is_copied_where_the_server_cannot_move_it(dovecot_of, make_mailbox, capability):
    with dovecot_of(capability=capability) as server:
        server.make("Read")
        server.put("INBOX", *reports(2))
        mailbox = look(make_mailbox(**server.columns, kept_in="Read"))
        assert server.mails("Read") == 2
        assert server.mails("INBOX") == (0 if "UIDPLUS" in capability else 2)  # kept, marked to be deleted
        look(mailbox)
        assert sorted(stored()) == reports(2)  # and not taken in again


def test_only_the_first_megabyte_of_a_mail_is_read(dovecot, mailbox):
    line = b"x" * 75 + b"\r\n"
    dovecot.put("INBOX", b"From: joe@example.com\r\nSubject: Large\r\n\r\n" + line * 70_000, *reports(1))
    look(mailbox)
    assert sorted(map(len, stored())) == [len(reports(1)[0]), LONGEST_MAIL]
    assert dovecot.mails() == 0


def test_a_folder_whose_uids_begin_anew_is_read_as_well(dovecot, mailbox):
    dovecot.put("INBOX", *reports(2))
    look(mailbox)
    for path in dovecot.folder("INBOX").glob("dovecot*"):
        path.unlink()  # with the folder's UIDVALIDITY
    dovecot.put("INBOX", THIRD)
    look(mailbox)
    assert stored()[2:] == [THIRD]
    assert dovecot.mails() == 0


def test_a_mailbox_with_more_than_one_look_can_take_in_is_read_on_at_once(dovecot, mailbox, queued, monkeypatch):
    monkeypatch.setattr(rounds, "SECONDS", 0)
    monkeypatch.setattr(reading, "MOST", 2)
    dovecot.put("INBOX", *reports(3))
    look(mailbox)
    assert ("read_mailbox", mailbox.pk) in queued
    assert (mailbox.taken, dovecot.mails()) == (2, 1)
    fetching.read_mailbox(mailbox.pk)
    assert sorted(stored()) == reports(3)


def test_mail_is_removed_only_after_it_is_stored(dovecot, mailbox, monkeypatch):
    def broken(channel, raw):
        raise OperationalError("The database is gone.")

    dovecot.put("INBOX", *reports(2))
    monkeypatch.setattr(receiving, "store_mail", broken)
    with pytest.raises(OperationalError):
        look(mailbox)
    assert dovecot.mails() == 2


def test_mail_beyond_a_window_is_read_in_the_same_look(dovecot, mailbox, monkeypatch):
    monkeypatch.setattr(reading, "WINDOW", 2)
    dovecot.put("INBOX", b"Subject: Theirs\r\n\r\n", flags="T")
    dovecot.put("INBOX", *reports(6))
    look(mailbox)
    assert sorted(stored()) == reports(6)


def test_uids_that_follow_one_another_are_named_as_ranges():
    assert uid_set([9, 4, 5, 6, 1]) == "1,4:6,9"


def test_portions_have_a_bound_of_mails_and_of_bytes():
    small = [ListedMail(number, 1000) for number in range(250)]
    assert [len(portion) for portion in reading.portions(small)] == [100, 100, 50]
    large = [ListedMail(number, LONGEST_MAIL) for number in range(9)]
    assert [len(portion) for portion in reading.portions(large)] == [4, 4, 1]
    assert list(reading.portions([])) == []


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_the_connection_is_encrypted_and_the_certificate_verified(dovecot, make_mailbox, monkeypatch, security):
    port = dovecot.tls_port if security == "tls" else dovecot.port
    mailbox = make_mailbox(**{**dovecot.columns, "security": security, "port": port})
    assert fetching.check(mailbox) == 0
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")  # nobody is trusted
    with pytest.raises(TransportError, match=r"The certificate of the server .* could not be verified"):
        fetching.check(mailbox)


def test_a_real_server_refuses_a_wrong_password_and_an_unknown_folder(dovecot, make_mailbox):
    mailbox = make_mailbox(**{**dovecot.columns, "secrets": {"password": "wrong"}})
    with pytest.raises(TransportError, match=r"refused the sign-in: .* Check the username and the password"):
        fetching.check(mailbox)
    mailbox.secrets, mailbox.folder = dovecot.columns["secrets"], "Nowhere"
    with pytest.raises(TransportError, match="refused to open the folder “Nowhere”"):
        fetching.check(mailbox)
    mailbox.folder, mailbox.kept_in = "INBOX", "Nowhere"
    with pytest.raises(TransportError, match=r"refused the folder “Nowhere”.* Make this folder on the server"):
        fetching.check(mailbox)
