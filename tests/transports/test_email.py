import pytest

from broadcasts.transports import Receipt, TransportError
from broadcasts.transports.email import Email
from broadcasts.transports.email.smtp import wire_format
from tests.smtp import SmtpServer, certificate

from .conftest import MIME, failure, flags, mail
from .contract import SmtpContract


class TestEmail(SmtpContract):
    @pytest.fixture(autouse=True)
    def _server(self, server, closed_port):
        self.server, self.closed_port = server, closed_port


# What the server gets


def test_the_server_gets_the_envelope_and_the_very_bytes(email, server):
    email.deliver(mail())
    assert server.received == [("news@club.example", "ana1@example.org", MIME)]


def test_the_receipt_has_the_server_s_words(email):
    assert email.deliver(mail()).detail == "250 2.0.0 OK queued as 1"


@pytest.mark.parametrize(
    ("mime", "wired"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
        (b".a\r\n.\r\n..b\r\n", b"..a\r\n..\r\n...b\r\n.\r\n"),
        (b"a\n.\nb\r.\rc\r\n", b"a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n"),
        (b"a\n\r.\r\nb\r\n", b"a\r\n\r\n..\r\nb\r\n.\r\n"),
    ],
)
def test_dots_are_doubled_and_line_ends_made_whole(mime, wired):
    assert wire_format(mime) == wired


def test_a_message_cannot_end_itself_and_begin_another(email, server):
    email.deliver(mail(mime=b"a\n.\nMAIL FROM:<evil@example.org>\r\n.\rRSET\r\n"))
    assert len(server.received) == 1
    assert server.received[0].data == b"a\r\n.\r\nMAIL FROM:<evil@example.org>\r\n.\r\nRSET\r\n"


def test_a_large_message_arrives_whole(email, server):
    mime = b"Subject: x\r\n\r\n" + b"".join(b".%07d\r\n" % n for n in range(100_000))
    email.deliver(mail(mime=mime))
    assert server.received[0].data == mime


def test_8_bit_content_is_announced(email, server):
    email.deliver(mail(mime="Subject: x\r\n\r\nñ\r\n".encode()))
    assert "MAIL FROM:<news@club.example> BODY=8BITMIME" in server.commands


# International addresses


def test_a_local_part_beyond_ascii_goes_where_the_server_takes_it(email, server):
    email.deliver(mail("josé@example.org"))
    assert server.recipients == ["josé@example.org"]
    assert "MAIL FROM:<news@club.example> SMTPUTF8" in server.commands


def test_a_plain_address_does_not_ask_for_smtputf8(email, server):
    email.deliver(mail("ana@xn--espaa-rta.example"))
    assert "MAIL FROM:<news@club.example>" in server.commands


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"address": "josé@example.org"}, {"permanent"}), ({"sender": "josé@club.example"}, {"permanent", "account"})],
)
def test_a_local_part_beyond_ascii_is_refused_where_the_server_does_not_take_it(fields, expected):
    with SmtpServer(smtputf8=False) as server, Email(server.settings) as email:
        error = failure(email, mail(**fields))
    assert flags(error) == expected
    assert error.code == "553 5.6.7"


@pytest.mark.parametrize("address", ["ana@example.org>\r\nRSET", "ana@example.org> NOTIFY=NEVER", "a\0na@example.org"])
def test_an_address_that_would_end_its_command_is_refused_unsaid(email, server, address):
    error = failure(email, mail(address))
    assert flags(error) == {"permanent", "bounced"}
    assert server.commands == []


def test_a_sender_that_would_end_its_command_is_an_error_of_the_account(email):
    assert flags(failure(email, mail(sender="news@club.example>\r\nRSET"))) == {"permanent", "account"}


# The kept connection


def test_one_connection_carries_many_envelopes(email, server):
    list(email.send([mail(n) for n in range(5)]))
    assert len(server.received) == 5
    assert server.connections == 1


def test_a_new_connection_is_made_after_so_many_messages(server):
    with Email({**server.settings, "messages_per_connection": 2}) as email:
        list(email.send([mail(n) for n in range(5)]))
    assert len(server.received) == 5
    assert server.connections == 3


def test_closing_says_goodbye(email, server):
    email.open()
    email.close()
    assert server.commands[-1] == "QUIT"


def test_closing_never_raises(email, server):
    server.drop("quit")
    email.open()
    email.close()
    assert server.commands[-1] == "QUIT"
    email.deliver(mail())
    assert server.connections == 2


def test_a_refused_recipient_is_reset_and_the_next_is_served(email, server):
    server.refuse("rcpt", "550 5.1.1 no such user", address="ana1@")
    (_, first), (_, second) = email.send([mail(1), mail(2)])
    assert flags(first) == {"permanent", "bounced"}
    assert isinstance(second, Receipt)
    assert "RSET" in server.commands
    assert server.connections == 1


@pytest.mark.parametrize("failing", ["dropped", "refused"])
def test_a_failed_reset_costs_the_connection_but_no_envelope(email, server, failing):
    server.refuse("rcpt", "450 4.2.1 busy", address="ana1@")
    server.drop("rset", times=1) if failing == "dropped" else server.refuse("rset", "502 5.5.1 what?", times=1)
    (_, first), (_, second) = email.send([mail(1), mail(2)])
    assert first.code == "450 4.2.1"
    assert isinstance(second, Receipt)
    assert server.commands.count("RCPT TO:<ana1@example.org>") == 1
    assert server.connections == 2


# TLS and login


def test_starttls_is_used_when_asked_for():
    with SmtpServer(starttls=True) as server, Email(server.settings) as email:
        email.deliver(mail())
    assert "STARTTLS" in server.commands
    assert server.recipients == ["ana1@example.org"]


def test_tls_from_the_start_is_used_when_asked_for():
    with SmtpServer(tls=True) as server, Email(server.settings) as email:
        email.deliver(mail())
    assert server.recipients == ["ana1@example.org"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_nobody_vouches_for_is_refused(security):
    with SmtpServer(**{security: True}) as server:
        error = failure(Email({**server.settings, "verify_certificates": True}))
    assert flags(error) == {"permanent", "account"}
    assert "certificate" in str(error)
    assert server.received == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_trusted_certificate_is_accepted(security, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))
    with SmtpServer(**{security: True}) as server:
        Email({**server.settings, "verify_certificates": True}).check()
    assert server.commands[-1] == "QUIT"
    assert server.connections == 1


def test_certificates_are_verified_unless_told_otherwise():
    with SmtpServer(tls=True) as server:
        settings = server.settings
        del settings["verify_certificates"]
        assert "certificate" in str(failure(Email(settings)))


def test_mail_does_not_go_out_in_the_clear_when_starttls_is_not_offered(server):
    error = failure(Email({**server.settings, "security": "starttls"}))
    assert flags(error) == {"permanent", "account"}
    assert "STARTTLS" in str(error)
    assert server.received == []


def test_tls_to_a_server_without_is_an_error_of_the_account(server):
    error = failure(Email({**server.settings, "security": "tls", "timeout": 5}))
    assert flags(error) == {"account"}


@pytest.mark.parametrize("starttls", [True, False])
def test_it_logs_in(starttls):
    with SmtpServer(login=("club", "swordfish"), starttls=starttls) as server, Email(server.settings) as email:
        email.deliver(mail())
    assert server.recipients == ["ana1@example.org"]


# The check


def test_the_check_connects_and_logs_in_but_sends_nothing():
    with SmtpServer(login=("club", "swordfish"), starttls=True) as server:
        Email(server.settings).check()
    assert "NOOP" in server.commands
    assert not any(command.startswith("MAIL") for command in server.commands)


def test_the_check_says_what_is_wrong():
    refused = pytest.raises(TransportError, match=r"refused the login: 535 5\.7\.8")
    with SmtpServer(login=("club", "swordfish")) as server, refused:
        Email({**server.settings, "password": "marlin"}).check()
