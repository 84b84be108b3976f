import pytest

from broadcasts.transports import Envelope, Receipt
from broadcasts.transports.email import Email, smtp
from tests.smtp import SmtpServer, refusing_port

MIME = b"Subject: Pool closed\r\n\r\nHello Ana,\r\n.the pool is closed.\r\n"
PATIENCE = 0.5  # seconds; long enough for a server in this process to say what it does say
LARGE = b"Subject: x\r\n\r\n" + (b"." + b"0" * 900 + b"\r\n") * 20_000  # 18 MB, more than sockets hold

WAYS = {
    "step by step": {},
    "pipelined": {"pipelining": True},
    "in chunks": {"chunking": True, "in_flight": 2},
}


@pytest.fixture(autouse=True)
def _unlearned(monkeypatch):
    """What a server did not do well with is forgotten, since the next may have its port."""
    monkeypatch.setattr(smtp, "_plain_until", {})


@pytest.fixture
def offer(settings):
    """Have the operator offer backends: a label is given with its dotted path."""

    def offered(**paths: str) -> None:
        settings.EMAIL_BACKENDS = paths

    return offered


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


def mails(count: int) -> list:
    return [mail(n) for n in range(1, count + 1)]


def addresses(count: int) -> list[str]:
    return [envelope.address for envelope in mails(count)]


def outcomes(email, envelopes) -> dict:
    """What became of each address; each is told of once."""
    told = [(envelope.address, outcome) for envelope, outcome in email.send(envelopes)]
    assert len(told) == len(dict(told))
    return dict(told)


def receipts(told: dict) -> list[str]:
    return sorted(address for address, outcome in told.items() if isinstance(outcome, Receipt))


@pytest.fixture
def pipelining():
    with SmtpServer(pipelining=True) as server:
        yield server


@pytest.fixture
def chunking():
    with SmtpServer(chunking=True, in_flight=2) as server:
        yield server


@pytest.fixture(params=["pipelined", "in chunks"])
def wide(request):
    """A server that pipelines, and a channel of four connections."""
    with SmtpServer(**WAYS[request.param], connections=4) as server:
        yield server
