"""Mail through Django's own e-mail backends."""

import email as stdlib_email
import sys

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend

from broadcasts.transports import Receipt, SettingsRefused
from broadcasts.transports.email import Email
from broadcasts.transports.email.backend import check_backends
from tests.smtp import SmtpServer, certificate

from .conftest import MIME, failure, flags, mail
from .contract import SmtpContract

LOCMEM, SMTP, WHIMSICAL, STRAY, GONE = "Memory", "SMTP", "Whimsical", "Stray", "Gone"  # as the operator offers them


@pytest.fixture(autouse=True)
def offered(offer):
    offer(
        Memory="django.core.mail.backends.locmem.EmailBackend",
        SMTP="django.core.mail.backends.smtp.EmailBackend",
        Whimsical=f"{__name__}.Whimsical",
        Stray=f"{__name__}.Stray",
        Gone="gone.with.the.Wind",
    )


class Whimsical(BaseEmailBackend):
    """Ends as its class says."""

    end: object = 1

    def send_messages(self, email_messages):
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


@pytest.fixture
def whimsical(monkeypatch):
    def make(end):
        monkeypatch.setattr(Whimsical, "end", end)
        return Email({"backend": WHIMSICAL})

    return make


class TestSmtpBackend(SmtpContract):
    more = {"backend": SMTP}

    @pytest.fixture(autouse=True)
    def _server(self, server, closed_port):
        self.server, self.closed_port = server, closed_port


@pytest.fixture
def email(server):
    with Email({**server.settings, "backend": SMTP}) as email:
        yield email


def test_a_backend_gets_the_message_parsed_and_its_one_recipient():
    Email({"backend": LOCMEM}).deliver(mail(subject="Pool closed"))
    [sent] = django_mail.outbox
    assert sent.recipients() == ["ana1@example.org"]
    assert sent.from_email == "news@club.example"
    assert sent.subject == sent.message()["Subject"] == "Pool closed"


def test_a_message_of_many_parts_keeps_its_very_bytes():
    mime = (
        b"Subject: =?utf-8?q?Ol=C3=A1?=\r\nX-Long: " + b"word " * 40 + b"\r\n"
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Hello\r\n--b--\r\n"
    )
    Email({"backend": LOCMEM}).deliver(mail(mime=mime))
    sent = django_mail.outbox[0].message()
    assert sent.as_bytes(linesep="\r\n") == mime
    assert [part.get_payload() for part in sent.get_payload()] == ["Hello", "<p>Hello"]
    assert b"<p>Hello" in sent.get_payload(1).as_bytes()


def test_an_smtp_backend_sends_the_very_bytes(email, server):
    email.deliver(mail())
    assert server.received == [("news@club.example", "ana1@example.org", MIME)]


def test_an_smtp_backend_keeps_its_connection(email, server):
    list(email.send([mail(n) for n in range(3)]))
    assert len(server.received) == 3
    assert server.connections == 1


def test_an_smtp_backend_reconnects_after_so_many_messages(server):
    with Email({**server.settings, "backend": SMTP, "messages_per_connection": 2}) as email:
        list(email.send([mail(n) for n in range(3)]))
    assert server.connections == 2


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_smtp_backend_gets_login_and_security(security):
    with SmtpServer(login=("club", "swordfish"), **{security: True}) as server:
        list(Email({**server.settings, "backend": SMTP}).send([mail()]))
    assert server.recipients == ["ana1@example.org"]


def test_an_smtp_backend_verifies_certificates_when_told_to(monkeypatch):
    with SmtpServer(tls=True) as server:
        settings = {**server.settings, "backend": SMTP, "verify_certificates": True}
        assert flags(failure(Email(settings))) == {"permanent", "account"}
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))
        Email(settings).check()


def test_without_a_host_of_its_own_an_smtp_backend_never_sends_through_the_operators(server, settings):
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    with Email({"backend": SMTP}) as email:
        assert isinstance(failure(email), SettingsRefused)
    assert server.connections == 0


def test_a_host_of_its_own_never_gets_django_s_own_password(server, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "root", "secret"
    with Email({**server.settings, "backend": SMTP}) as email:
        email.deliver(mail())
    assert not any(command.startswith("AUTH") for command in server.commands)


@pytest.mark.parametrize(
    ("phase", "reply", "expected"),
    [
        ("rcpt", "550 5.1.1 no such user", {"permanent", "bounced"}),
        ("rcpt", "450 4.2.1 busy", set()),
        ("mail", "550 5.7.1 sender not allowed", {"permanent", "account"}),
        ("content", "554 5.7.1 looks like spam", {"permanent"}),
        ("connect", "554 5.7.1 your address is listed", {"permanent", "account"}),
    ],
)
def test_a_refusal_through_an_smtp_backend_means(email, server, phase, reply, expected):
    server.refuse(phase, reply)
    error = failure(email)
    assert flags(error) == expected
    assert error.code == (reply[:3] if phase == "connect" else reply[:9])  # no word is told before EHLO


def test_a_refused_login_names_the_server():
    with SmtpServer(login=("club", "swordfish")) as server:
        error = failure(Email({**server.settings, "backend": SMTP, "password": "marlin"}))
    assert flags(error) == {"permanent", "account"}
    assert str(error).startswith(f"The server 127.0.0.1:{server.port} refused the login: 535")


def test_an_idle_connection_that_went_away_is_made_again(email, server):
    email.deliver(mail(1))
    server.drop("noop", times=1)
    assert isinstance(email.deliver(mail(2)), Receipt)
    assert server.connections == 2


def test_a_connection_lost_while_sending_may_have_been_a_success(email, server):
    server.drop("content", times=1)
    (_, first), (_, second) = email.send([mail(1), mail(2)])
    assert flags(first) == {"handed_over"}
    assert isinstance(second, Receipt)


def test_a_backend_that_raises_may_have_sent_and_stops_the_rest(whimsical):
    error = failure(whimsical(RuntimeError("out of paper")))
    assert flags(error) == {"handed_over", "account"}
    assert "out of paper" in str(error)


def test_a_backend_that_repeats_the_password_is_not_quoted(monkeypatch):
    monkeypatch.setattr(Whimsical, "end", RuntimeError("swordfish is wrong"))
    error = failure(Email({"backend": WHIMSICAL, "username": "club", "password": "swordfish"}))
    assert "swordfish" not in str(error)


def test_a_backend_that_counts_nothing_sent_sent_nothing(whimsical):
    assert flags(failure(whimsical(0))) == set()


def test_a_backend_that_does_not_count_is_believed(whimsical):
    assert isinstance(whimsical(None).deliver(mail()), Receipt)


def test_a_backend_that_is_gone_is_a_permanent_error_of_the_account():
    error = failure(Email({"backend": GONE}))
    assert flags(error) == {"permanent", "account"}
    assert "has to mend EMAIL_BACKENDS" in str(error)


@pytest.mark.parametrize("stored", ["evil.Backend", "evil", "unittest.__main__.main", GONE.lower()])
def test_what_is_no_label_of_the_operators_is_never_imported(tmp_path, monkeypatch, stored):
    (tmp_path / "evil.py").write_text("class Backend:\n    def send_messages(self, messages): return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", ["worker", "--help"])  # which unittest would obey, and exit
    error = failure(Email({"backend": stored}))
    assert isinstance(error, SettingsRefused)
    assert f"offers no backend “{stored}”" in str(error)
    assert not {"evil", "unittest.__main__"} & set(sys.modules)


def test_a_backend_of_the_operators_that_cannot_be_imported_is_told_by_a_system_check(offer):
    offer(Memory="django.core.mail.backends.locmem.EmailBackend", Gone="gone.with.the.Wind", Path="pathlib.Path")
    gone, path = check_backends()
    assert (gone.id, path.id) == ("broadcasts.W001", "broadcasts.W001")
    assert "“Gone”, but gone.with.the.Wind cannot be imported" in gone.msg
    assert "“Path”, but pathlib.Path is no e-mail backend" in path.msg
    assert "Mailgun=anymail.backends.mailgun.EmailBackend" in gone.hint


def test_the_message_is_a_message_of_the_standard_library():
    Email({"backend": LOCMEM}).deliver(mail())
    assert isinstance(django_mail.outbox[0].message(), stdlib_email.message.Message)
