"""Which moments a broadcast can be scheduled for: a time that has passed sends nothing by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from broadcasts import drafting, sending
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast
from broadcasts.sending import moments
from tests.make import make_broadcast, make_contact

NOW = datetime(2026, 11, 29, 14, 11, tzinfo=UTC)  # 15:11 in Madrid
PASSED = "29 Nov 2026, 15:05 Europe/Madrid has passed: choose a time that is still to come."


@pytest.fixture(autouse=True)
def clock(monkeypatch, club):
    club.time_zone, club.default_send_hour = "Europe/Madrid", 9
    club.save()
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def broadcast(mail):
    make_contact(mail.organization)
    return make_broadcast(mail)


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def stored():
    return Broadcast.objects.values_list("status", "scheduled_at").get()


@pytest.mark.parametrize("minutes", [-5, 0, 1])
def test_a_moment_of_the_last_minutes_is_taken(broadcast, minutes):
    sending.schedule(broadcast, at(minutes))
    assert stored() == ("SCHEDULED", at(minutes))
    assert Broadcast.objects.get().due_from == max(at(minutes), NOW)


def test_an_earlier_one_is_refused_as_it_was_understood(broadcast):
    with pytest.raises(InvalidInput) as refused:
        sending.schedule(broadcast, at(-6))
    assert refused.value.errors == {"scheduled_at": PASSED}
    assert stored() == ("DRAFT", None)


def test_one_that_is_stored_and_has_passed_is_refused_too(broadcast):
    Broadcast.objects.update(scheduled_at=at(-6))
    with pytest.raises(InvalidInput) as refused:
        sending.schedule(Broadcast.objects.get())
    assert refused.value.errors == {"scheduled_at": PASSED}


def test_the_send_hour_of_today_is_not_too_late_when_it_is_stored(broadcast):
    nine = datetime(2026, 11, 29, 8, tzinfo=UTC)
    Broadcast.objects.update(scheduled_at=nine)
    sending.schedule(Broadcast.objects.get())
    assert stored() == ("SCHEDULED", nine)
    assert Broadcast.objects.get().due_from == NOW


@pytest.mark.parametrize("earlier", [{"days": 1}, {"hours": 1}])
def test_another_stored_hour_of_today_and_the_send_hour_of_yesterday_are_too_late(broadcast, earlier):
    Broadcast.objects.update(scheduled_at=datetime(2026, 11, 29, 8, tzinfo=UTC) - timedelta(**earlier))
    with pytest.raises(InvalidInput, match="has passed"):
        sending.schedule(Broadcast.objects.get())


def test_the_send_hour_of_today_is_refused_where_it_is_given_as_a_moment(broadcast):
    with pytest.raises(InvalidInput, match="29 Nov 2026, 09:00 Europe/Madrid has passed"):
        sending.schedule(broadcast, datetime(2026, 11, 29, 8, tzinfo=UTC))


def test_a_day_is_its_send_hour_and_may_be_today(broadcast):
    sending.schedule(broadcast, day=NOW.date())
    assert stored() == ("SCHEDULED", datetime(2026, 11, 29, 8, tzinfo=UTC))


def test_a_day_before_today_is_refused(broadcast):
    with pytest.raises(InvalidInput) as refused:
        sending.schedule(broadcast, day=NOW.date() - timedelta(days=1))
    told = "28 Nov 2026 has passed, in Europe/Madrid it is 29 Nov 2026: choose today or a later day."
    assert refused.value.errors == {"send_at": told}


@pytest.mark.parametrize(("minutes", "hour"), [(60, 15), (-60, 8)])
def test_a_day_that_it_has_already_keeps_its_clock_time_while_that_is_to_come(broadcast, minutes, hour):
    Broadcast.objects.update(scheduled_at=at(minutes))
    sending.schedule(Broadcast.objects.get(), day=NOW.date())
    assert stored()[1].hour == hour


def test_a_local_time_is_judged_by_the_clock_of_the_organization(broadcast):
    Broadcast.objects.update(local_time=True)
    local = Broadcast.objects.get()
    with pytest.raises(InvalidInput, match="15:05 Europe/Madrid has passed"):
        sending.schedule(local, at(-6))
    sending.schedule(local, at(60))
    assert Broadcast.objects.get().due_from == NOW  # east of Madrid that time has come


def test_new_times_are_judged_and_stored_ones_are_not(broadcast):
    Broadcast.objects.update(scheduled_at=at(-60), expires_at=at(-30))
    old = Broadcast.objects.get()
    same = {"scheduled_at": old.scheduled_at, "expires_at": old.expires_at}
    assert moments.refused(old, same, UTC) == {}
    assert drafting.save(old, {"subject": "New", **same}).scheduled_at == at(-60)
    assert set(moments.refused(old, {"scheduled_at": at(-61), "expires_at": at(-31)}, UTC)) == set(moments.TIMES)
    assert list(moments.refused(old, {"scheduled_at": at(60)}, UTC)) == ["expires_at"]


def test_a_draft_takes_today_as_a_day_and_no_moment_of_the_past(broadcast):
    assert drafting.save(broadcast, {"send_at": NOW.date()}).scheduled_at == datetime(2026, 11, 29, 8, tzinfo=UTC)
    for values in ({"scheduled_at": at(-6)}, {"expires_at": at(-6)}):
        with pytest.raises(InvalidInput, match="29 Nov 2026, 15:05 Europe/Madrid has passed"):
            drafting.save(broadcast, values)


def test_a_day_after_the_expiry_is_refused(broadcast):
    Broadcast.objects.update(expires_at=at(60))
    with pytest.raises(InvalidInput, match="expires_at"):
        drafting.save(Broadcast.objects.get(), {"send_at": NOW.date() + timedelta(days=1)})


def test_what_would_have_expired_is_not_scheduled(broadcast):
    Broadcast.objects.update(expires_at=at(-60))
    with pytest.raises(InvalidInput, match="It would have expired by then"):
        sending.schedule(Broadcast.objects.get(), day=NOW.date())


@pytest.mark.parametrize("minutes", [-1, 60])
def test_a_copy_keeps_an_expiry_only_while_it_is_to_come(broadcast, minutes):
    Broadcast.objects.update(expires_at=at(minutes))
    copy = sending.duplicate(Broadcast.objects.get())
    assert copy.expires_at == (at(minutes) if minutes > 0 else None)
