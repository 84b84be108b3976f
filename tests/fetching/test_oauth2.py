"""Signing in by OAuth 2: a refresh token becomes an access token, which the mail server is shown."""

from urllib.parse import parse_qs

import pytest

from broadcasts import fetching
from broadcasts.models import Mailbox
from broadcasts.transports import TransportError
from tests.http_server import HttpServer, answer, hang
from tests.imap_server import ImapServer

pytestmark = pytest.mark.django_db(transaction=True)

SECRETS = {"refresh_token": "refresh-1", "client_secret": "client-secret"}


@pytest.fixture
def tokens():
    with HttpServer() as server:
        server.does(answer(200, {"access_token": "access-1", "expires_in": 3600}))
        yield server


@pytest.fixture
def shown():
    """What the mail server was shown, and whether it takes it."""
    return []


@pytest.fixture
def mailbox(make_mailbox, tokens, shown):
    def read(conversation, tag, arguments):
        shown.append((arguments, conversation.read_base64()))
        if "access-1" in shown[-1][1]:
            conversation.say(f"{tag} OK done")
            return
        conversation.say("+ eyJzdGF0dXMiOiI0MDAifQ==")
        shown.append(conversation.file.readline())
        conversation.say(f"{tag} NO wrong token access-2")

    with ImapServer({"AUTHENTICATE": read}, mails=4, capability="AUTH=XOAUTH2") as server:
        settings = {"token_url": f"{tokens.base}/token", "client_id": "our-id", "scope": "https://mail.google.com/"}
        yield make_mailbox(**{**server.columns, "sign_in": "oauth2", "settings": settings, "secrets": SECRETS})


def asked(tokens) -> dict[str, list[str]]:
    return parse_qs(tokens.calls[-1][1].decode())


def test_the_mail_server_is_shown_an_access_token(mailbox, tokens, shown):
    assert fetching.check(mailbox) == 4
    assert asked(tokens) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh-1"],
        "client_id": ["our-id"],
        "client_secret": ["client-secret"],
        "scope": ["https://mail.google.com/"],
    }
    assert shown == [("XOAUTH2", "user=bounces@club.example\1auth=Bearer access-1\1\1")]


def test_without_a_refresh_token_the_application_signs_in_itself(mailbox, tokens):
    mailbox.secrets = {"client_secret": "client-secret"}
    assert fetching.check(mailbox) == 4
    assert asked(tokens)["grant_type"] == ["client_credentials"]


def test_a_new_refresh_token_replaces_the_one_before(mailbox, tokens):
    tokens.does(answer(200, {"access_token": "access-1", "refresh_token": "refresh-2"}))
    fetching.read_mailbox(mailbox.pk)
    assert Mailbox.objects.get().secrets == {**SECRETS, "refresh_token": "refresh-2"}


def test_a_new_refresh_token_does_not_replace_what_staff_entered_meanwhile(mailbox, tokens):
    def act(handler):
        Mailbox.objects.update(secrets={**SECRETS, "refresh_token": "of-staff"})
        handler.answer(200, {"access_token": "access-1", "refresh_token": "refresh-2"})

    tokens.does(act)
    fetching.read_mailbox(mailbox.pk)
    assert Mailbox.objects.get().secrets["refresh_token"] == "of-staff"


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (answer(400, {"error": "invalid_grant"}), "“invalid_grant”. The refresh token is not valid any more"),
        (answer(401, {"error": "invalid_client"}), "the client secret is wrong or has expired"),
        (answer(400, {"error": ["odd", "client-secret"]}), "400 Bad Request. Check the token URL."),
        (answer(302, b"", Location="http://127.0.0.1/"), "302 Found. Check the token URL."),
        (answer(200, b"<html>"), "answered without an access token"),
        (answer(200, {"access_token": "a\r\nb"}), "answered without an access token"),
        (answer(200, {"access_token": {"a": 1}}), "answered without an access token"),
    ],
)
def test_a_token_that_is_refused_says_what_to_do(mailbox, tokens, shown, act, words):
    tokens.does(act)
    fetching.read_mailbox(mailbox.pk)
    error = Mailbox.objects.get().last_error
    assert words in error
    assert "client-secret" not in error
    assert shown == []


def test_a_token_server_that_hangs_is_given_up(mailbox, tokens, monkeypatch):
    monkeypatch.setattr("broadcasts.transports.imap.tokens.TokenServer.timeout", 0.3)
    tokens.does(hang)
    with pytest.raises(TransportError, match="No access token"):
        fetching.check(mailbox)


def test_a_token_that_the_mail_server_refuses_is_not_shown(mailbox, tokens, shown):
    tokens.does(answer(200, {"access_token": "access-2"}))
    fetching.read_mailbox(mailbox.pk)
    error = Mailbox.objects.get().last_error
    assert "refused the sign-in" in error and "Check the username and the scope" in error
    assert "access-2" not in error
    assert shown[-1] == b"\r\n"  # the answer to the challenge that explains the refusal
