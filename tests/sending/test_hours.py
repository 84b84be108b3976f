"""Quiet hours and local clock times: who waits until when, and that nobody is lost or told twice to wait."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import sending, stats
from broadcasts.audience import Audience, estimate
from broadcasts.exceptions import LeaseLost, NotReady
from broadcasts.models import Batch, Broadcast, Contact, Delivery
from broadcasts.sending import fairness, hours, recovery, rounds
from tests.make import make_broadcast, make_contact

from . import steps
from .faults import Killed

DAY = date(2030, 7, 1)
NIGHT = {"email": ["21:00", "08:00"]}
QUIET = "Quiet hours until 08:00 where they are."


def at(clock: str, day: int = 0) -> datetime:
    return datetime.fromisoformat(f"{DAY + timedelta(days=day)}T{clock}").replace(tzinfo=UTC)


class Clock:
    """The clock by which people wait, far ahead of the one by which they are gathered."""

    def __init__(self) -> None:
        self.now = at("12:00")
        self.asked = 0

    def read(self, message) -> datetime:
        self.asked += 1
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(hours, "database_clock", clock.read)
    return clock


@pytest.fixture
def people(club):
    """By zone: Madrid is two hours ahead of UTC, Tokyo nine, New York four behind; the club is in UTC."""
    zones = ("", "Europe/Madrid", "Asia/Tokyo", "America/New_York", "Mars/Olympus")
    return {zone: make_contact(club, f"{i}@example.com", time_zone=zone) for i, zone in enumerate(zones)}


@pytest.fixture
def quiet(club, people):
    club.quiet_hours = NIGHT
    club.save()
    return club


def waiting(broadcast) -> dict[str, datetime]:
    """Until when people wait, by their zone."""
    rows = Delivery.objects.filter(message__broadcast=broadcast, status="pending")
    return dict(rows.exclude(due_at=None).values_list("contact__time_zone", "due_at"))


def adds_up(broadcast) -> Counter:
    """Compare the counters with the rows, which are everybody's; return the rows by status."""
    log = steps.log(broadcast)
    counts = stats.counts([broadcast])[broadcast.pk]
    assert {name: counts[name] for name in log} == dict(log)
    assert counts["contacts"] == log.total() == Contact.objects.count()
    return log


def put_off_later(broadcast, clock, now="22:00"):
    """Let the night come after the rows were born and before they are sent."""
    steps.start(broadcast)
    clock.now = at(now)
    steps.pump(broadcast)
    return broadcast


# Quiet hours.


def test_without_quiet_hours_no_clock_is_asked(mail, people, server, clock):
    assert steps.log(steps.send(make_broadcast(mail))) == {"sent": 5}
    assert clock.asked == 0


def test_quiet_hours_of_another_kind_of_channel_hold_up_nobody(quiet, mail, server, clock):
    quiet.quiet_hours = {"sms": ["00:00", "23:59"]}
    quiet.save()
    assert steps.log(steps.send(make_broadcast(mail))) == {"sent": 5}


@pytest.mark.parametrize("is_born_so", [True, False])
def test_each_waits_until_the_night_ends_where_they_are(quiet, mail, server, clock, is_born_so):
    clock.now = at("22:00" if is_born_so else "12:00")
    if not is_born_so:
        Contact.objects.filter(time_zone="Asia/Tokyo").update(time_zone="Asia/Seoul")  # as late, and asleep at noon
    broadcast = put_off_later(make_broadcast(mail), clock)
    assert [envelope.address for envelope in server.received] == ["3@example.com"]  # 18:00 in New York
    found = waiting(broadcast)
    assert found[""] == found["Mars/Olympus"] == at("08:00", 1)
    assert found["Europe/Madrid"] == at("06:00", 1)
    assert found.get("Asia/Tokyo", found.get("Asia/Seoul")) == at("23:00")
    assert set(Delivery.objects.filter(status="pending").values_list("error", "attempts")) == {(QUIET, 0)}
    assert adds_up(broadcast) == {"sent": 1, "pending": 4}


def test_they_are_sent_once_when_it_ends_and_nothing_is_left_of_the_wait(quiet, mail, server, clock):
    broadcast = put_off_later(make_broadcast(mail), clock)
    clock.now = at("08:00", 1)
    steps.come_due()
    rounds.gather()
    steps.pump(broadcast)
    assert adds_up(broadcast) == {"sent": 5}
    assert set(Delivery.objects.values_list("error", "due_at")) == {("", None)}
    assert set(server.copies.values()) == {1}
    assert broadcast.status == Broadcast.Status.SENT


def test_nobody_is_put_off_twice_in_a_night(quiet, mail, server, clock):
    broadcast = put_off_later(make_broadcast(mail), clock)
    turns = waiting(broadcast)
    for _ in range(2):
        rounds.gather()
        steps.pump(broadcast)
    assert waiting(broadcast) == turns
    assert Batch.objects.count() == 1


def test_a_batch_is_put_off_in_one_statement_however_many_it_has(
    quiet, mail, server, clock, django_assert_max_num_queries
):
    for i in range(30):
        make_contact(quiet, f"more{i}@example.com", time_zone="Europe/Madrid")
    broadcast = steps.start(make_broadcast(mail))
    clock.now = at("22:00")
    with django_assert_max_num_queries(60):
        steps.pump(broadcast)
    assert steps.log(broadcast) == {"pending": 34, "sent": 1}


def test_the_clock_is_asked_once_a_minute(quiet, mail, server, clock):
    for i in range(30):
        make_contact(quiet, f"more{i}@example.com")
    broadcast = steps.start(make_broadcast(mail))
    before = clock.asked
    steps.pump(broadcast)
    assert len(server.received) > 20
    assert clock.asked == before + 1


def test_a_night_that_begins_amid_a_batch_holds_up_the_rest_of_it(quiet, mail, server, clock):
    for i in range(30):
        make_contact(quiet, f"more{i}@example.com")
    broadcast = steps.start(make_broadcast(mail))

    def night_falls(envelope):
        clock.now = at("21:00")

    server.before = night_falls
    clock.now = at("21:00") - timedelta(microseconds=1)
    steps.pump(broadcast)
    assert 1 <= len(server.received) <= 12
    assert adds_up(broadcast)["pending"] == 35 - len(server.received)


def test_who_would_have_expired_by_the_end_of_the_night_is_skipped(quiet, mail, server, clock):
    broadcast = put_off_later(make_broadcast(mail, expires_at=at("06:30", 1)), clock)
    assert set(waiting(broadcast)) == {"Europe/Madrid", "Asia/Tokyo"}
    skipped = Delivery.objects.filter(status="skipped")
    assert set(skipped.values_list("contact__time_zone", "reason")) == {("", "expired"), ("Mars/Olympus", "expired")}
    assert adds_up(broadcast)["skipped"] == 2


def test_where_everybody_would_have_expired_everybody_is_skipped(quiet, mail, server, clock):
    Contact.objects.update(time_zone="")
    clock.now = at("23:00")
    broadcast = steps.start(make_broadcast(mail, expires_at=at("06:30", 1)))
    assert set(Delivery.objects.values_list("status", "reason")) == {("skipped", "expired")}
    adds_up(broadcast)


def test_only_what_is_general_may_ignore_the_quiet_hours(quiet, mail, server, clock):
    clock.now = at("22:00")
    urgent = steps.send(make_broadcast(mail, ignore_quiet_hours=True))
    assert steps.log(urgent) == {"sent": 5}
    pushy = steps.send(make_broadcast(mail, ignore_quiet_hours=True, use_case="marketing"))
    assert steps.log(pushy) == {"sent": 1, "pending": 4}


def test_who_is_put_off_is_safe_when_the_worker_dies(quiet, mail, server, clock):
    broadcast = steps.start(make_broadcast(mail))
    clock.now = at("22:00")

    def die(envelope):
        raise Killed

    server.before = die
    with pytest.raises(Killed):
        steps.pump(broadcast)
    steps.run_out_leases()
    sending.tick()
    assert adds_up(broadcast)["unknown"] <= 1
    assert len(waiting(broadcast)) >= 3
    server.before = lambda envelope: None
    clock.now = at("09:00", 1)
    steps.come_due()
    rounds.gather()
    steps.pump(broadcast)
    assert adds_up(broadcast)["pending"] == 0


def test_a_worker_that_lost_its_batch_puts_nobody_off(quiet, mail, server, clock):
    broadcast = steps.start(make_broadcast(mail))
    lease, turns = fairness.claim(mail), waiting(broadcast)
    steps.run_out_leases()
    recovery.recover()
    clock.now = at("22:00")
    with pytest.raises(LeaseLost):
        hours.QuietHours(lease, lease.message).defer()
    assert waiting(broadcast) == turns


def test_a_cancel_and_a_pause_find_those_who_wait(quiet, mail, server, clock):
    broadcast = put_off_later(make_broadcast(mail), clock)
    sending.pause(broadcast)
    clock.now = at("09:00", 1)
    steps.come_due()
    sending.tick()
    assert len(waiting(broadcast)) == 4
    sending.resume(broadcast)
    sending.cancel(broadcast)
    sending.close(broadcast.pk)
    assert adds_up(broadcast) == {"sent": 1, "cancelled": 4}
    assert Broadcast.objects.get().completed_at is not None


# Local clock times.


@pytest.fixture
def local(mail, people):
    """For nine o'clock on the next day."""
    return make_broadcast(mail, local_time=True, scheduled_at=at("09:00", 1))


def test_everybody_waits_for_the_clock_time_where_they_are(local, server, clock):
    steps.send(local)
    assert waiting(local) == {
        "": at("09:00", 1),
        "Mars/Olympus": at("09:00", 1),
        "Europe/Madrid": at("07:00", 1),
        "Asia/Tokyo": at("00:00", 1),
        "America/New_York": at("13:00", 1),
    }
    assert Delivery.objects.values_list("error").distinct().get() == ("Waits for 09:00 where they are.",)
    assert adds_up(local) == {"pending": 5}
    assert local.status == Broadcast.Status.SENDING


def test_a_batch_of_which_everybody_waits_is_claimed_by_nobody(local, server, clock):
    steps.start(local)
    assert Batch.objects.values_list("state", "total").get() == ("done", 5)
    sending.tick()
    assert Batch.objects.count() == 1


def test_whose_time_has_passed_gets_it_at_once(local, server, clock):
    clock.now = at("08:00", 1)
    steps.send(local)
    assert sorted(server.copies) == ["1@example.com", "2@example.com"]
    assert set(waiting(local)) == {"", "Mars/Olympus", "America/New_York"}
    assert adds_up(local) == {"sent": 2, "pending": 3}


def test_the_clock_time_is_that_of_the_organizations_zone(club, local, server, clock):
    club.time_zone = "Europe/Madrid"
    club.save()
    local.organization.refresh_from_db()
    steps.start(local)  # 9:00 in UTC is 11:00 in Madrid
    assert waiting(local)["Asia/Tokyo"] == at("02:00", 1)
    assert waiting(local)[""] == waiting(local)["Europe/Madrid"] == at("09:00", 1)


def test_they_are_sent_zone_after_zone_and_each_once(local, server, clock):
    steps.send(local)
    for now, so_far in (("00:00", 1), ("07:00", 2), ("09:00", 4), ("13:00", 5)):
        clock.now = at(now, 1)
        Delivery.objects.filter(due_at__lte=clock.now).update(due_at=Now())
        rounds.gather()
        steps.pump(local)
        assert adds_up(local)["sent"] == so_far
    assert local.status == Broadcast.Status.SENT
    assert set(server.copies.values()) == {1}


def test_who_is_skipped_waits_for_nothing(local, people, server, clock):
    Contact.objects.filter(time_zone="Europe/Madrid").update(status="blocked")
    steps.send(local)
    assert Delivery.objects.values_list("reason", "due_at", "error").get(status="skipped") == ("blocked", None, "")
    assert adds_up(local) == {"pending": 4, "skipped": 1}


def test_whose_time_comes_after_its_expiry_is_skipped(local, server, clock):
    Broadcast.objects.update(expires_at=at("09:00", 1))
    local.refresh_from_db()
    steps.start(local)
    assert set(waiting(local)) == {"Europe/Madrid", "Asia/Tokyo"}
    assert set(Delivery.objects.filter(status="skipped").values_list("reason", flat=True)) == {"expired"}
    assert adds_up(local) == {"pending": 2, "skipped": 3}


@pytest.mark.parametrize("night", [{}, NIGHT], ids=["no quiet hours", "quiet hours"])
def test_an_estimate_tells_who_will_have_expired_before_their_turn(club, local, server, clock, night):
    club.quiet_hours = night
    club.save()
    Broadcast.objects.update(expires_at=at("10:00", 1), scheduled_at=at("06:30", 1))
    broadcast = Broadcast.objects.get()
    told = estimate(Audience.of(broadcast), list(broadcast.messages.all()))
    steps.start(broadcast)
    log = adds_up(broadcast)
    assert (told.will_receive, told.skipped) == (log["pending"], {"expired": log["skipped"]})


def test_a_clock_time_in_the_night_waits_for_its_end(quiet, mail, server, clock):
    broadcast = make_broadcast(mail, local_time=True, scheduled_at=at("07:00", 1))
    steps.start(broadcast)
    assert waiting(broadcast)["Europe/Madrid"] == at("06:00", 1)
    assert set(Delivery.objects.values_list("error", flat=True)) == {QUIET}


def test_a_cancel_before_the_last_zone_ends_the_waiting(local, server, clock):
    steps.send(local)
    sending.cancel(local)
    sending.close(local.pk)
    assert adds_up(local) == {"cancelled": 5}
    assert set(Delivery.objects.values_list("due_at", flat=True)) == {None}


def test_sent_now_without_a_time_it_says_what_is_missing(mail, people):
    with pytest.raises(NotReady, match="Set scheduled_at first"):
        sending.send(make_broadcast(mail, local_time=True))
    assert Broadcast.objects.get().status == Broadcast.Status.DRAFT


def test_the_failed_are_tried_again_without_a_clock_time(local, server, clock):
    steps.start(local)
    Delivery.objects.update(status="failed", due_at=None)
    Broadcast.objects.update(status="SENT")
    local.refresh_from_db()
    child = sending.retry(local)
    assert (child.local_time, child.status) == (False, Broadcast.Status.SENDING)


def test_scheduled_it_is_looked_at_where_the_time_comes_first(local):
    sending.schedule(local)
    assert local.due_from == at("09:00", 1) - timedelta(hours=14)


@pytest.mark.parametrize(("hours_left", "starts"), [(10, False), (8, True)])
def test_it_starts_when_the_time_comes_for_the_first_who_lives_there(mail, people, server, hours_left, starts):
    moment = timezone.now() + timedelta(hours=hours_left)
    broadcast = make_broadcast(mail, local_time=True, scheduled_at=moment)
    sending.schedule(broadcast)  # Tokyo comes nine hours before
    sending.tick()
    broadcast.refresh_from_db()
    assert broadcast.status == ("SENDING" if starts else "SCHEDULED")
    assert starts or timezone.now() < broadcast.due_from <= timezone.now() + hours.LOOK_AGAIN


def test_it_is_not_late_while_its_time_has_come_for_nobody(club, local):
    club.late_start_minutes = 1
    club.save()
    Broadcast.objects.filter(pk=local.pk).update(scheduled_at=timezone.now() + timedelta(hours=10))
    local.refresh_from_db()
    sending.schedule(local)
    Broadcast.objects.update(due_from=timezone.now() - timedelta(hours=2))  # no supervisor looked
    sending.tick()
    local.refresh_from_db()
    assert local.status == Broadcast.Status.SCHEDULED


def test_until_it_starts_it_can_be_unscheduled(local):
    sending.schedule(local)
    sending.unschedule(local)
    assert local.status == Broadcast.Status.DRAFT


# Pages tell how many wait.


def test_what_is_waited_for_is_told_when_nothing_is_at_work(local, server, clock):
    steps.send(local)
    assert stats.waiting(local, 5) == stats.Waiting(
        5, at("00:00", 1), at("13:00", 1), "Waits for 09:00 where they are."
    )
    Batch.objects.update(state="ready")
    assert stats.waiting(local, 5) is None


def test_who_waits_for_a_moment_only_is_not_told_of(local, server, clock):
    steps.send(local)
    Delivery.objects.update(due_at=timezone.now() + timedelta(seconds=30))
    assert stats.waiting(local, 5) is None
