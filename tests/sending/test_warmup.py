"""The warm-up: so many messages a day, growing, and the rest by itself on the days after."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from broadcasts import sending
from broadcasts.models import Channel, ChannelRate
from broadcasts.models.limits import allowance
from broadcasts.sending import fairness, warmup
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contacts

from . import steps


@pytest.fixture
def young(mail):
    mail.ramp = {"start": 3, "growth": 2}
    mail.clean()
    mail.save()
    return mail


def next_day():
    """Let a day pass: what was sent was sent yesterday, and the rest is over."""
    ChannelRate.objects.update(day=timezone.now().date() - timedelta(days=1))
    Channel.objects.update(resting_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize(("days", "messages"), [(-5, 200), (0, 200), (1, 300), (2, 450), (100, None)])
def test_each_day_allows_more(days, messages):
    ramp = {"start": 200, "growth": 1.5, "since": "2026-11-01"}
    assert allowance(ramp, date(2026, 11, 1) + timedelta(days=days)) == messages


def test_without_a_warm_up_nothing_is_asked(mail):
    assert warmup.take(mail, 1000) == 1000
    assert not ChannelRate.objects.exists()


def test_a_window_is_cut_to_what_is_left_today(young):
    assert [warmup.take(young, 2), warmup.take(young, 2), warmup.take(young, 2)] == [2, 1, 0]
    assert ChannelRate.objects.get().sent_today == 3


def test_what_was_not_used_is_given_back(young):
    warmup.take(young, 3)
    warmup.give_back(young, 2)
    assert warmup.take(young, 3) == 2


def test_a_window_that_a_pause_prevents_is_given_back(club, young, server, settings):
    settings.WINDOW_SIZE = 1
    make_contacts(club, 3)
    broadcast = steps.start(make_broadcast(young))
    server.before = lambda envelope: sending.pause(broadcast)
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 1, "pending": 2}
    assert ChannelRate.objects.get().sent_today == 1


def test_the_channel_rests_until_tomorrow_and_goes_on_by_itself(club, young, server):
    make_contacts(club, 7)
    broadcast = steps.send(make_broadcast(young))
    assert steps.log(broadcast) == {"sent": 3, "pending": 4}
    resting = Channel.objects.get()
    assert timezone.now() < resting.resting_until <= timezone.now() + timedelta(days=1)
    assert resting.resting_reason.startswith("Its warm-up allows 3 messages today")
    assert resting.health != Channel.Health.FAILING
    next_day()
    sending.run_pump(young.pk)
    sending.run_pump(young.pk)
    assert set(server.copies.values()) == {1}
    assert steps.log(broadcast) == {"sent": 6, "pending": 1}


def test_what_an_outage_left_untried_is_not_counted(club, young, server):
    make_contacts(club, 3)
    broadcast = steps.start(make_broadcast(young))
    first = broadcast.messages.get().deliveries.first().address
    server.answers[first] = TransportError("Try later", account=True)
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"pending": 3}
    assert ChannelRate.objects.get().sent_today == 0


def test_no_pump_is_enqueued_for_a_channel_that_rests(club, young, server, monkeypatch):
    enqueued = []
    make_contacts(club, 7)
    steps.send(make_broadcast(young))
    monkeypatch.setattr("broadcasts.sending.fairness.enqueue", lambda *task: enqueued.append(task))
    fairness.enqueue_pumps()
    assert enqueued == []
    next_day()
    fairness.enqueue_pumps()
    assert enqueued == [("pump", young.pk)]


def test_the_day_is_that_of_the_organization(club, young):
    club.time_zone = "Pacific/Kiritimati"
    club.save()
    young.refresh_from_db()
    while warmup.take(young, 3):
        pass
    end = Channel.objects.get().resting_until
    assert timezone.localtime(end, club.zone).strftime("%H:%M") == "00:00"


def test_a_change_of_the_warm_up_ends_the_rest(young):
    warmup.take(young, 3)
    warmup.take(young, 1)
    young.refresh_from_db()
    young.ramp = {"start": 5, "growth": 2}
    young.clean()
    young.save()
    assert Channel.objects.get().resting_until is None
    assert young.ramp["since"] == timezone.now().date().isoformat()
    assert warmup.take(young, 10) == 2


def test_a_worker_that_read_an_older_warm_up_does_not_put_the_channel_to_rest(young):
    older = Channel.objects.select_related("organization").get()
    warmup.take(older, 3)
    young.ramp = {}
    young.save()
    assert warmup.take(older, 1) == 0
    assert Channel.objects.get().resting_until is None


def test_the_first_day_is_kept_when_the_warm_up_is_changed(young):
    Channel.objects.update(ramp={"start": 3, "growth": 2, "since": "2026-11-01"})
    young.ramp = {"start": 4, "growth": 2}
    young.clean()
    assert young.ramp == {"start": 4, "growth": 2, "since": "2026-11-01"}
