"""Several connections at once that break, fall silent, or are left before the end; nobody is lost or sent twice."""

from types import SimpleNamespace

import pytest

from broadcasts.transports import Receipt
from broadcasts.transports.email import Email, connection, flights, pipeline
from tests.smtp import SmtpServer

from .conftest import LARGE, PATIENCE, WAYS, addresses, failure, flags, mail, mails, outcomes, receipts

BY_DATA = pytest.mark.parametrize("server", ["step by step", "pipelined"], indirect=True)  # one is in flight


@pytest.fixture(params=WAYS)
def server(request):
    with SmtpServer(**WAYS[request.param]) as server:
        yield server


# Connections that break


@BY_DATA
@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
def test_a_connection_lost_before_the_dot_loses_nobody(server, phase):
    with Email(server.settings) as email:
        email.deliver(mail("first@example.org"))
        server.drop(phase, times=1)
        told = outcomes(email, mails(5))
    assert receipts(told) == addresses(5)
    assert sorted(server.recipients[1:]) == addresses(5)
    assert server.connections == 2


@BY_DATA
def test_only_the_one_whose_answer_was_lost_is_unknown(server):
    server.drop("content", address="ana2@")
    with Email(server.settings) as email:
        told = outcomes(email, mails(4))
    assert flags(told.pop("ana2@example.org")) == {"handed_over"}
    assert len(receipts(told)) == 3
    assert sorted(server.recipients) == addresses(4)


@BY_DATA
def test_those_behind_a_lost_answer_are_not_to_blame(server):
    server.drop("content")
    with Email(server.settings) as email:
        told = outcomes(email, mails(6))
    assert [flags(outcome) for outcome in told.values()] == [{"handed_over"}] * 6
    assert sorted(server.recipients) == addresses(6)


@pytest.mark.parametrize("times", [1, None])
def test_a_connection_lost_amid_a_message_is_made_again_once(server, times):
    server.drop("body", times=times)
    with Email(server.settings) as email:
        told = outcomes(email, [mail(1, mime=LARGE)])
    assert server.connections == 2
    if times:
        assert receipts(told) == server.recipients == addresses(1)
    else:
        assert flags(told["ana1@example.org"]) == {"account"}


def test_a_refusal_amid_a_message_is_heard(server):
    server.refuse("body", "552 5.3.4 too large", times=1)
    with Email(server.settings) as email:
        told = outcomes(email, [mail(1, mime=LARGE), mail(2)])
    assert told["ana1@example.org"].code == "552 5.3.4"
    assert server.recipients == ["ana2@example.org"]


@BY_DATA
def test_a_server_that_takes_half_a_message_is_not_believed(server):
    server.refuse("body", "250 2.0.0 how kind", times=1)
    with Email(server.settings) as email:
        told = outcomes(email, [mail(1, mime=LARGE), mail(2)])
    assert flags(told["ana1@example.org"]) == {"handed_over"}
    assert server.recipients == ["ana2@example.org"]


def test_a_message_that_the_server_stops_reading_never_left(server):
    server.hang("body")
    with Email({**server.settings, "timeout": PATIENCE}) as email:
        assert flags(failure(email, mail(1, mime=LARGE))) == {"account"}


@pytest.mark.parametrize("wide", ["pipelined"], indirect=True)
def test_silence_after_a_dot_holds_up_only_its_own_message(wide):
    wide.hang("content", address="ana3@")
    with Email({**wide.settings, "timeout": PATIENCE}) as email:
        told = outcomes(email, mails(40))
    assert flags(told.pop("ana3@example.org")) == {"handed_over"}
    assert len(receipts(told)) == 39
    assert sorted(wide.recipients) == sorted(addresses(40))


def test_silence_before_a_dot_is_an_error_of_the_account(server):
    server.hang("rcpt")
    with Email({**server.settings, "timeout": PATIENCE}) as email:
        [(_, error)] = email.send(mails(3))
    assert flags(error) == {"account"}
    assert server.connections == 1


@pytest.mark.parametrize("words", [b"", b"421 4.4.2 idle for too long\r\n", b"421 4.4"])
def test_a_connection_that_closed_while_idle_is_not_spoken_to(server, words):
    with Email(server.settings) as email:
        email.deliver(mail(1))
        server.hang_up(words)
        email.deliver(mail(2))
    assert server.recipients == addresses(2)
    assert sum(command.startswith("MAIL") for command in server.commands) == 2
    assert server.connections == 2


@pytest.mark.parametrize("words", [b"250 2.0.0 OK\r\n", b"250-", b"25"])
def test_a_reply_to_nothing_is_not_taken_for_the_next_one_s(server, words):
    with Email(server.settings) as email:
        email.deliver(mail(1))
        server.say(words)
        email.deliver(mail(2))
    assert server.recipients == addresses(2)
    assert server.connections == 2


def test_connections_that_break_at_once_lose_nobody(wide):
    with Email(wide.settings) as email:
        outcomes(email, mails(40))
        wide.received.clear()
        wide.drop("data", times=4)
        assert len(receipts(outcomes(email, mails(40)))) == 40
    assert sorted(wide.recipients) == sorted(addresses(40))


@pytest.mark.parametrize("farewell", ["", "421 4.7.0 enough for one connection"])
@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_closes_after_each_message_is_no_error(pipelining, farewell):
    closing = SmtpServer(pipelining=pipelining, connections=4, farewell=farewell)
    with closing as server, Email(server.settings) as email:
        assert len(receipts(outcomes(email, mails(40)))) == 40
    assert sorted(server.recipients) == sorted(addresses(40))


@pytest.mark.parametrize("wide", ["pipelined"], indirect=True)
def test_answers_lost_at_once_are_unknown_each(wide):
    with Email(wide.settings) as email:
        wide.drop("content", times=3)
        told = outcomes(email, mails(40))
    assert sum(flags(error) == {"handed_over"} for error in told.values() if not isinstance(error, Receipt)) == 3
    assert len(receipts(told)) == 37
    assert sorted(wide.recipients) == sorted(addresses(40))


# When it ends early


def test_after_its_time_none_begins(wide):
    with Email(wide.settings) as email:
        assert list(email.send(mails(3), until=0)) == []
    assert wide.commands == []


def test_who_was_frozen_beyond_the_end_writes_nothing_more(server, monkeypatch):
    moments = [0.0]
    for module in (connection, flights, pipeline):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: moments[-1]))
    with Email({**server.settings, "timeout": PATIENCE}) as email:
        [(_, error)] = email.send(mails(3), until=1, begin=lambda envelope: moments.append(1000.0))
    assert flags(error) == {"account"}
    assert server.received == []


def test_when_time_is_up_those_begun_are_ended_and_no_other_begins(wide, monkeypatch):
    clock = SimpleNamespace(monotonic=lambda: len(wide.received))
    for module in (connection, flights, pipeline):
        monkeypatch.setattr(module, "time", clock)
    with Email(wide.settings) as email:
        told = [envelope.address for envelope, _ in email.send(mails(100), until=10)]
        assert 10 <= len(told) < 100
    assert sorted(told) == sorted(wide.recipients)


def test_who_stops_listening_leaves_a_transport_that_sends_nothing_twice(wide):
    with Email(wide.settings) as email:
        for _ in email.send(mails(40)):
            break
        assert len(receipts(outcomes(email, mails(60)[40:]))) == 20
    assert len(wide.recipients) == len(set(wide.recipients))


def test_a_transport_can_be_closed_amid_sending(wide):
    with Email(wide.settings) as email:
        sending = email.send(mails(40))
        next(sending)
        email.close()
        sending.close()
        assert len(wide.recipients) == len(set(wide.recipients))
        assert isinstance(email.deliver(mail("last@example.org")), Receipt)
