"""What bounces lead to: suppressed for good, counted and suppressed for a time, or told to staff."""

from datetime import timedelta
from threading import Barrier

import pytest
from django.core import mail as django_mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import consenting, sending, tasks, tracking
from broadcasts.consenting import bouncing
from broadcasts.models import AuditEntry, Batch, Channel, Delivery, SoftBounce, Suppression
from broadcasts.sending.alerts import due_alerts
from broadcasts.tracking import Fact
from tests.make import make_broadcast, make_contact, make_delivery
from tests.sending.test_concurrency import at_once

FULL = {"hard": False, "class": "soft", "code": "5.2.2", "text": "552 5.2.2 mailbox full", "reporter": "mx.example.com"}
DEAD = {"hard": True, "class": "hard", "code": "5.1.1", "text": "550 5.1.1 no such user", "reporter": "mx.example.com"}
POLICY = {"hard": False, "class": "policy", "code": "5.7.26", "text": "unauthenticated", "reporter": "mx.example.com"}


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com")


@pytest.fixture
def copies(mail, joe):
    """Copies of many broadcasts to Joe."""
    return lambda n: [make_delivery(make_broadcast(mail), joe) for _ in range(n)]


def bounce(delivery, detail=FULL, days=0):
    return tracking.record(delivery, "bounced", timezone.now() - timedelta(days=days), detail=detail)


def causes():
    return list(Suppression.objects.values_list("address", "reason"))


# Hard


def test_a_hard_bounce_suppresses_and_keeps_its_report(copies):
    [copy] = copies(1)
    bounce(copy, DEAD)
    stop = Suppression.objects.get()
    assert (stop.reason, stop.delivery, stop.expires_at) == ("hard_bounce", copy.pk, None)
    copy.refresh_from_db()
    words = {"code": "5.1.1", "words": "550 5.1.1 no such user", "reporter": "mx.example.com"}
    assert stop.report == {**words, "at": copy.bounced_at.isoformat()}


@pytest.mark.parametrize(
    ("detail", "kind"),
    [
        ({"hard": True}, "hard"),
        ({"hard": True, "class": "soft"}, "hard"),
        ({"hard": False}, "soft"),
        ({}, "soft"),
        ({"class": "no such class", "code": "5.7.1"}, "policy"),
        ({"code": "5.2.2"}, "soft"),
        ({"code": "5.1.1"}, "hard"),
        ({"hard": False, "code": "5.1.1"}, "soft"),
        ({"hard": False, "code": "5.7.1"}, "policy"),
    ],
)
def test_an_event_without_a_class_gets_one_by_its_code(detail, kind):
    assert consenting.class_of(detail) == kind


def test_a_failure_that_says_nothing_of_the_address_is_not_counted(mail):
    unknown = make_delivery(make_broadcast(mail), status="unknown", sent_at=None)
    tracking.record(unknown, "failed", detail={"text": "rejected by the service"})
    assert not SoftBounce.objects.exists() and not Suppression.objects.exists()


# Soft


def test_as_many_soft_bounces_as_the_organization_says_suppress_for_a_time(copies, club):
    club.soft_bounces, club.soft_bounce_rest_days = 3, 10
    club.save()
    first, second, third = copies(3)
    bounce(first)
    bounce(second)
    assert causes() == []
    bounce(third)
    stop = Suppression.objects.get()
    assert (stop.address, stop.reason, stop.use_case, stop.delivery) == ("joe@example.com", "soft_bounce", "", third.pk)
    assert timedelta(days=9, hours=23) < stop.expires_at - timezone.now() <= timedelta(days=10)
    assert stop.report["code"] == "5.2.2" and stop.source.startswith("3 soft bounces within 30 days; the last one")


def test_a_copy_counts_once(copies):
    [copy] = copies(1)
    for _ in range(9):
        bounce(copy)
    assert SoftBounce.objects.count() == 1 and causes() == []


def test_soft_bounces_outside_the_window_do_not_count(copies):
    for n, copy in enumerate(copies(5)):
        bounce(copy, days=0 if n else 31)
    assert SoftBounce.objects.count() == 5 and causes() == []


def test_no_number_of_soft_bounces_suppresses_where_the_organization_says_0(copies, club):
    club.soft_bounces = 0
    club.save()
    for copy in copies(6):
        bounce(copy)
    assert causes() == []


def test_soft_bounces_of_another_organization_do_not_count(copies, elsewhere):
    their_channel = Channel.objects.create(
        organization=elsewhere, name="Mail", kind="email", from_address="a@b.example"
    )
    them = make_contact(elsewhere, "joe@example.com")
    for copy in [*copies(4), make_delivery(make_broadcast(their_channel), them)]:
        bounce(copy)
    assert causes() == []


def test_many_copies_of_one_address_in_one_report_are_counted_together(copies):
    tracking.record_all([Fact(copy.pk, "bounced", timezone.now(), detail=FULL) for copy in copies(5)])
    assert causes() == [("joe@example.com", "soft_bounce")]


def test_a_further_soft_bounce_moves_the_expiry(copies):
    for copy in copies(5):
        bounce(copy)
    Suppression.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    bounce(copies(1)[0])
    assert Suppression.objects.get().expires_at > timezone.now() + timedelta(days=29)


def test_a_suppression_without_an_end_stays_without(copies, club):
    consenting.suppress(club, "email", "joe@example.com", "soft_bounce")
    for copy in copies(5):
        bounce(copy)
    assert Suppression.objects.get().expires_at is None


@pytest.mark.parametrize("fact", ["delivered", "opened", "clicked"])
def test_an_address_that_works_again_begins_anew(copies, fact):
    *failed, fine = copies(5)
    for copy in failed:
        bounce(copy)
    tracking.record(fine, fact)
    assert not SoftBounce.objects.exists()


@pytest.mark.parametrize("late", [{"at": timezone.now() - timedelta(days=3)}, {"machine": True}])
def test_what_came_before_or_from_a_machine_proves_nothing(copies, late):
    bounced, fine = copies(2)
    bounce(bounced)
    tracking.record(fine, "opened", **late)
    assert SoftBounce.objects.count() == 1


def test_an_erased_address_is_suppressed_by_its_hash_alone(copies, club):
    found = copies(5)
    consenting.suppress(club, "email", "joe@example.com", "erased")
    for copy in found:
        bounce(copy)
    stop = Suppression.objects.get(reason="soft_bounce")
    assert (stop.address, stop.report, stop.delivery) == ("", None, None)


def test_many_bounces_take_as_many_queries_as_few(mail, club):
    club.soft_bounces = 1
    club.save()

    def queries(n, detail):
        made = make_broadcast(mail)
        together = Batch.objects.create(message=made.messages.get(), state="done")
        found = [make_delivery(made, make_contact(club), batch=together).pk for _ in range(n)]
        with CaptureQueriesContext(connection) as told:
            tracking.record_all([Fact(pk, "bounced", timezone.now(), detail=detail) for pk in found])
        return len(told)

    for detail in (DEAD, FULL, POLICY):
        queries(1, detail)  # the first alert of a day writes more
        assert queries(40, detail) == queries(2, detail)


# Its end


def test_a_suppression_that_has_expired_is_lifted_in_the_supervisor_s_round(club):
    yesterday, tomorrow = (timezone.now() + timedelta(days=days) for days in (-1, 1))
    for address, ends in (
        ("over@example.com", yesterday),
        ("later@example.com", tomorrow),
        ("never@example.com", None),
    ):
        consenting.suppress(club, "email", address, "soft_bounce", expires_at=ends)
    assert consenting.lift_expired in tasks.ROUND
    consenting.lift_expired()
    assert {address for address, _ in causes()} == {"later@example.com", "never@example.com"}
    entry = AuditEntry.objects.get(act="lift")
    assert entry.detail == {"reason": "It has expired.", "cause": "soft_bounce", "medium": "email"}


def test_a_round_lifts_no_more_than_so_many(club, monkeypatch):
    monkeypatch.setattr("broadcasts.consenting.lifting.LIFTED_AT_ONCE", 2)
    for n in range(5):
        consenting.suppress(club, "email", f"{n}@example.com", "manual", expires_at=timezone.now() - timedelta(days=1))
    consenting.lift_expired()
    assert Suppression.objects.count() == 3


def test_a_round_with_nothing_to_lift_is_one_query(club, django_assert_num_queries):
    consenting.suppress(club, "email", "joe@example.com", "manual", expires_at=timezone.now() + timedelta(days=1))
    with django_assert_num_queries(1):
        consenting.lift_expired()


def test_staff_lift_with_a_reason_and_the_count_begins_anew(copies, admin):
    for copy in copies(5):
        bounce(copy)
    assert consenting.lift_by_staff(Suppression.objects.all(), by=admin.user, reason="She made room") == 1
    assert not Suppression.objects.exists() and not SoftBounce.objects.exists()
    entry = AuditEntry.objects.get(act="lift")
    assert (entry.user, entry.detail["reason"], entry.detail["cause"]) == (admin.user, "She made room", "soft_bounce")


# Policy


def test_a_refusal_by_policy_leaves_the_person_alone_and_is_told_on_the_channel(copies, mail):
    bounce(copies(1)[0], POLICY)
    assert causes() == [] and not SoftBounce.objects.exists()
    mail.refresh_from_db()
    assert "refused by mx.example.com for a reason of policy (5.7.26): “unauthenticated”" in mail.last_error
    assert "SPF, a DKIM key and a DMARC record" in mail.last_error


@pytest.fixture
def mailed(settings, admin):
    settings.EMAIL_URL = "locmem"
    return lambda channel: (sending.mail_alerts(channel.pk), django_mail.outbox)[1]


def test_staff_are_mailed_once_a_day_for_each_cause(copies, mail, mailed):
    for copy in copies(3):
        bounce(copy, POLICY)
    assert list(due_alerts()) == [mail.pk]
    assert [one.subject for one in mailed(mail)] == ["Mail of “Newsletter” is refused by policy"]
    bounce(copies(1)[0], POLICY)
    assert len(mailed(mail)) == 1 and list(due_alerts()) == []
    bounce(copies(1)[0], {**POLICY, "code": "5.7.25"})
    told = mailed(mail)
    assert len(told) == 2 and "PTR" in told[1].body and "DMARC" not in told[1].body


def test_a_cause_is_told_again_after_a_day(copies, mail, mailed):
    bounce(copies(1)[0], POLICY)
    mailed(mail)
    mail.refresh_from_db()
    mail.alerts["5.7.26"]["at"] = (timezone.now() - timedelta(hours=25)).isoformat()
    mail.save()
    bounce(copies(1)[0], POLICY)
    assert len(mailed(mail)) == 2


def test_a_server_that_invents_codes_fills_no_mailbox(copies, mail):
    for n, copy in enumerate(copies(25)):
        bounce(copy, {**POLICY, "code": f"5.7.{100 + n}"})
    mail.refresh_from_db()
    assert len(mail.alerts) == 20


# Many workers at once


@pytest.mark.django_db(transaction=True)
def test_workers_that_count_bounces_of_one_address_at_once_suppress_it_once(mail, club):
    club.soft_bounces = 4
    club.save()
    joe = make_contact(club, "joe@example.com")
    waiting = [make_delivery(make_broadcast(mail), joe).pk for _ in range(4)]
    together = Barrier(4)

    def report():
        pk = waiting.pop()
        together.wait(5)
        tracking.record(pk, "bounced", detail=FULL)

    assert at_once(4, report) == [None] * 4
    assert (SoftBounce.objects.count(), Suppression.objects.filter(reason="soft_bounce").count()) == (4, 1)


@pytest.mark.django_db(transaction=True)
def test_reports_of_the_same_addresses_in_another_order_do_not_wait_in_a_circle(mail, club):
    people = [make_contact(club, f"p{n}@example.com") for n in range(6)]
    rounds = [[make_delivery(made, one).pk for one in people] for made in (make_broadcast(mail), make_broadcast(mail))]
    club.soft_bounces = 2
    club.save()
    orders = [rounds[0], rounds[1][::-1]]

    def report():
        tracking.record_all([Fact(pk, "bounced", timezone.now(), detail=FULL) for pk in orders.pop()])

    assert at_once(2, report) == [None] * 2
    assert Suppression.objects.filter(reason="soft_bounce").count() == 6


@pytest.mark.django_db(transaction=True)
def test_a_cause_that_two_workers_meet_at_once_is_one_alert(mail, club):
    waiting = [make_delivery(make_broadcast(mail), make_contact(club)).pk for _ in range(3)]
    assert at_once(3, lambda: bounce(Delivery.objects.get(pk=waiting.pop()), POLICY)) == [True] * 3
    mail.refresh_from_db()
    assert list(mail.alerts) == ["5.7.26"]


def test_the_hash_that_workers_wait_for_is_a_number_that_postgresql_takes():
    assert int("f" * 15, 16) < 2**63 and bouncing.CLASSES == ("hard", "soft", "policy")
