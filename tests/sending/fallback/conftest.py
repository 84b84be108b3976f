"""Two channels, of which one takes over from the other."""

import pytest

from broadcasts.models import Channel
from broadcasts.transports.console import Console
from tests.make import make_contact
from tests.sending.fallback.chains import (
    by_both,
)


@pytest.fixture
def sms(club):
    return Channel.objects.create(organization=club, name="SMS", kind="console", address_field="phone")


@pytest.fixture
def tracked(tracked, monkeypatch):
    monkeypatch.setattr(Console, "reports", frozenset({"delivered", "opened"}))


@pytest.fixture
def ana(club):
    return make_contact(club, "ana@example.com", phone="+34600111222")


@pytest.fixture
def broadcast(mail, sms, server, tracked):
    return by_both(mail, sms)
