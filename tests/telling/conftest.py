from collections.abc import Iterator

import pytest

from broadcasts import noting
from broadcasts.models import EVENT_TYPES, EventSubscription, Organization
from broadcasts.telling import new_secret, rounds
from tests.make import make_broadcast, make_delivery

from .receiver import EventReceiver


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch) -> None:
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.01)


@pytest.fixture
def delivery(mail):
    return make_delivery(make_broadcast(mail))


@pytest.fixture
def receiver() -> Iterator[EventReceiver]:
    with EventReceiver() as running:
        yield running


@pytest.fixture
def subscribe(receiver):
    """Make a subscription of an organization to types of events, by default to all."""

    def make(organization: Organization, *types: str, **fields) -> EventSubscription:
        receiver.secret = new_secret()
        fields = {"name": "Shop", "url": receiver.url, "secrets": {"signing_secret": receiver.secret}, **fields}
        made = EventSubscription.objects.create(organization=organization, types=list(types or EVENT_TYPES), **fields)
        noting.forget()
        return made

    return make
