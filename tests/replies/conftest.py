"""A channel of the gateway Texts, and one who writes to it."""

import pytest

from broadcasts.models import (
    Channel,
)
from broadcasts.transports import TRANSPORTS
from tests.make import make_contact
from tests.replies.texts import Texts


@pytest.fixture
def channel(club, monkeypatch):
    monkeypatch.setitem(TRANSPORTS, "texts", "tests.replies.texts.Texts")
    monkeypatch.setattr(Texts, "sent", [])
    return Channel.objects.create(organization=club, name="Texts", kind="texts", from_address="4711")


@pytest.fixture
def joe(club):
    return make_contact(club, phone="+34600111222", full_name="Joe")
