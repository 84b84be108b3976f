"""Several connections at once, and commands that ride behind messages (RFC 2920)."""

import pytest

from broadcasts.transports import Receipt
from broadcasts.transports.email import Email
from broadcasts.transports.email.smtp import LONGEST_LINE, LONGEST_REPLY, Replies, xtext
from tests.smtp import SmtpServer

from .conftest import LARGE, MIME, PATIENCE, WAYS, addresses, failure, flags, mail, mails, outcomes, receipts
from .contract import SmtpContract


@pytest.fixture(params=WAYS)
def server(request):
    with SmtpServer(**WAYS[request.param]) as server:
        yield server


class TestPipeline(SmtpContract):
    @pytest.fixture(autouse=True)
    def _server(self, wide, closed_port):
        self.server, self.closed_port = wide, closed_port


# Replies


SPOKEN = b"250-one\r\n250-\r\n250 2.0.0 two\r\n354\r\n550-5.1.1 no\n550 5.1.1 never\n"
REPLIES = [(250, b"one\n\n2.0.0 two"), (354, b""), (550, b"5.1.1 no\n5.1.1 never")]


@pytest.mark.parametrize("size", range(1, len(SPOKEN) + 1))
def test_replies_are_the_same_however_they_are_cut(size):
    replies = Replies()
    cut = [SPOKEN[start : start + size] for start in range(0, len(SPOKEN), size)]
    assert [reply for piece in cut for reply in replies.feed(piece)] == REPLIES
    assert not replies.is_amid


@pytest.mark.parametrize("line", [b"hello there", b"25", b"2x0 ok", b"2500 ok", b"", b"HTTP/1.1 400 Bad Request"])
def test_what_is_not_smtp_has_no_code(line):
    assert Replies().feed(line + b"\r\n") == [(-1, line)]


@pytest.mark.parametrize("endless", [b"2" * (LONGEST_LINE + 1), b"250-" + b"-\r\n250-" * LONGEST_REPLY])
def test_a_reply_without_end_is_not_smtp(endless):
    assert Replies().feed(endless)[-1][0] == -1


def test_replies_that_come_byte_by_byte_are_understood():
    with SmtpServer(pipelining=True, trickles=True) as server, Email(server.settings) as email:
        server.refuse("rcpt", "550-5.1.1 no\r\n550 5.1.1 never", address="ana2@")
        told = outcomes(email, mails(3))
    assert receipts(told) == ["ana1@example.org", "ana3@example.org"]
    assert str(told["ana2@example.org"]).endswith("550 5.1.1 no never")


# What rides behind a message


def test_the_next_commands_ride_behind_a_message(pipelining):
    pipelining.await_more("content", address="ana1@")
    with Email({**pipelining.settings, "timeout": 5}) as email:
        assert receipts(outcomes(email, mails(2))) == addresses(2)


def test_nothing_rides_behind_the_last_message_of_a_connection(pipelining):
    with Email({**pipelining.settings, "messages_per_connection": 2}) as email:
        assert receipts(outcomes(email, mails(5))) == addresses(5)
    assert pipelining.connections == 3
    assert pipelining.commands.count("QUIT") == 3


def test_a_refused_recipient_costs_neither_the_connection_nor_the_next(server):
    server.refuse("rcpt", "550 5.1.1 no such user", address="ana2@")
    with Email(server.settings) as email:
        told = outcomes(email, mails(4))
    assert flags(told.pop("ana2@example.org")) == {"permanent", "bounced"}
    assert receipts(told) == sorted(server.recipients) == ["ana1@example.org", "ana3@example.org", "ana4@example.org"]
    assert server.connections == 1
    assert "RSET" in server.commands


def test_a_server_that_takes_data_for_nobody_gets_a_lone_dot():
    with SmtpServer(pipelining=True, takes_data_for_nobody=True) as server, Email(server.settings) as email:
        server.refuse("rcpt", "550 5.1.1 no such user", address="ana1@")
        told = outcomes(email, mails(3))
    assert flags(told["ana1@example.org"]) == {"permanent", "bounced"}
    assert receipts(told) == server.recipients == ["ana2@example.org", "ana3@example.org"]
    assert "." in server.commands
    assert "RSET" not in server.commands
    assert server.connections == 1


def test_no_empty_message_goes_to_somebody():
    with SmtpServer(pipelining=True, takes_data_for_nobody=True) as server, Email(server.settings) as email:
        server.refuse("mail", "451 4.3.0 queue full")
        server.refuse("rcpt", "250 2.1.5 and yet it takes recipients")
        assert flags(failure(email)) == {"account"}
        assert server.commands[-1] == "DATA"


@pytest.mark.parametrize(
    ("phase", "reply", "expected"),
    [
        ("rcpt", "450 4.2.1 busy", set()),
        ("rcpt", "550 5.7.1 blocked", {"permanent"}),
        ("data", "451 4.3.0 no", set()),
        ("data", "554 5.5.1 no valid recipients", {"permanent"}),
        ("content", "451 4.7.1 greylisted", set()),
        ("content", "554 5.7.1 looks like spam", {"permanent"}),
        ("content", "550 5.1.1 no such user", {"permanent", "bounced"}),
        ("content", "hello there", {"handed_over"}),
    ],
)
def test_a_refusal_amid_others_means(pipelining, phase, reply, expected):
    pipelining.refuse(phase, reply, address="ana2@" if phase != "data" else "", times=1)
    with Email(pipelining.settings) as email:
        told = outcomes(email, mails(3))
    refused = [outcome for outcome in told.values() if not isinstance(outcome, Receipt)]
    assert [flags(error) for error in refused] == [expected]
    assert len(told) == 3


@pytest.mark.parametrize(
    ("phase", "reply", "expected"),
    [
        ("mail", "451 4.3.0 queue full", {"account"}),
        ("mail", "550 5.7.1 sender not allowed", {"permanent", "account"}),
        ("rcpt", "421 4.7.0 too much", {"account"}),
        ("rcpt", "530 5.7.0 authentication required", {"permanent", "account"}),
        ("data", "421 4.3.0 shutting down", {"account"}),
        ("content", "421 4.3.0 shutting down", {"account"}),
    ],
)
def test_an_error_of_the_account_ends_it_and_the_rest_never_left(pipelining, phase, reply, expected):
    with Email(pipelining.settings) as email:
        email.deliver(mail(1))
        pipelining.refuse(phase, reply)
        [(_, error)] = email.send(mails(9)[1:])
    assert flags(error) == expected
    assert pipelining.recipients == ["ana1@example.org"]


def test_addresses_that_cannot_be_said_are_left_out_of_the_row(pipelining):
    envelopes = [mail(1), mail("ana@example.org>\r\nRSET"), mail(3)]
    with Email(pipelining.settings) as email:
        told = outcomes(email, envelopes)
    assert pipelining.recipients == receipts(told) == ["ana1@example.org", "ana3@example.org"]
    assert flags(told[envelopes[1].address]) == {"permanent", "bounced"}


def test_what_the_server_cannot_take_is_left_out_of_the_row():
    with SmtpServer(pipelining=True, smtputf8=False) as server, Email(server.settings) as email:
        told = outcomes(email, [mail(1), mail("josé@example.org"), mail(3)])
    assert receipts(told) == server.recipients == ["ana1@example.org", "ana3@example.org"]


def test_the_envelope_s_key_is_its_id_where_bounces_can_name_it():
    with SmtpServer(dsn=True) as server, Email(server.settings) as email:
        email.deliver(mail(1, key="a+b=ñ"))
    assert "MAIL FROM:<news@club.example> RET=HDRS ENVID=a+2Bb+3D+C3+B1" in server.commands
    assert server.recipients == ["ana1@example.org"]
    assert xtext("Az09_-") == "Az09_-"


# How many connections


def test_many_envelopes_go_over_as_many_connections_as_are_set(wide):
    with Email(wide.settings) as email:
        assert len(receipts(outcomes(email, mails(40)))) == 40
    assert wide.connections == 4
    assert wide.commands.count("QUIT") == 4


def test_one_envelope_needs_one_connection(wide):
    with Email(wide.settings) as email:
        email.deliver(mail())
    assert wide.connections == 1


def test_connections_are_kept_from_one_window_to_the_next(wide):
    with Email(wide.settings) as email:
        for _ in range(3):
            outcomes(email, mails(40))
    assert wide.connections == 4


@pytest.mark.parametrize("room", [1, 2])
def test_a_server_with_room_for_fewer_is_served_over_those(room):
    with SmtpServer(pipelining=True, connections=8, room=room) as server, Email(server.settings) as email:
        assert len(receipts(outcomes(email, mails(40)))) == 40
        assert len(receipts(outcomes(email, mails(40)))) == 40
    assert server.turned_away == 1
    assert server.connections == room + 1


def test_a_server_without_room_is_an_error_of_the_account():
    with SmtpServer(connections=8, room=0) as server:
        assert flags(failure(Email(server.settings))) == {"account"}


@pytest.mark.parametrize("action", ["refuse", "drop", "hang"])
def test_a_further_connection_that_is_not_served_is_done_without(action):
    with SmtpServer(connections=2) as server:
        fault = ["421 4.3.2 too many connections"] if action == "refuse" else []
        getattr(server, action)("mail", *fault, address="second@", times=1)
        envelopes = [mail(1), mail(2, sender="second@club.example"), *mails(9)[2:]]
        with Email({**server.settings, "timeout": PATIENCE}) as email:
            assert receipts(outcomes(email, envelopes)) == addresses(9)
    assert server.connections == 2


def test_a_server_that_breaks_off_every_connection_ends_it(wide):
    wide.drop("mail")
    with Email(wide.settings) as email:
        errors = [error for _, error in email.send(mails(40))]
    assert errors
    assert all(flags(error) == {"account"} for error in errors)
    assert wide.received == []


# Encrypted


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_connections_carry_many_and_large_messages(security):
    large = mail("large@example.org", mime=LARGE[:3_000_000])
    server = SmtpServer(pipelining=True, connections=3, login=("club", "swordfish"), **{security: True})
    with server, Email(server.settings) as email:
        told = outcomes(email, [*mails(20), large, *mails(40)[20:]])
    assert len(receipts(told)) == 41
    assert sorted(server.recipients) == sorted([*addresses(40), large.address])
    [data] = [received.data for received in server.received if received.rcpt == large.address]
    assert data.startswith(large.mime)


# Many


def test_three_thousand_are_received_once_each():
    server = SmtpServer(pipelining=True, connections=8)
    with server, Email({**server.settings, "messages_per_connection": 300}) as email:
        told = outcomes(email, mails(3_000))
    assert len(receipts(told)) == 3_000
    assert sorted(server.recipients) == sorted(addresses(3_000))
    assert {received.data for received in server.received} == {MIME}


# The setting


@pytest.mark.parametrize(("connections", "valid"), [(0, False), (1, True), (32, True), (33, False), ("", True)])
def test_connections_have_bounds(connections, valid):
    form = Email.settings_form(
        data={"host": "a.example", "security": "tls", "timeout": 9, "messages_per_connection": 9}
        | {"connections": connections}
    )
    assert form.is_valid() is valid


def test_blank_connections_are_eight():
    assert Email({"host": "a.example", "connections": None}).carrier.account.connections == 8
