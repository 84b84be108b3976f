"""Clock times where people live, over every change of the clocks there is."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from broadcasts.clocks import in_utc, local_moment, quiet_until, zone_of, zones, zones_by_value

NIGHT = ("21:00", "08:00")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def madrid(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Madrid"), fold=fold)


@pytest.mark.parametrize(
    ("zone", "day", "clock", "moment"),
    [
        ("UTC", "2026-07-01", "09:00", "2026-07-01T09:00"),
        ("Europe/Madrid", "2026-07-01", "09:00", "2026-07-01T07:00"),
        ("Europe/Madrid", "2026-01-01", "09:00", "2026-01-01T08:00"),
        ("Asia/Kolkata", "2026-07-01", "09:00", "2026-07-01T03:30"),
        ("Asia/Kathmandu", "2026-07-01", "09:00", "2026-07-01T03:15"),
        ("Pacific/Kiritimati", "2026-07-01", "09:00", "2026-06-30T19:00"),
        ("Pacific/Niue", "2026-07-01", "20:00", "2026-07-02T07:00"),
        # The clocks go from 2:00 to 3:00: half past two comes an hour later by the clock.
        ("Europe/Madrid", "2026-03-29", "02:30", "2026-03-29T01:30"),
        ("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:30"),
        # The clocks go from 3:00 to 2:00: the first half past two.
        ("Europe/Madrid", "2026-10-25", "02:30", "2026-10-25T00:30"),
        ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30"),
        # By half an hour only: 2:00 to 2:30 on 4 October, 2:00 to 1:30 on 5 April.
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:45"),
        ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45"),
        # At midnight, so that the day begins at one.
        ("Africa/Cairo", "2026-04-24", "00:00", "2026-04-23T22:00"),
        # A day that Samoa never had.
        ("Pacific/Apia", "2011-12-30", "09:00", "2011-12-30T19:00"),
    ],
)
def test_a_clock_time_is_a_moment_of_each_zone(zone, day, clock, moment):
    assert local_moment(date.fromisoformat(day), time.fromisoformat(clock), ZoneInfo(zone)) == utc(moment)


def test_a_clock_time_of_the_second_hour_is_that_of_the_first():
    second = time(2, 30, fold=1)
    assert local_moment(date(2026, 10, 25), second, ZoneInfo("Europe/Madrid")) == utc("2026-10-25T00:30")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-07-01T20:59:59", None),
        ("2026-07-01T21:00", "2026-07-02T08:00"),
        ("2026-07-01T23:59:59", "2026-07-02T08:00"),
        ("2026-07-02T00:00", "2026-07-02T08:00"),
        ("2026-07-02T07:59:59", "2026-07-02T08:00"),
        ("2026-07-02T08:00", None),
        ("2026-12-31T22:00", "2027-01-01T08:00"),
        # A night of eleven hours has ten, and twelve, when the clocks change.
        ("2026-03-28T22:00", "2026-03-29T08:00"),
        ("2026-10-24T22:00", "2026-10-25T08:00"),
    ],
)
def test_a_night_goes_over_midnight(now, until):
    assert quiet_until(madrid(now), ZoneInfo("Europe/Madrid"), NIGHT) == (until and madrid(until))


@pytest.mark.parametrize(
    ("now", "hours", "until"),
    [
        ("12:59", ("13:00", "15:00"), None),
        ("13:00", ("13:00", "15:00"), "2026-07-01T15:00"),
        ("15:00", ("13:00", "15:00"), None),
        ("23:30", ("21:00", "00:00"), "2026-07-02T00:00"),
        ("00:00", ("21:00", "00:00"), None),
        ("00:00", ("00:00", "08:00"), "2026-07-01T08:00"),
        ("23:59", ("00:00", "08:00"), None),
    ],
)
def test_quiet_hours_may_be_by_day_and_may_touch_midnight(now, hours, until):
    found = quiet_until(madrid(f"2026-07-01T{now}"), ZoneInfo("Europe/Madrid"), hours)
    assert found == (until and madrid(until))


def test_an_end_that_the_clocks_leave_out_comes_later():
    now = madrid("2026-03-29T01:00")
    assert quiet_until(now, ZoneInfo("Europe/Madrid"), ("21:00", "02:30")) == utc("2026-03-29T01:30")


def test_of_an_end_that_comes_twice_the_first_counts_until_it_has_passed():
    zone, hours = ZoneInfo("Europe/Madrid"), ("21:00", "02:30")
    assert quiet_until(madrid("2026-10-25T02:15"), zone, hours) == utc("2026-10-25T00:30")
    assert quiet_until(madrid("2026-10-25T02:45"), zone, hours) is None
    assert quiet_until(madrid("2026-10-25T02:15", fold=1), zone, hours) == utc("2026-10-25T01:30")


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Madrid", "Asia/Kolkata", "Pacific/Kiritimati", "Australia/Lord_Howe", "Africa/Cairo"]
)
@pytest.mark.parametrize("hours", [NIGHT, ("00:00", "02:15"), ("23:30", "01:45"), ("12:00", "14:00")])
def test_it_is_quiet_just_when_the_clock_says_so_and_the_end_is_in_the_next_day(name, hours):
    zone = ZoneInfo(name)
    begin, end = (time.fromisoformat(clock) for clock in hours)
    changes = [utc(f"2026-{day}T00:00") for day in ("03-28", "04-04", "04-23", "10-03", "10-24", "10-29")]
    for now in (start + timedelta(minutes=15 * i) for start in changes for i in range(8 * 24)):
        clock = now.astimezone(zone).time()
        inside = begin <= clock < end if begin < end else not end <= clock < begin
        until = quiet_until(now, zone, hours)
        assert (until is not None) == inside
        assert until is None or now < until <= now + timedelta(hours=25)


def test_who_has_no_zone_or_one_nobody_knows_lives_at_home():
    home = ZoneInfo("Europe/Madrid")
    assert [zone_of(name, home) for name in ("", "Mars/Olympus", "europe/madrid")] == [home] * 3
    assert zone_of("Asia/Tokyo", home).key == "Asia/Tokyo"


def test_zones_are_grouped_by_the_answer_less_those_that_answer_as_at_home():
    noon = utc("2026-07-01T12:00")
    elsewhere, at_home = zones_by_value(lambda zone: noon.astimezone(zone).utcoffset(), ZoneInfo("Europe/Madrid"))
    assert at_home == timedelta(hours=2)
    assert timedelta(hours=2) not in elsewhere
    assert "Pacific/Kiritimati" in elsewhere[timedelta(hours=14)]
    assert 500 < sum(len(names) for names in elsewhere.values()) < len(zones())


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("2026-05-01T10:00:00+02:00", "2026-05-01T08:00:00+00:00"),
        ("2026-05-01 10:00-03:30", "2026-05-01T13:30:00+00:00"),
        *((same, same) for same in ("2026-05-01T10:00:00Z", "2026-05-01T10:00", "2026-05-01", "soon", 7, None, ["x"])),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_text_that_is_a_moment_with_an_offset_is_put_in_utc(value, stored):
    assert in_utc(value) == stored
