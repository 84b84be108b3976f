import time
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from broadcasts import sending
from broadcasts.models import ChannelRate
from broadcasts.sending import rate
from tests.make import make_broadcast, make_contacts

from . import steps


def permit(channel, n):
    """Take a permit without waiting."""
    return rate.reserve(channel, n, patience=0) is not None


@pytest.fixture
def slow(mail):
    mail.rate, mail.burst = 10, 5
    mail.save()
    return mail


def later(**moved):
    """Let time pass, by moving the limiter's row back."""
    row = ChannelRate.objects.get()
    ChannelRate.objects.update(arrival=row.arrival - timedelta(**moved))


def test_a_channel_without_a_rate_is_never_held_up(mail):
    assert all(permit(mail, 1000) for _ in range(3))
    assert not ChannelRate.objects.exists()


def test_a_burst_goes_at_once_and_no_more(slow):
    assert permit(slow, 5)
    assert not permit(slow, 5)


def test_permits_come_back_at_the_rate(slow):
    permit(slow, 5)
    later(seconds=0.5)
    assert permit(slow, 5)
    assert not permit(slow, 5)


def test_an_idle_channel_saves_up_no_more_than_a_burst(slow):
    permit(slow, 1)
    later(hours=1)
    assert permit(slow, 5)
    assert not permit(slow, 5)


def test_who_waits_for_a_permit_comes_before_those_who_ask_later(slow):
    ChannelRate.objects.create(channel=slow, arrival=Now() + timedelta(hours=1))
    first = ChannelRate.objects.get().arrival
    assert rate.reserve(slow, 5, patience=2 * 3600) > 60
    assert ChannelRate.objects.get().arrival - first == timedelta(seconds=0.5)


def test_a_permit_that_takes_too_long_is_not_reserved(slow):
    ChannelRate.objects.create(channel=slow, arrival=Now() + timedelta(hours=1))
    before = ChannelRate.objects.get().arrival
    assert rate.reserve(slow, 5, patience=60) is None
    assert ChannelRate.objects.get().arrival == before


def test_what_was_not_used_is_given_back(slow):
    permit(slow, 5)
    rate.give_back(slow, 3)
    assert permit(slow, 3)


def test_a_permit_that_does_not_come_in_time_is_no_permit(slow):
    permit(slow, 5)
    ChannelRate.objects.update(arrival=Now() + timedelta(hours=1))
    assert rate.wait(slow, 5, until=time.monotonic()) is False


def test_a_pump_gives_its_batch_back_when_the_rate_is_used_up(club, slow, server):
    make_contacts(club, 8)
    broadcast = steps.start(make_broadcast(slow))
    ChannelRate.objects.create(channel=slow, arrival=Now() + timedelta(hours=1))
    sending.run_pump(slow.pk, seconds=0.1)
    assert server.received == []
    ChannelRate.objects.all().delete()
    steps.pump(broadcast)
    assert len(server.received) == 8
