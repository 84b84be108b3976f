"""A server that breaks off, hangs or floods neither holds a worker nor fills memory; its mailbox says what is wrong."""

import resource
import time

import pytest

from broadcasts import fetching
from broadcasts.fetching import rounds
from broadcasts.models import StoredCall
from broadcasts.transports.imap import client
from tests.imap_server import (
    ImapServer,
    answer,
    close,
    drip,
    endless_line,
    endless_lines,
    hang,
    huge_literal,
    refuse,
)

pytestmark = pytest.mark.django_db(transaction=True)

LISTED = answer("* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10)")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(client, "READ_SECONDS", 0.5)
    monkeypatch.setattr(rounds, "LONGEST_SECONDS", 1.0)


@pytest.fixture
def look(make_mailbox):
    """Look into the mailbox of a server, and return it."""

    def look(server, **fields):
        mailbox = make_mailbox(**{**server.columns, **fields})
        fetching.read_mailbox(mailbox.pk)
        mailbox.refresh_from_db()
        assert mailbox.lease_until is None
        assert (mailbox.failures, mailbox.taken, mailbox.checked_at) == (1, 0, None)
        assert not StoredCall.objects.exists()
        return mailbox

    return look


@pytest.mark.parametrize("command", ["greeting", "CAPABILITY", "LOGIN", "SELECT", "FETCH", "UID FETCH"])
@pytest.mark.parametrize(
    ("act", "words"),
    [
        (hang, "did not answer within"),
        (drip, "did not answer within"),
        (close, "closed the connection, or did not answer in IMAP"),
        (endless_line, "sent a line that is too long for IMAP"),
        (endless_lines, "sent more than was asked for"),
    ],
)
def test_a_server_that_does_not_answer_properly_fails_in_time(look, command, act, words):
    if command == "greeting":
        server = ImapServer(greet=act)
    else:
        server = ImapServer({"FETCH": LISTED, command: act})
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with server:
        mailbox = look(server)
    if (command, act) == ("greeting", endless_lines):
        words = "did not answer like an IMAP server"
    assert words in mailbox.last_error
    assert time.monotonic() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kilobytes


def test_a_literal_larger_than_asked_for_is_not_read(look):
    with ImapServer({"FETCH": LISTED, "UID FETCH": huge_literal}) as server:
        assert "sent more of a mail than was asked for" in look(server).last_error


@pytest.mark.parametrize(
    "line",
    [
        "* 1 FETCH (UID 99999999999999999999 FLAGS () RFC822.SIZE 10)",
        "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 99999999999999999999999)",
        "* 1 FETCH (FLAGS () RFC822.SIZE 10)",
        "* 1 FETCH (UID 7 BODY[] NIL)",
    ],
)
def test_odd_answers_take_nothing_in_and_remove_nothing(make_mailbox, line):
    with ImapServer({"FETCH": answer(line), "UID FETCH": answer(line)}) as server:
        mailbox = make_mailbox(**server.columns)
        fetching.read_mailbox(mailbox.pk)
        mailbox.refresh_from_db()
    assert (mailbox.taken, mailbox.last_error) == (0, "")
    assert not any("STORE" in line for line in server.heard)


def test_a_mail_that_nobody_asked_for_is_not_taken_in(make_mailbox):
    other = answer(b"* 9 FETCH (UID 9 BODY[]<0> {3}\r\nabc)")
    with ImapServer({"FETCH": LISTED, "UID FETCH": other}) as server:
        fetching.read_mailbox(make_mailbox(**server.columns).pk)
    assert not StoredCall.objects.exists()
    assert not any("STORE" in line for line in server.heard)


REPLY = b"From: ann@example.com\r\n\r\nThank you."


@pytest.mark.parametrize(
    "body",
    [b"* 1 FETCH (UID 1 BODY[]<0> {%d}\r\n%s)", b"* 1 FETCH (BODY[]<0> {%d}\r\n%s UID 1)"],
    ids=["before", "after"],
)
def test_the_uid_of_a_mail_may_come_before_or_after_it(make_mailbox, body):
    with ImapServer({"FETCH": LISTED, "UID FETCH": answer(body % (len(REPLY), REPLY)), "UID EXPUNGE": close}) as server:
        fetching.read_mailbox(make_mailbox(**server.columns).pk)
    assert bytes(StoredCall.objects.get().body) == REPLY


@pytest.mark.parametrize(
    ("command", "fields", "words"),
    [
        ("LOGIN", {}, "Check the username and the password"),
        ("SELECT", {"folder": "Bounces"}, "refused to open the folder “Bounces”: Nothing here. Give the folder's name"),
        ("STATUS", {"kept_in": "Read"}, "refused the folder “Read”: Nothing here. Make this folder on the server"),
    ],
)
def test_a_refusal_says_what_to_do(look, command, fields, words):
    with ImapServer({command: refuse("[NONEXISTENT] Nothing here.")}) as server:
        assert words in look(server, **fields).last_error


def test_what_a_server_says_shows_no_password(look):
    with ImapServer({"LOGIN": refuse("sword-fish is wrong")}) as server:
        words = look(server).last_error
    assert "*** is wrong" in words and "sword-fish" not in words


def test_a_password_beyond_ascii_is_sent_where_the_server_can_read_it(make_mailbox):
    told = []

    def read(conversation, tag, arguments):
        told.append(conversation.read_base64())
        conversation.say(f"{tag} OK done")

    with ImapServer({"AUTHENTICATE": read}, capability="AUTH=PLAIN", mails=0) as server:
        mailbox = make_mailbox(**{**server.columns, "secrets": {"password": "schlüssel"}})
        assert fetching.check(mailbox) == 0
    assert told == ["\0bounces@club.example\0schlüssel"]


def test_a_server_that_takes_no_password_in_clear_is_told_so(look):
    with ImapServer(capability="LOGINDISABLED") as server:
        assert "Choose TLS" in look(server).last_error
    assert not any(line.startswith("LOGIN") for line in server.heard)


def test_no_password_is_sent_where_starttls_is_wanted_and_not_offered(look):
    with ImapServer() as server:
        words = look(server, security="starttls").last_error
    assert "does not offer STARTTLS" in words
    assert set(server.heard) <= {"CAPABILITY", "LOGOUT"}


def test_what_is_said_before_the_encryption_is_not_believed(look):
    def inject(conversation, tag, arguments):
        conversation.link.sendall(f"{tag} OK begin\r\n* CAPABILITY IMAP4rev1\r\n".encode())
        hang(conversation)

    with ImapServer({"STARTTLS": inject}, capability="STARTTLS") as server:
        assert "does not begin TLS" in look(server, security="starttls").last_error


def test_no_address_of_a_closed_network_is_connected_to(look, settings):
    with ImapServer() as server:
        settings.OPEN_NETWORKS = []
        assert "leads to a loopback address" in look(server).last_error
    assert server.heard == []


def test_the_words_of_what_is_no_mail_server_are_not_shown(look):
    with ImapServer(greet=lambda conversation: conversation.say("* NO SSH-2.0-secret")) as server:
        words = look(server).last_error
    assert "did not answer like an IMAP server" in words and "secret" not in words
