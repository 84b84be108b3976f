import pytest

from broadcasts.transports import Envelope
from broadcasts.transports.email import Email
from tests.smtp import SmtpServer, refusing_port

MIME = b"Subject: Pool closed\r\n\r\nHello Ana,\r\n.the pool is closed.\r\n"


@pytest.fixture
def server():
    with SmtpServer() as server:
        yield server


@pytest.fixture
def email(server):
    """An e-mail transport to the server."""
    with Email(server.settings) as email:
        yield email


@pytest.fixture
def closed_port():
    with refusing_port() as port:
        yield port


def mail(n: int | str = 1, **fields) -> Envelope:
    """The n-th envelope, or one to the address n."""
    address = n if isinstance(n, str) else f"ana{n}@example.org"
    return Envelope(**{"key": f"key{n}", "address": address, "sender": "news@club.example", "mime": MIME, **fields})


def failure(transport, envelope: Envelope | None = None):
    """The error that an envelope ends in."""
    [(_, error)] = transport.send([envelope or mail()])
    assert isinstance(error, Exception), f"expected an error, got {error}"
    return error


def flags(error) -> set[str]:
    return {name for name in ("permanent", "account", "handed_over", "bounced") if getattr(error, name)}
