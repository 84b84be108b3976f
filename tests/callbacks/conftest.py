"""A channel of the provider Pigeons, and a copy that it knows."""

import pytest

from broadcasts.models import Channel, ProviderRef
from broadcasts.transports import TRANSPORTS
from tests.callbacks.pigeons import Calls
from tests.make import make_broadcast, make_contact, make_delivery


@pytest.fixture
def channel(club, monkeypatch):
    monkeypatch.setitem(TRANSPORTS, "pigeons", "tests.callbacks.pigeons.Pigeons")
    return Channel.objects.create(organization=club, name="Pigeons", kind="pigeons", secrets={"secret": "coo"})


@pytest.fixture
def joe(club):
    return make_contact(club, phone="+34600111222", full_name="Joe")


@pytest.fixture
def delivery(channel, joe):
    """A copy that the provider knows as p1."""
    delivery = make_delivery(make_broadcast(channel), joe, address=joe.phone)
    ProviderRef.objects.create(delivery=delivery, channel=channel, provider_id="p1")
    return delivery


@pytest.fixture
def call(channel, settings):
    return Calls(channel, settings)
