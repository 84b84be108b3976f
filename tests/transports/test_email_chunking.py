"""Messages in chunks (RFC 3030), with what comes before and behind them in one write."""

import pytest

from broadcasts.transports import Receipt
from broadcasts.transports.email import Email, smtp
from broadcasts.transports.email.smtp import complete_lines
from tests.smtp import SmtpServer

from .conftest import LARGE, MIME, PATIENCE, addresses, failure, flags, mail, mails, outcomes, receipts
from .contract import SmtpContract

BROAD = 20  # envelopes


class TestChunking(SmtpContract):
    @pytest.fixture(autouse=True)
    def _server(self, chunking, closed_port):
        self.server, self.closed_port = chunking, closed_port


@pytest.fixture(params=[2, 4])
def server(request):
    """A server that takes chunks, to which so many messages are in flight on a connection."""
    with SmtpServer(chunking=True, in_flight=request.param) as server:
        yield server


@pytest.fixture
def email(server):
    """An e-mail transport whose connection has taken a chunk."""
    with Email({**server.settings, "timeout": PATIENCE}) as email:
        email.deliver(mail("first@example.org"))
        server.received.clear()
        server.commands.clear()
        yield email


# What the server gets


@pytest.mark.parametrize(
    "mime", [MIME, b".\r\n..\r\n.a\r\n", b"one line\r\n", b"\r\n", "Subject: x\r\n\r\nñ\r\n".encode()]
)
@pytest.mark.parametrize("is_first", [True, False])
def test_it_gets_the_very_bytes(server, email, mime, is_first):
    if is_first:
        email.close()
    assert receipts(outcomes(email, [mail(1, mime=mime), mail(2, mime=mime)])) == addresses(2)
    assert [received.data for received in server.received] == [mime, mime]
    assert not any(command.startswith("DATA") for command in server.commands)


@pytest.mark.parametrize(("mime", "sent"), [(b"a\n.\nb\r.\rc", b"a\r\n.\r\nb\r\n.\r\nc\r\n"), (b"", b"\r\n")])
def test_line_ends_are_made_whole(server, email, mime, sent):
    assert complete_lines(mime) == sent
    email.deliver(mail(mime=mime))
    assert server.received[0].data == sent


def test_8_bit_content_is_announced(server, email):
    email.deliver(mail(mime="Subject: x\r\n\r\nñ\r\n".encode()))
    assert "MAIL FROM:<news@club.example> BODY=8BITMIME" in server.commands


def test_a_first_message_shows_one_line_until_a_chunk_was_taken(server):
    with Email(server.settings) as email:
        outcomes(email, mails(2))
    chunks = [command for command in server.commands if command.startswith("BDAT")]
    line = MIME.index(b"\n") + 1
    assert chunks == [f"BDAT {line}", f"BDAT {len(MIME) - line} LAST", f"BDAT {len(MIME)} LAST"]


def test_unless_a_channel_allows_more_in_flight_messages_go_by_data(chunking):
    with Email({**chunking.settings, "in_flight": None}) as email:
        assert receipts(outcomes(email, mails(2))) == addresses(2)
    assert not any(command.startswith("BDAT") for command in chunking.commands)


@pytest.mark.parametrize(("in_flight", "valid"), [(0, False), (1, True), (8, True), (9, False), ("", True)])
def test_messages_in_flight_have_bounds(in_flight, valid):
    data = {"host": "a.example", "security": "tls", "timeout": 9, "messages_per_connection": 9, "in_flight": in_flight}
    assert Email.settings_form(data=data).is_valid() is valid


def test_without_pipelining_messages_go_by_data():
    with SmtpServer(chunking=True, in_flight=2) as server:
        server.pipelining = False
        with Email(server.settings) as email:
            assert receipts(outcomes(email, mails(2))) == addresses(2)
    assert not any(command.startswith("BDAT") for command in server.commands)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_connections_carry_many_and_large_messages(security):
    large = mail("large@example.org", mime=LARGE[:3_000_000])
    server = SmtpServer(chunking=True, in_flight=2, connections=3, login=("club", "swordfish"), **{security: True})
    with server, Email(server.settings) as email:
        told = outcomes(email, [*mails(BROAD), large, *mails(2 * BROAD)[BROAD:]])
    assert len(receipts(told)) == 2 * BROAD + 1
    assert sorted(server.recipients) == sorted([*addresses(2 * BROAD), large.address])
    [data] = [received.data for received in server.received if received.rcpt == large.address]
    assert data == complete_lines(large.mime)


def test_replies_that_come_byte_by_byte_are_understood(server):
    server.trickles = True
    server.refuse("rcpt", "550-5.1.1 no\r\n550 5.1.1 never", address="ana2@")
    with Email(server.settings) as email:
        told = outcomes(email, mails(4))
    assert receipts(told) == server.recipients == ["ana1@example.org", "ana3@example.org", "ana4@example.org"]


# How many are in flight


@pytest.fixture
def unanswered(server, email):
    """Those whose content was begun while the first was not answered."""
    server.hang("content")
    begun = []
    list(email.send(mails(BROAD), begin=lambda envelopes: begun.extend(one.address for one in envelopes)))
    return begun


@pytest.mark.parametrize(("server", "count"), [(2, 2), (4, 4)], indirect=["server"])
def test_so_many_more_are_in_flight(unanswered, count):
    assert unanswered[:count] == addresses(count)
    assert len(unanswered) == BROAD  # the others over connections that were made since, each as many


@pytest.mark.parametrize(("server", "count"), [(2, 2), (4, 4)], indirect=["server"])
def test_of_a_lost_connection_as_many_are_unknown_as_were_in_flight(server, email, count):
    server.drop("content", times=1)
    told = outcomes(email, mails(BROAD))
    unknown = [address for address, outcome in told.items() if not isinstance(outcome, Receipt)]
    assert unknown == addresses(count)
    assert {*server.recipients} == {*addresses(BROAD)} - {*unknown[1:]}


def test_the_next_rides_behind_a_message_without_an_answer(server, email):
    server.await_more("content", address="ana1@")
    assert receipts(outcomes(email, mails(2))) == addresses(2)


def test_nothing_is_written_behind_a_large_message(server, email):
    server.drop("content", times=1)
    told = outcomes(email, [mail(1, mime=LARGE), mail(2)])
    assert flags(told["ana1@example.org"]) == {"handed_over"}
    assert isinstance(told["ana2@example.org"], Receipt)


def test_nothing_is_written_before_it_is_announced(server, email):
    """Of whoever refuses to begin, no byte is written."""

    class Sealed(Exception):
        pass

    def refuse(envelopes):
        raise Sealed

    with pytest.raises(Sealed):
        list(email.send(mails(3), begin=refuse))
    email.close()
    assert server.received == []
    assert server.commands == []


def test_no_more_go_over_a_connection_than_are_set(server):
    with Email({**server.settings, "messages_per_connection": 2}) as email:
        assert receipts(outcomes(email, mails(5))) == addresses(5)
    assert server.connections == 3
    assert server.commands.count("QUIT") == 3


# Refused


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("takes_data_for_nobody", [True, False])
def test_a_refused_recipient_costs_neither_the_connection_nor_the_next(server, email, is_first, takes_data_for_nobody):
    if is_first:
        email.close()
    connections, server.takes_data_for_nobody = server.connections, takes_data_for_nobody
    server.refuse("rcpt", "550 5.1.1 no such user", address="ana2@" if not is_first else "ana1@")
    told = outcomes(email, mails(4))
    refused = told.pop("ana1@example.org" if is_first else "ana2@example.org")
    assert flags(refused) == {"permanent", "bounced"}
    assert refused.code == "550 5.1.1"
    assert receipts(told) == sorted(server.recipients) == sorted(told)
    assert server.connections == connections + is_first


def test_many_refused_recipients_are_refused_each(server, email):
    server.refuse("rcpt", "550 5.1.1 no such user")
    told = outcomes(email, mails(BROAD))
    assert [flags(error) for error in told.values()] == [{"permanent", "bounced"}] * BROAD
    assert server.received == []


@pytest.mark.parametrize(
    ("phase", "reply", "expected"),
    [
        ("rcpt", "450 4.2.1 busy", set()),
        ("rcpt", "550 5.7.1 blocked", {"permanent"}),
        ("chunk", "451 4.3.0 no", set()),
        ("chunk", "552 5.3.4 too large", {"permanent"}),
        ("content", "451 4.7.1 greylisted", set()),
        ("content", "554 5.7.1 looks like spam", {"permanent"}),
        ("content", "550 5.1.1 no such user", {"permanent", "bounced"}),
        ("content", "hello there", {"handed_over"}),
        ("rcpt", "hello there", {"handed_over"}),  # its content had left
    ],
)
def test_a_refusal_amid_others_means(server, email, phase, reply, expected):
    server.refuse(phase, reply, address="ana2@", times=1)
    told = outcomes(email, mails(3))
    assert flags(told["ana2@example.org"]) == expected
    assert isinstance(told["ana1@example.org"], Receipt)
    if "hello" not in reply:
        assert isinstance(told["ana3@example.org"], Receipt)
        assert server.recipients == ["ana1@example.org", "ana3@example.org"]


@pytest.mark.parametrize(
    ("phase", "reply", "expected"),
    [
        ("mail", "451 4.3.0 queue full", {"account"}),
        ("mail", "550 5.7.1 sender not allowed", {"permanent", "account"}),
        ("rcpt", "421 4.7.0 too much", {"account"}),
        ("rcpt", "530 5.7.0 authentication required", {"permanent", "account"}),
        ("chunk", "421 4.3.0 shutting down", {"account"}),
        ("content", "421 4.3.0 shutting down", {"account"}),
    ],
)
def test_an_error_of_the_account_ends_it_and_the_rest_never_left(server, email, phase, reply, expected):
    server.refuse(phase, reply)
    told = list(email.send(mails(BROAD)))
    assert 1 <= len(told) <= email.concurrency
    assert [flags(error) for _, error in told] == [expected] * len(told)
    assert server.received == []


def test_who_refuses_the_sender_and_takes_the_message_has_it(server, email):
    server.refuse("rcpt", "250 2.1.5 and yet it takes recipients", times=1)
    server.refuse("mail", "451 4.3.0 queue full", times=1)
    server.takes_data_for_nobody = True
    assert isinstance(email.deliver(mail()), Receipt)


def test_a_421_tells_that_nothing_behind_it_was_taken(server, email):
    connections = server.connections
    server.refuse("mail", "421 4.7.0 enough for one connection", times=1)
    assert receipts(outcomes(email, mails(4))) == sorted(server.recipients) == addresses(4)
    assert server.connections == connections + 1


def test_a_farewell_behind_a_message_tells_that_the_next_was_not_taken(server, email):
    server.farewell = "421 4.7.0 enough for one connection"
    assert receipts(outcomes(email, mails(4))) == sorted(server.recipients) == addresses(4)


def test_a_421_instead_of_the_answer_to_rset_tells_it_too(server, email):
    server.refuse("rset", "421 4.7.0 enough for one connection", times=1)
    assert receipts(outcomes(email, mails(4))) == sorted(server.recipients) == addresses(4)


# Who announces chunks and does not know them


@pytest.mark.parametrize("phase", ["bdat", "chunk"])
@pytest.mark.parametrize("reply", ["500 5.5.1 what?", "502 5.5.1 not here", "503 5.5.1 not now"])
@pytest.mark.parametrize("connections", [1, 4])
def test_who_does_not_take_chunks_gets_messages_by_data(phase, reply, connections):
    """Whether it knows them and reads the chunk, or takes it for a command."""
    with SmtpServer(chunking=True, in_flight=2, connections=connections) as server, Email(server.settings) as email:
        server.refuse(phase, reply)
        assert receipts(outcomes(email, mails(BROAD))) == sorted(server.recipients) == sorted(addresses(BROAD))
        server.commands.clear()
        email.deliver(mail("last@example.org"))
    assert {received.data for received in server.received} == {MIME}
    assert server.connections <= 2 * connections
    assert not any(command.startswith("BDAT") for command in server.commands)


def test_who_does_not_know_chunks_is_told_no_line_of_the_content(chunking):
    chunking.refuse("bdat", "500 5.5.1 what?")
    with Email(chunking.settings) as email:
        email.deliver(mail(mime=b"Subject: x\r\n\r\nRSET\r\nMAIL FROM:<evil@example.org>\r\n"))
    assert [command for command in chunking.commands if "evil" in command] == []
    assert chunking.recipients == addresses(1)


def test_other_transports_of_the_process_know_it_and_ask_again_after_a_while(chunking, monkeypatch):
    chunking.refuse("bdat", "502 5.5.1 not here")
    for seconds, asks in ((0, True), (0, False), (smtp.PLAIN_SECONDS, True)):
        now = smtp.time.monotonic() + seconds
        monkeypatch.setattr(smtp, "_plain_until", {k: v for k, v in smtp._plain_until.items() if v > now})
        chunking.commands.clear()
        with Email(chunking.settings) as email:
            assert isinstance(email.deliver(mail()), Receipt)
        assert any(command.startswith("BDAT") for command in chunking.commands) is asks
    assert chunking.recipients == addresses(1) * 3


@pytest.mark.parametrize("reply", ["500 5.5.1 what?", "503 5.5.1 not now"])
def test_who_takes_chunks_no_more_gets_the_rest_by_data(server, email, reply):
    server.refuse("chunk", reply, address="ana2@")
    assert receipts(outcomes(email, mails(5))) == sorted(server.recipients) == addresses(5)


# Connections that break


@pytest.mark.parametrize("phase", ["mail", "rcpt", "bdat", "chunk", "content"])
def test_a_connection_lost_over_a_first_message_hands_it_over_only_with_the_last_chunk(chunking, phase):
    chunking.drop(phase, times=1)
    with Email(chunking.settings) as email:
        told = outcomes(email, mails(3))
    unknown = addresses(2 if phase == "content" else 0)
    assert [flags(told.pop(address)) for address in unknown] == [{"handed_over"}] * len(unknown)
    assert receipts(told) == sorted(told)
    assert {*chunking.recipients} == {*addresses(3)} - {*unknown[1:]}
    assert chunking.connections == 2


@pytest.mark.parametrize("phase", ["mail", "rcpt", "bdat", "chunk"])
def test_a_connection_lost_twice_over_a_first_message_is_an_error_of_the_account(chunking, phase):
    chunking.drop(phase)
    with Email(chunking.settings) as email:
        assert flags(failure(email)) == {"account"}
    assert chunking.connections == 2
    assert chunking.received == []


@pytest.mark.parametrize("phase", ["mail", "rcpt", "bdat", "body", "chunk", "content"])
def test_what_had_left_whole_when_a_connection_broke_is_unknown_and_nobody_gets_two(server, email, phase):
    server.drop(phase, times=1)
    told = outcomes(email, mails(BROAD))
    unknown = {address for address, outcome in told.items() if not isinstance(outcome, Receipt)}
    assert all(flags(told[address]) == {"handed_over"} for address in unknown)
    assert 1 <= len(unknown) <= 4
    assert len(server.recipients) == len({*server.recipients}) >= BROAD - len(unknown)
    assert {*addresses(BROAD)} - unknown <= {*server.recipients}


def test_who_closes_without_a_word_between_messages_gets_the_rest_by_data(server, email):
    server.farewell = ""
    told = outcomes(email, mails(BROAD))
    unknown = [outcome for outcome in told.values() if not isinstance(outcome, Receipt)]
    assert len(unknown) <= 4
    assert len(receipts(told)) == len(server.recipients) == BROAD - len(unknown)
    assert "DATA" in server.commands


def test_a_message_lost_in_the_middle_is_sent_again(server, email):
    server.drop("body", times=1)
    assert receipts(outcomes(email, [mail(1, mime=LARGE), mail(2)])) == addresses(2)
    assert sorted(server.recipients) == addresses(2)


def test_a_refusal_amid_a_message_is_heard(server, email):
    server.refuse("body", "552 5.3.4 too large", times=1)
    told = outcomes(email, [mail(1, mime=LARGE), mail(2)])
    assert told["ana1@example.org"].code == "552 5.3.4"
    assert server.recipients == ["ana2@example.org"]


def test_a_server_that_takes_half_a_message_is_not_believed(server, email):
    server.refuse("body", "250 2.0.0 how kind", times=1)
    told = outcomes(email, [mail(1, mime=LARGE), mail(2)])
    assert flags(told["ana1@example.org"]) == {"handed_over"}
    assert server.recipients == ["ana2@example.org"]


def test_silence_over_a_message_that_has_left_may_be_a_success(server, email):
    server.hang("content")
    [(_, error)] = email.send([mail(1)])
    assert flags(error) == {"handed_over"}
    assert server.recipients == addresses(1)
