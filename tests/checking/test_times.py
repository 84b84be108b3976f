"""The lines about when it begins and ends, and what it costs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from broadcasts.models import Broadcast, Channel, Organization
from tests.make import make_broadcast, make_contact, make_contacts

from .asked import details, level, line


def tomorrow(hour: int) -> datetime:
    return (timezone.now().astimezone(UTC) + timedelta(days=1)).replace(hour=hour, minute=0, second=0, microsecond=0)


@pytest.fixture
def nights(mail):
    Organization.objects.update(quiet_hours={"email": ["22:00", "08:00"]})


def test_a_broadcast_without_a_time_begins_when_it_is_sent(mail, joe):
    words = line(make_broadcast(mail), "schedule").words
    assert words == "It begins when you send it, and no channel limits how fast it goes."


def test_the_expected_end_follows_from_the_limits_of_its_channels(mail):
    make_contacts(mail.organization, 5)
    Channel.objects.update(rate=1)
    words = line(make_broadcast(mail, scheduled_at=tomorrow(9)), "schedule").words
    assert ("09:00 UTC" in words, "takes about 5 s, until" in words) == (True, True)


def test_a_time_that_has_passed_is_warned_of(mail, joe):
    broadcast = make_broadcast(mail, scheduled_at=timezone.now() - timedelta(hours=1))
    assert level(broadcast, "schedule") == "warning"


def test_at_each_person_s_own_time_it_takes_until_the_last_zone(mail, joe):
    make_contact(mail.organization, time_zone="America/New_York")
    broadcast = make_broadcast(mail, scheduled_at=tomorrow(9), local_time=True)
    assert "takes about" in line(broadcast, "schedule").words


def test_without_quiet_hours_nothing_is_told(mail, joe):
    assert level(make_broadcast(mail), "quiet_hours") is None


@pytest.mark.usefixtures("nights")
def test_nobody_waits_by_day(mail, joe):
    assert level(make_broadcast(mail, scheduled_at=tomorrow(12)), "quiet_hours") == "ok"


@pytest.mark.usefixtures("nights")
def test_people_in_quiet_hours_are_counted_with_when_the_last_gets_it(mail, joe):
    make_contact(mail.organization, time_zone="Asia/Tokyo")  # where it is noon
    found = line(make_broadcast(mail, scheduled_at=tomorrow(3)), "quiet_hours")
    assert (found.level, found.words.startswith("1 person has quiet hours")) == ("warning", True)
    assert "08:00 UTC" in found.words


@pytest.mark.usefixtures("nights")
def test_ignored_quiet_hours_are_told(mail, joe):
    broadcast = make_broadcast(mail, scheduled_at=tomorrow(3), ignore_quiet_hours=True)
    assert "ignores quiet hours" in line(broadcast, "quiet_hours").words


@pytest.mark.usefixtures("nights")
def test_a_clock_time_in_the_night_of_each_person_waits_too(mail, joe):
    broadcast = make_broadcast(mail, scheduled_at=tomorrow(3), local_time=True)
    assert level(broadcast, "quiet_hours") == "warning"


def test_channels_without_daily_limits_are_not_spoken_of(mail, joe):
    assert level(make_broadcast(mail), "limits") is None


@pytest.mark.parametrize(("people", "found"), [(3, "ok"), (4, "warning")])
def test_a_warm_up_has_room_or_takes_days(mail, people, found):
    mail.ramp = {"start": 3, "growth": 2, "since": timezone.now().date().isoformat()}
    mail.save()
    make_contacts(mail.organization, people)
    assert level(make_broadcast(mail), "limits") == found


def test_a_warm_up_that_is_used_up_today_is_warned_of(mail, joe):
    mail.ramp = {"start": 3, "growth": 2, "since": timezone.now().date().isoformat()}
    mail.resting_until = timezone.now() + timedelta(hours=3)
    mail.save()
    assert "goes on at" in details(make_broadcast(mail), "limits")[0]


def test_a_limit_of_people_a_day_is_warned_of(mail):
    mail.people_told = 2
    mail.save()
    make_contacts(mail.organization, 3)
    broadcast = make_broadcast(mail)
    broadcast.messages.update(template=mail.organization.templates.create(name="T", channel=mail))
    assert "in 24 hours" in details(broadcast, "limits")[0]


def test_without_an_expiry_nothing_is_told(mail, joe):
    assert level(make_broadcast(mail), "expiry") is None


def test_an_expiry_after_the_end_is_fine(mail, joe):
    assert level(make_broadcast(mail, expires_at=tomorrow(9)), "expiry") == "ok"


def test_an_expiry_before_the_end_is_warned_of(mail):
    make_contacts(mail.organization, 5)
    Channel.objects.update(rate=1)
    broadcast = make_broadcast(mail, expires_at=timezone.now() + timedelta(seconds=3))
    assert level(broadcast, "expiry") == "warning"


def test_an_expiry_before_the_beginning_is_stopped(mail, joe):
    broadcast = make_broadcast(mail, scheduled_at=tomorrow(9), expires_at=tomorrow(8))
    assert level(broadcast, "expiry") == "stop"


def test_an_expiry_that_has_passed_leaves_nobody(mail, joe):
    Broadcast.objects.update()
    broadcast = make_broadcast(mail, expires_at=timezone.now() - timedelta(hours=1))
    assert level(broadcast, "recipients") == "stop"


def test_what_sms_cost_is_told(texts, club):
    make_contact(club, phone="+34600000001")
    assert line(make_broadcast(texts), "cost").words == "It costs about 1 SMS segment, 0.05 EUR."


def test_segments_are_told_where_the_channel_has_no_price(texts, club):
    make_contact(club, phone="+34600000001")
    texts.settings.pop("price_per_segment")
    texts.save()
    assert "price per segment" in line(make_broadcast(texts, body="a" * 161), "cost").words


def test_mail_costs_nothing_that_is_told(mail, joe):
    assert level(make_broadcast(mail), "cost") is None
