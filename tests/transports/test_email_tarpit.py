"""Servers that keep answering and never come to an end: every call ends all the same."""

import time

import pytest

from broadcasts.transports import Receipt, TransportError
from broadcasts.transports.deadline import with_deadline
from broadcasts.transports.email import Email, backend, pipeline, smtp
from tests.smtp import SmtpServer

from .conftest import WAYS, failure, flags, mail

SMTP = "SMTP"
PATIENCE = 0.5  # seconds
FOREVER = 3600.0


@pytest.fixture(params=WAYS)
def server(request):
    with SmtpServer(**WAYS[request.param]) as server:
        yield server


@pytest.fixture(autouse=True)
def offered(offer):
    offer(SMTP="django.core.mail.backends.smtp.EmailBackend")


@pytest.fixture
def impatient(monkeypatch):
    """Waits for PATIENCE seconds in all, however long a channel's time-out is."""
    for module in (pipeline, backend):
        monkeypatch.setattr(module, "LONGEST", PATIENCE)


def begun_until(seconds: float) -> float:
    return time.monotonic() + seconds


def test_a_greeting_without_end_is_an_error_of_the_account(server, impatient):
    server.drip("connect")
    error = failure(Email(server.settings))
    assert flags(error) == {"account"}
    assert "did not let us in within 1 s" in str(error)


def test_opening_ends_too(server, impatient):
    server.drip("ehlo")
    with pytest.raises(TransportError, match="did not let us in"):
        Email(server.settings).open()


def test_a_login_without_end_is_an_error_of_the_account(impatient):
    with SmtpServer(login=("club", "swordfish")) as server:
        server.drip("auth")
        assert flags(failure(Email(server.settings))) == {"account"}


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
def test_an_answer_without_end_before_the_final_dot_hands_nothing_over(server, phase):
    server.drip(server.content_phase if phase == "data" else phase)
    with Email({**server.settings, "timeout": PATIENCE}) as email:
        email.open()
        [(_, error)] = email.send([mail(1), mail(2)], begun_until(0.3))
    assert flags(error) == {"account"}
    assert server.received == []


def test_an_answer_without_end_after_the_final_dot_may_be_a_success(server):
    server.drip("content", address="ana1@")
    with Email({**server.settings, "timeout": PATIENCE}) as email:
        email.open()
        [(_, error)] = email.send([mail(1)], begun_until(0.3))
    assert flags(error) == {"handed_over"}


def test_answers_that_come_just_in_time_end_with_the_whole_call(server):
    for phase in ("mail", "rcpt", server.content_phase):
        server.linger(phase, 0.7 * PATIENCE)
    with Email({**server.settings, "timeout": PATIENCE}) as email:
        email.open()
        told = list(email.send([mail(1), mail(2)], begun_until(0.3)))
    assert [flags(error) for _, error in told] == [{"account"}]
    assert server.received == []


def test_what_was_not_begun_in_time_is_not_told_of(server):
    server.linger("mail", 0.5)
    with Email(server.settings) as email:
        email.open()
        told = list(email.send([mail(n) for n in range(50)], begun_until(0.3)))
    assert 0 < len(told) < 50
    assert all(isinstance(outcome, Receipt) for _, outcome in told)


def test_a_time_out_longer_than_a_task_lasts_is_cut():
    assert Email({"host": "a.example", "timeout": 600}).carrier.account.timeout == 20


def test_the_form_takes_no_longer_time_out():
    data = {"host": "a.example", "security": "none", "timeout": 21, "messages_per_connection": 9}
    assert list(Email.settings_form(data=data).errors) == ["timeout"]


def test_a_goodbye_without_end_is_cut(server, monkeypatch):
    monkeypatch.setattr(pipeline, "GOODBYE_SECONDS", 0.2)
    server.drip("quit")
    with Email(server.settings) as email:
        assert isinstance(email.deliver(mail()), Receipt)


def test_a_check_ends_too(server, monkeypatch):
    monkeypatch.setattr(smtp, "LONGEST", PATIENCE)
    server.drip("noop")
    with pytest.raises(TransportError, match="did not answer"):
        Email(server.settings).check()


def test_a_backend_that_does_not_come_back_may_have_sent(server, impatient):
    server.hang("content")
    with Email({**server.settings, "backend": SMTP}) as email:
        error = failure(email)
    assert flags(error) == {"handed_over", "account"}
    assert "may or may not arrive" in str(error)


def test_a_backend_that_does_not_open_has_handed_nothing_over(server, impatient):
    server.drip("connect")
    with Email({**server.settings, "backend": SMTP}) as email:
        assert flags(failure(email)) == {"account"}


def test_what_comes_too_late_is_undone():
    undone = []
    with pytest.raises(TimeoutError):
        with_deadline(0, lambda: time.sleep(0.05) or "late", undo=undone.append)
    deadline = time.monotonic() + 30
    while not undone and time.monotonic() < deadline:
        time.sleep(0.01)
    assert undone == ["late"]


def test_what_comes_in_time_is_the_answer_and_what_it_raises_is_raised():
    assert with_deadline(FOREVER, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        with_deadline(FOREVER, lambda: 1 / 0)
