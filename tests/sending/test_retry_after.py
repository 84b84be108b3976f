"""What a provider asks us to wait, for one delivery or for the whole channel."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.models import Channel, Delivery
from broadcasts.sending import channel_health, outcomes
from broadcasts.sending.pump import graver
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contact, make_contacts

from . import steps


def busy(retry_after: float | None, **flags) -> TransportError:
    return TransportError("The server is busy", retry_after=retry_after, **flags)


def seconds_until(moment) -> float:
    return (moment - timezone.now()).total_seconds()


@pytest.mark.parametrize(("asked", "waits"), [(1200, 1200), (10, 10), (0, 5), (-3, 5), (10**9, 86_400), (7.2, 8)])
def test_a_delivery_is_due_when_the_provider_asks_within_bounds(club, mail, server, asked, waits):
    bob = make_contact(club).email
    server.answers[bob] = busy(asked)
    broadcast = steps.send(make_broadcast(mail))
    assert seconds_until(steps.delivery(broadcast, bob).due_at) == pytest.approx(waits, abs=3)


def test_without_a_word_of_the_provider_a_delivery_waits_as_set(club, mail, server):
    bob = make_contact(club).email
    server.answers[bob] = busy(None)
    broadcast = steps.send(make_broadcast(mail))
    assert seconds_until(steps.delivery(broadcast, bob).due_at) == pytest.approx(60, abs=3)


def test_a_provider_that_asks_for_little_each_time_uses_up_the_attempts_no_faster():
    assert outcomes.delay(1, 5) == timedelta(seconds=5)
    assert outcomes.delay(2, 5) == timedelta(seconds=300)
    assert outcomes.delay(2, 5000) == timedelta(seconds=5000)


def test_each_delivery_waits_as_long_as_it_was_asked(club, mail, server):
    ana, bob, eva = make_contacts(club, 3)
    server.answers = {ana.email: busy(600), bob.email: busy(1800), eva.email: busy(600)}
    broadcast = steps.send(make_broadcast(mail))
    waits = {row.address: round(seconds_until(row.due_at), -1) for row in Delivery.objects.all()}
    assert waits == {ana.email: 600, bob.email: 1800, eva.email: 600}
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}
    assert broadcast.status == "SENDING"


@pytest.mark.parametrize(("asked", "waits"), [(600, 600), (0.5, 5), (10**9, 86_400)])
def test_a_channel_rests_as_long_as_its_provider_asks_and_costs_nobody_an_attempt(club, mail, server, asked, waits):
    make_contacts(club, 3)
    server.refuses = busy(asked, account=True)
    broadcast = steps.send(make_broadcast(mail))
    assert seconds_until(Channel.objects.get().backoff_until) == pytest.approx(waits, abs=3)
    assert steps.log(broadcast) == {"pending": 3}
    assert not Delivery.objects.filter(attempts__gt=0).exists()


def test_of_several_pumps_the_longest_wait_counts_in_any_order(mail):
    for asked in (60, 3600, 60):
        channel_health.channel_fails(Channel.objects.get(), busy(asked, account=True))
    channel_health.channel_fails(Channel.objects.get(), busy(None, account=True))
    assert seconds_until(Channel.objects.get().backoff_until) == pytest.approx(3600, abs=3)


def test_a_pump_whose_window_went_well_does_not_end_the_wait_that_another_was_asked_for(mail):
    Channel.objects.update(health="failing")
    earlier = Channel.objects.get()
    channel_health.channel_fails(Channel.objects.get(), busy(3600, account=True))
    channel_health.channel_works(earlier)
    assert Channel.objects.get().backoff_until is not None


def test_of_several_errors_of_an_account_the_gravest_decides():
    login, slow, busier = busy(None, permanent=True), busy(None), busy(60)
    assert graver(None, slow) is slow
    assert graver(slow, busier) is graver(busier, slow) is busier
    assert graver(login, busier) is graver(busier, login) is login
