"""Where an e-mail channel may connect to, and what it tells of a service there that is none for mail."""

import smtplib
import socket
import threading
from contextlib import contextmanager

import pytest
from django.core.mail.backends.smtp import EmailBackend

from broadcasts.transports import SettingsRefused, TransportError
from broadcasts.transports.email import Email
from tests.smtp import SmtpServer, certificate

from .conftest import failure, flags, mail


class Stray(EmailBackend):
    """Connects by itself."""

    def open(self):
        self.connection = smtplib.SMTP(self.host, self.port, timeout=5)
        return True


class Tuned(smtplib.SMTP):
    """A client of its own making, as backends have for other ways to log in."""


class TunedBackend(EmailBackend):
    connection_class = Tuned


@pytest.fixture(autouse=True)
def offered(offer):
    offer(
        SMTP="django.core.mail.backends.smtp.EmailBackend",
        Stray=f"{__name__}.Stray",
        Tuned=f"{__name__}.TunedBackend",
    )


@pytest.fixture(params=["", "SMTP"], ids=["ours", "backend"])
def carrier(request):
    """Our own connections, and an SMTP backend."""
    return {"backend": request.param}


@pytest.fixture
def closed(settings):
    settings.OPEN_NETWORKS = []


@contextmanager
def service(*lines: bytes, endless: bool = False):
    """Say a line to whoever connects, and the next ones whenever something is said; yields the port and who came."""

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            came.append(client)
            try:
                for line in lines:
                    client.sendall(line)
                    while endless:
                        client.sendall(line * 1000)
                    if not client.recv(1000):
                        break
            except OSError:
                pass
            client.close()

    came: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def refusal(email: Email) -> TransportError:
    with pytest.raises(TransportError) as refused:
        email.check()
    return refused.value


@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_nothing_connects_to_a_private_network(server, closed, carrier, host):
    with Email({**server.settings, **carrier, "host": host}) as email:
        error = failure(email)
        assert isinstance(error, SettingsRefused)
        assert isinstance(refusal(email), SettingsRefused)
    assert "a loopback address" in str(error)
    assert "OPEN_NETWORKS" in str(error)
    assert server.connections == 0


def test_a_refusal_is_the_same_where_nobody_listens(server, closed_port, closed, carrier):
    there, nowhere = (
        refusal(Email({**server.settings, **carrier, "host": "localhost", "port": port}))
        for port in (server.port, closed_port)
    )
    assert str(there) == str(nowhere)
    assert str(server.port) not in str(there)


def test_a_name_is_judged_where_it_leads_when_it_is_connected_to(server, closed, carrier, monkeypatch):
    """Rebinding: the second question would lead to this machine; there is only one, whose answer is closed."""
    genuine, asked = socket.getaddrinfo, []

    def rebind(host, port, *args, **kwargs):
        asked.append(host)
        return genuine("10.255.255.1" if len(asked) == 1 else "127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr("socket.getaddrinfo", rebind)
    error = failure(Email({**server.settings, **carrier, "host": "rebinding.example.org"}))
    assert "a private network" in str(error)
    assert (asked, server.connections) == (["rebinding.example.org"], 0)


def test_a_certificate_is_asked_for_by_the_name_of_the_host(carrier, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))
    with SmtpServer(starttls=True) as server:
        settings = {**server.settings, **carrier, "verify_certificates": True}
        Email({**settings, "host": "localhost"}).check()
        genuine = socket.getaddrinfo
        monkeypatch.setattr("socket.getaddrinfo", lambda host, *args, **kwargs: genuine("127.0.0.1", *args, **kwargs))
        assert "could not be verified" in str(refusal(Email({**settings, "host": "other.example.org"})))


def test_a_backend_with_a_client_of_its_own_connects_by_the_policy_too(server, settings):
    Email({**server.settings, "backend": "Tuned"}).deliver(mail())
    settings.OPEN_NETWORKS = []
    assert isinstance(failure(Email({**server.settings, "backend": "Tuned"})), SettingsRefused)
    assert server.connections == 1


def test_a_backend_that_connects_past_the_policy_is_not_used(server):
    error = failure(Email({**server.settings, "backend": "Stray"}))
    assert isinstance(error, SettingsRefused)
    assert "self.connection_class" in str(error)
    assert server.received == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([b"SSH-2.0-Secret_9.2\r\n"], "did not answer like a mail server"),
        ([b"-ERR Secret\r\n"], "did not answer like a mail server"),
        ([b"220-Secret\r\n220 Secret FTP\r\n", b"530 Secret\r\n", b"530 Secret\r\n"], "refused our greeting with 530"),
        ([b"220 Secret\r\n", b"Secret\r\n", b"Secret\r\n"], "did not answer like a mail server"),
        ([b"554 5.7.1 Secret\r\n"], "refused the connection with 554"),
        ([b"421 Secret\r\n"], "refused the connection for now with 421"),
        ([b"x" * 10_000], "did not answer like a mail server"),
    ],
)
def test_no_word_of_a_service_is_told_before_it_proves_to_speak_smtp(carrier, caplog, lines, words):
    with service(*lines) as (port, came):
        error = refusal(Email({"host": "127.0.0.1", "port": port, "security": "none", **carrier}))
    assert words in str(error)
    assert "Secret" not in f"{error} {error.code}"
    assert len(came) == 1
    assert "has not proven to speak SMTP. It said:" in caplog.text  # the operator may read it


def test_a_greeting_of_lines_without_end_is_not_kept(carrier):
    with service(b"220-Secret Secret Secret\r\n", endless=True) as (port, _):
        error = refusal(Email({"host": "127.0.0.1", "port": port, "security": "none", **carrier}))
    assert "did not answer like a mail server" in str(error)
    assert flags(error) == {"account"}
