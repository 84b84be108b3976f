"""A channel for mail, and a copy that it sent."""

import pytest

from broadcasts.links import delivery_token
from broadcasts.models import Channel
from tests.make import make_broadcast, make_contact, make_delivery


@pytest.fixture
def smtp(club):
    settings = {"host": "relay.club.example"}
    return Channel.objects.create(
        organization=club, name="Mail", kind="email", from_address="news@club.example", settings=settings
    )


@pytest.fixture
def copy(smtp, club):
    jo = make_contact(club, "jo@example.org")
    return make_delivery(make_broadcast(smtp), jo, address=jo.email)


@pytest.fixture
def token(copy):
    return delivery_token(copy.pk)
