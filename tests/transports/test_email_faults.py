"""What an e-mail transport makes of servers that refuse, break off and say nothing."""

import socket

import pytest

from broadcasts.formats import duration
from broadcasts.transports import Receipt
from broadcasts.transports.email import Email
from broadcasts.transports.email.account import Account, Phase, Reply, meaning
from tests.smtp import SmtpServer

from .conftest import PATIENCE, failure, flags, mail

# The outcome table


@pytest.mark.parametrize(
    ("phase", "reply", "expected"),
    [
        ("connect", "554 5.7.1 your address is listed", {"permanent", "account"}),
        ("connect", "421 4.3.2 too busy", {"account"}),
        ("connect", "450 later", {"account"}),
        ("mail", "550 5.7.1 sender not allowed", {"permanent", "account"}),
        ("mail", "451 4.3.0 queue full", {"account"}),
        ("mail", "530 5.7.0 authentication required", {"permanent", "account"}),
        ("mail", "421 4.7.0 too much from you", {"account"}),
        ("rcpt", "550 5.1.1 no such user", {"permanent", "bounced"}),
        ("rcpt", "550 5.1.2 no such domain", {"permanent", "bounced"}),
        ("rcpt", "553 5.1.3 bad address", {"permanent", "bounced"}),
        ("rcpt", "550 5.1.6 moved", {"permanent", "bounced"}),
        ("rcpt", "556 5.1.10 null MX", {"permanent", "bounced"}),
        ("rcpt", "550 5.1.7 bad sender", {"permanent"}),
        ("rcpt", "550 5.7.1 blocked", {"permanent"}),
        ("rcpt", "552 5.2.2 mailbox full", {"permanent"}),
        ("rcpt", "550 no such user", {"permanent"}),
        ("rcpt", "551 not local", {"permanent"}),
        ("rcpt", "553 not allowed", {"permanent"}),
        ("rcpt", "530 5.7.0 authentication required", {"permanent", "account"}),
        ("rcpt", "450 5.1.1 not today", set()),
        ("rcpt", "452 4.2.2 mailbox full", set()),
        ("rcpt", "421 4.7.0 too many connections", {"account"}),
        ("data", "451 4.3.0 no", set()),
        ("data", "554 5.5.1 no valid recipients", {"permanent"}),
        ("content", "451 4.7.1 greylisted", set()),
        ("content", "554 5.7.1 looks like spam", {"permanent"}),
        ("content", "550 5.1.1 no such user", {"permanent", "bounced"}),
        ("content", "421 4.3.0 shutting down", {"account"}),
        ("rcpt", "hello there", {"account"}),
        ("content", "hello there", {"handed_over"}),
    ],
)
def test_a_refusal_means(email, server, phase, reply, expected):
    server.refuse(phase, reply)
    error = failure(email)
    assert flags(error) == expected
    told = reply[:3] if phase == "connect" else reply.partition(" ")[2]  # before EHLO it could be anybody's words
    assert told in str(error) or "SMTP" in str(error)


def test_the_code_of_an_error_is_both_codes(email, server):
    server.refuse("rcpt", "550 5.1.1 no such user")
    assert failure(email).code == "550 5.1.1"


def test_a_refusal_leaves_the_connection_to_the_next(email, server):
    server.refuse("content", "554 5.7.1 looks like spam", address="ana1@")
    (_, first), (_, second) = email.send([mail(1), mail(2)])
    assert flags(first) == {"permanent"}
    assert isinstance(second, Receipt)
    assert server.connections == 1


def test_a_refused_data_command_leaves_the_connection_to_the_next(email, server):
    server.refuse("data", "451 4.3.0 not now", times=1)
    (_, first), (_, second) = email.send([mail(1), mail(2)])
    assert flags(first) == set()
    assert isinstance(second, Receipt)
    assert server.recipients == ["ana2@example.org"]


@pytest.mark.parametrize("phase", list(Phase))
def test_the_table_contradicts_itself_for_no_reply(phase):
    for code in range(-1, 700):
        answer = meaning(code, "5.1.1", phase)
        assert answer.get("permanent") or not answer.get("bounced")
        assert not (answer.get("permanent") and answer.get("handed_over"))
        assert not (answer.get("bounced") and answer.get("account"))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"5.1.1 No such user\n5.1.1 Try another", "550 5.1.1 No such user Try another"),
        (b"plain words", "550 plain words"),
        (b"", "550"),
        (b"5.1.1", "550 5.1.1"),
        (b"a\x00b\x1b[31m \xff", "550 ab[31m \ufffd"),
        (b"5.1.10000 odd", "550 5.1.10000 odd"),
    ],
)
def test_a_reply_is_one_printable_line(raw, words):
    assert str(Reply.read(550, raw)) == words


# Connections that are refused, break or stay silent


def test_a_refused_connection_is_an_error_of_the_account(closed_port):
    error = failure(Email({"host": "127.0.0.1", "port": closed_port, "security": "none"}))
    assert flags(error) == {"account"}
    assert f"127.0.0.1:{closed_port}" in str(error)


def test_a_name_that_is_not_found_is_an_error_of_the_account(monkeypatch):
    def not_found(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", not_found)
    error = failure(Email({"host": "nowhere.example"}))
    assert flags(error) == {"account"}
    assert "nowhere.example" in str(error)


def test_a_channel_without_host_is_an_error_of_the_account():
    assert flags(failure(Email({}))) == {"permanent", "account"}


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
def test_a_connection_lost_before_the_final_dot_is_made_again(email, server, phase):
    server.drop(phase, times=1)
    assert isinstance(email.deliver(mail()), Receipt)
    assert server.recipients == ["ana1@example.org"]
    assert server.connections == 2


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
def test_a_connection_lost_twice_before_the_final_dot_is_an_error_of_the_account(email, server, phase):
    server.drop(phase)
    error = failure(email)
    assert flags(error) == {"account"}
    assert server.connections == 2
    assert server.received == []


def test_a_connection_that_drops_while_it_is_made_is_an_error_of_the_account(email, server):
    server.drop("connect")
    assert flags(failure(email)) == {"account"}


def test_a_421_on_a_kept_connection_only_costs_the_connection(email, server):
    email.deliver(mail(1))
    server.refuse("mail", "421 4.4.2 idle for too long", times=1)
    assert isinstance(email.deliver(mail(2)), Receipt)
    assert server.connections == 2


def test_a_421_on_a_new_connection_too_is_an_error_of_the_account(email, server):
    email.deliver(mail(1))
    server.refuse("mail", "421 4.7.0 too much from you")
    error = failure(email, mail(2))
    assert flags(error) == {"account"}
    assert error.code == "421 4.7.0"


def test_a_connection_lost_after_the_final_dot_may_have_been_a_success(email, server):
    server.drop("content", times=1)
    error = failure(email)
    assert flags(error) == {"handed_over"}
    assert server.recipients == ["ana1@example.org"]


def test_the_next_envelope_reconnects_after_a_lost_answer(email, server):
    server.drop("content", times=1)
    (_, first), (_, second) = email.send([mail(1), mail(2)])
    assert flags(first) == {"handed_over"}
    assert isinstance(second, Receipt)
    assert server.recipients == ["ana1@example.org", "ana2@example.org"]


def test_silence_before_the_final_dot_is_an_error_of_the_account(server):
    server.hang("mail")
    with Email({**server.settings, "timeout": PATIENCE}) as email:
        error = failure(email)
    assert flags(error) == {"account"}
    assert f"within {duration(PATIENCE)}" in str(error)
    assert server.connections == 1


def test_silence_instead_of_a_greeting_is_an_error_of_the_account(server):
    server.hang("connect")
    assert flags(failure(Email({**server.settings, "timeout": PATIENCE}))) == {"account"}


def test_silence_after_the_final_dot_may_be_a_success(server):
    server.hang("content")
    with Email({**server.settings, "timeout": PATIENCE}) as email:
        assert flags(failure(email)) == {"handed_over"}
    assert server.recipients == ["ana1@example.org"]


# Login and STARTTLS refused


def test_a_refused_login_is_a_permanent_error_of_the_account():
    with SmtpServer(login=("club", "swordfish")) as server:
        error = failure(Email({**server.settings, "password": "marlin"}))
    assert flags(error) == {"permanent", "account"}
    assert str(error) == (
        f"The server 127.0.0.1:{server.port} refused the login: 535 5.7.8 Authentication credentials invalid"
    )


def test_a_login_that_cannot_be_checked_now_is_tried_again():
    with SmtpServer(login=("club", "swordfish")) as server:
        server.refuse("auth", "454 4.7.0 directory not reachable")
        error = failure(Email(server.settings))
    assert flags(error) == {"account"}
    assert error.code == "454 4.7.0"


def test_a_login_the_server_does_not_offer_is_a_permanent_error_of_the_account(server):
    error = failure(Email({**server.settings, "username": "club", "password": "swordfish"}))
    assert flags(error) == {"permanent", "account"}
    assert "AUTH" in str(error)


def test_a_missing_login_is_a_permanent_error_of_the_account():
    with SmtpServer(login=("club", "swordfish")) as server:
        error = failure(Email({**server.settings, "username": "", "password": ""}))
    assert flags(error) == {"permanent", "account"}
    assert error.code == "530 5.7.0"


def test_a_password_that_smtp_cannot_carry_is_a_permanent_error_of_the_account():
    with SmtpServer(login=("club", "swordfish")) as server:
        error = failure(Email({**server.settings, "password": "pez espáda"}))
    assert flags(error) == {"permanent", "account"}
    assert "espáda" not in str(error)


@pytest.mark.parametrize(
    ("reply", "expected"), [("454 4.7.0 not now", {"account"}), ("501 no", {"permanent", "account"})]
)
def test_starttls_refused(reply, expected):
    with SmtpServer(starttls=True) as server:
        server.refuse("starttls", reply)
        error = failure(Email(server.settings))
    assert flags(error) == expected
    assert f"refused STARTTLS{'' if 'permanent' in expected else ' for now'}: {reply}" in str(error)


# The password stays ours


@pytest.mark.parametrize("told", ["swordfish", "AGNsdWIAc3dvcmRmaXNo", "c3dvcmRmaXNo"])
def test_a_server_that_repeats_the_password_is_not_quoted(told):
    with SmtpServer(login=("club", "swordfish")) as server:
        server.refuse("auth", f"535 5.7.8 {told} is wrong")
        error = failure(Email(server.settings))
    assert told not in str(error)
    assert "***" in str(error)


def test_the_password_is_in_no_log_and_no_repr(caplog):
    caplog.set_level("DEBUG", logger="broadcasts")
    with SmtpServer(login=("club", "marlin")) as server:
        settings = {**server.settings, "password": "swordfish"}
        failure(Email(settings))
    assert "swordfish" not in caplog.text
    assert "swordfish" not in repr(Account.read(settings))
