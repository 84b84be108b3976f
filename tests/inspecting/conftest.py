from collections.abc import Iterator

import pytest

from broadcasts import inspecting
from broadcasts.inspecting import resolver
from broadcasts.models import SendingDomain
from tests.dns_server import DnsServer


@pytest.fixture
def dns(settings) -> Iterator[DnsServer]:
    """What the DNS answers; without a word of the test, nothing is found."""
    server = DnsServer()
    settings.DNS_RESOLVERS = [("127.0.0.1", server.port)]
    yield server
    server.close()


@pytest.fixture
def impatient(monkeypatch) -> None:
    """A silent server is waited for no longer than a test may take."""
    monkeypatch.setattr(resolver, "QUESTION_SECONDS", 0.2)


@pytest.fixture
def domain(club, mail) -> SendingDomain:
    inspecting.know(mail)
    return club.sending_domains.get()


@pytest.fixture
def found(domain):
    """Inspect the domain and return what was found, by subject."""

    def look() -> dict:
        inspecting.ask_again(domain)
        inspecting.inspect_due()
        domain.refresh_from_db()
        by_subject: dict = {}
        for one in inspecting.findings(domain):
            by_subject.setdefault(one.subject, one)
        return by_subject

    return look
