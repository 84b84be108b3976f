"""A mailbox of the club, on a real Dovecot where a test asks for one."""

from collections.abc import Callable, Iterator

import pytest

from broadcasts.models import Mailbox
from tests.dovecot import BINARY, Dovecot
from tests.smtp import certificate


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    """The certificate of the servers here is one that everybody trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))


@pytest.fixture
def dovecot_of() -> Callable[..., Dovecot]:
    """Makes a Dovecot with options."""
    if not BINARY:
        pytest.skip("needs Dovecot: apt-get install dovecot-imapd")
    return Dovecot


@pytest.fixture
def dovecot(dovecot_of) -> Iterator[Dovecot]:
    with dovecot_of() as server:
        yield server


@pytest.fixture
def make_mailbox(mail) -> Callable[..., Mailbox]:
    def make(**fields) -> Mailbox:
        return Mailbox.objects.create(organization=mail.organization, channel=mail, name="Bounces", **fields)

    return make


@pytest.fixture
def mailbox(dovecot, make_mailbox) -> Mailbox:
    return make_mailbox(**dovecot.columns)


@pytest.fixture
def queued(monkeypatch) -> list[tuple]:
    """The tasks that are enqueued."""
    tasks: list[tuple] = []
    monkeypatch.setattr("broadcasts.queue._push", lambda *task: tasks.append(task))
    monkeypatch.setattr("broadcasts.queue.queue_is_full", lambda: False)  # as Redis is after many other tests
    return tasks
