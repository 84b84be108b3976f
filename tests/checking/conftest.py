import pytest

from broadcasts.models import Broadcast, Channel
from tests.http_server import HttpServer
from tests.make import make_contact


@pytest.fixture
def joe(mail):
    return make_contact(mail.organization, "joe@club.example", full_name="Joe Doe", language="en")


@pytest.fixture
def site():
    """A server that links lead to."""
    with HttpServer() as server:
        yield server


@pytest.fixture
def texts(club, site) -> Channel:
    """An SMS channel whose sender takes replies, at 0.05 EUR a segment."""
    channel = Channel(organization=club, name="Texts", kind="sms", from_address="+34600000999", is_default=True)
    settings = {"preset": "other", "base_url": site.base, "secret_key": "x"}
    channel.configure({**settings, "price_per_segment": "0.05", "currency": "EUR"})
    channel.save()
    return channel


@pytest.fixture
def marketing():
    def made(broadcast: Broadcast) -> Broadcast:
        Broadcast.objects.filter(pk=broadcast.pk).update(use_case="marketing")
        return broadcast

    return made
