"""What our own links measure in mail counts as much as what a provider reports."""

import pytest
from django.utils import timezone

from broadcasts.audience import catalogue
from broadcasts.models import Channel, Message

from ..make import make_broadcast, make_contact, make_delivery
from .people import chosen


def measure(broadcast, **switches):
    Message.objects.filter(broadcast=broadcast).update(**switches)
    return broadcast


@pytest.fixture
def three(club, mail):
    """Joe opened a measured mail and ann did not; bob got one that was not measured."""
    measured, other = (measure(make_broadcast(mail), track_opens=opens) for opens in (True, False))
    make_delivery(measured, make_contact(club, "joe@example.com", full_name="Joe"), opened_at=timezone.now())
    make_delivery(measured, make_contact(club, "ann@example.com", full_name="Ann"))
    make_delivery(other, make_contact(club, "bob@example.com", full_name="Bob"))
    return measured


def test_who_did_not_open_is_asked_only_where_opens_are_measured(club, three):
    assert chosen({"engagement": {"type": "not_opened"}}, club) == "ann"


def test_who_did_not_open_one_broadcast_is_known(club, three):
    assert chosen({"engagement": {"type": "not_opened", "broadcast": str(three.uuid)}}, club) == "ann"


def test_a_channel_that_measures_offers_what_it_measures(club, mail):
    Channel.objects.filter(pk=mail.pk).update(track_opens=True)
    [engagement] = [one for one in catalogue(club) if one.key == "engagement"]
    idle = next(part.input for part in engagement.operators[0].input.parts if part.key == "type").idle
    assert idle == ("delivered", "clicked", "replied")
