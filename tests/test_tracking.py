from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from broadcasts import tracking
from broadcasts.mediums import address_hash
from broadcasts.models import Batch, Consent, ConsentChange, Delivery, DeliveryEvent, Suppression
from tests.make import make_broadcast, make_contact, make_delivery

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def delivery(mail):
    return make_delivery(make_broadcast(mail), make_contact(mail.organization, email="joe@example.com"))


def counters(delivery: Delivery) -> dict[str, int]:
    """What its batches count, without zeros."""
    names = ("sent", "failed", "unknown", "delivered", "bounced", "opened", "clicked", "complained", "unsubscribed")
    rows = list(Batch.objects.filter(message=delivery.message_id).values(*names))
    sums = {name: sum(row[name] for row in rows) for name in names}
    return {name: number for name, number in sums.items() if number}


def events(delivery: Delivery) -> list[str]:
    return list(DeliveryEvent.objects.filter(delivery=delivery).order_by("id").values_list("type", flat=True))


@pytest.mark.parametrize("fact", ["delivered", "opened", "played", "replied"])
def test_a_fact_is_set_and_counted_once_and_keeps_its_first_time(delivery, fact):
    assert tracking.record(delivery, fact, NOON)
    assert not tracking.record(delivery.pk, fact, NOON - timedelta(days=1))
    delivery.refresh_from_db()
    assert getattr(delivery, f"{fact}_at") == NOON
    assert getattr(Batch.objects.get(message=delivery.message), fact) == 1


def test_a_click_is_an_open_too(delivery):
    tracking.record(delivery, "clicked", NOON)
    tracking.record(delivery, "opened", NOON)
    delivery.refresh_from_db()
    assert delivery.opened_at == delivery.clicked_at == NOON
    assert counters(delivery) == {"sent": 1, "opened": 1, "clicked": 1}


def test_what_a_machine_does_is_noted_and_sets_no_fact(delivery):
    assert not tracking.record(delivery, "clicked", NOON, machine=True)
    assert events(delivery) == ["clicked"] and counters(delivery) == {"sent": 1}


def test_repeated_reports_leave_one_event_and_repeated_opens_each_theirs(delivery):
    for fact in ("delivered", "delivered", "opened", "opened"):
        tracking.record(delivery, fact)
    assert events(delivery) == ["delivered", "opened", "opened"]


def test_a_gathered_delivery_is_counted_in_the_batch_it_was_gathered_in(delivery):
    gathered = Batch.objects.create(message=delivery.message, state="done")
    Delivery.objects.filter(pk=delivery.pk).update(batch=gathered)
    tracking.record(delivery, "opened")
    gathered.refresh_from_db()
    assert gathered.opened == 1 and counters(delivery) == {"sent": 1, "opened": 1}


@pytest.mark.parametrize("told", ["sent", "delivered", "opened"])
def test_whoever_got_an_unknown_one_was_sent_it(mail, told):
    unknown = make_delivery(make_broadcast(mail), status="unknown", sent_at=None)
    assert tracking.record(unknown, told, NOON)
    unknown.refresh_from_db()
    assert (unknown.status, unknown.sent_at) == ("sent", NOON)
    assert counters(unknown).get("unknown") is None and counters(unknown)["sent"] == 1


def test_an_unknown_one_that_failed_is_failed_and_stays_so(mail):
    unknown = make_delivery(make_broadcast(mail), status="unknown", sent_at=None)
    assert tracking.record(unknown, "failed", NOON)
    assert not tracking.record(unknown, "sent", NOON)
    unknown.refresh_from_db()
    assert unknown.status == "failed" and counters(unknown) == {"failed": 1}


def test_a_failure_after_acceptance_is_a_bounce(delivery):
    tracking.record(delivery, "failed", NOON)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.bounced_at) == ("sent", NOON)
    assert events(delivery) == ["bounced"]


def test_news_about_a_skipped_one_changes_no_status(mail):
    skipped = make_delivery(make_broadcast(mail), status="skipped", sent_at=None)
    tracking.record(skipped, "sent")
    skipped.refresh_from_db()
    assert skipped.status == "skipped" and skipped.sent_at is None


def test_only_a_hard_bounce_suppresses_the_address(mail, club):
    soft, hard = (make_delivery(make_broadcast(mail)) for _ in range(2))
    tracking.record(soft, "bounced")
    tracking.record(hard, "bounced", detail={"hard": True, "code": "550 5.1.1"})
    suppression = Suppression.objects.get(organization=club)
    assert (suppression.address, suppression.reason, suppression.use_case) == (hard.address, "hard_bounce", "")


def test_a_complaint_stops_marketing_to_the_address(delivery, club):
    tracking.record(delivery, "complained")
    suppression = Suppression.objects.get(organization=club)
    assert (suppression.reason, suppression.use_case, suppression.medium) == ("complaint", "marketing", "email")
    assert suppression.address_hash == address_hash("joe@example.com")


def test_a_complaint_told_again_does_not_bring_back_what_staff_removed(delivery):
    tracking.record(delivery, "complained")
    Suppression.objects.all().delete()
    tracking.record(delivery, "complained")
    assert not Suppression.objects.exists()


def test_unsubscribing_withdraws_consent_suppresses_and_notes_the_fact(delivery, club):
    assert tracking.unsubscribe(delivery, "page")
    delivery.refresh_from_db()
    consent, change, suppression = Consent.objects.get(), ConsentChange.objects.get(), Suppression.objects.get()
    assert delivery.unsubscribed_at and counters(delivery) == {"sent": 1, "unsubscribed": 1}
    assert (consent.contact, consent.use_case, consent.state) == (delivery.contact, "marketing", "withdrawn")
    assert (change.state, change.source, change.evidence["delivery"]) == ("withdrawn", "page", delivery.pk)
    assert (suppression.organization, suppression.reason, suppression.use_case) == (club, "unsubscribe", "marketing")


def test_unsubscribing_again_changes_nothing(delivery):
    tracking.unsubscribe(delivery, "page")
    assert not tracking.unsubscribe(delivery, "one-click")
    assert ConsentChange.objects.count() == Suppression.objects.count() == len(events(delivery)) == 1


def test_a_new_no_after_a_new_yes_counts_again(delivery):
    tracking.unsubscribe(delivery, "page")
    Consent.objects.update(state="granted")
    Suppression.objects.all().delete()
    tracking.unsubscribe(delivery, "page")
    assert Consent.objects.get().state == "withdrawn" and Suppression.objects.count() == 1
    assert ConsentChange.objects.count() == 2


def test_somebody_erased_can_still_unsubscribe(delivery):
    Delivery.objects.filter(pk=delivery.pk).update(contact=None, address="")
    assert tracking.unsubscribe(delivery, "page")
    assert counters(delivery)["unsubscribed"] == 1
    assert not Suppression.objects.exists() and not Consent.objects.exists()


def test_a_missing_batch_stops_nobody_from_unsubscribing(delivery, caplog):
    Batch.objects.all().delete()
    assert tracking.unsubscribe(delivery, "page")
    assert Suppression.objects.exists() and "batches" in caplog.text


def test_an_address_is_suppressed_once_per_reason_and_the_stricter_wins(club):
    tracking.suppress(club, "email", "Joe@Example.com", "manual", "marketing")
    tracking.suppress(club, "email", "joe@example.com", "manual")
    tracking.suppress(club, "email", "joe@example.com", "manual", "marketing")
    assert Suppression.objects.get().use_case == ""


def test_what_is_no_address_is_not_suppressed(club):
    assert tracking.suppress(club, "email", "joe@", "manual") is None
    assert tracking.suppress(club, "sms", "", "manual") is None


def test_a_fact_without_a_time_happened_now(delivery):
    tracking.record(delivery, "opened")
    delivery.refresh_from_db()
    assert timezone.now() - delivery.opened_at < timedelta(minutes=5)


def test_a_complaint_is_a_no_that_goes_with_the_person_to_another_address(delivery):
    tracking.record(delivery, "complained")
    contact = delivery.contact
    contact.email = "other@example.com"
    contact.save()
    assert Consent.objects.get(contact=contact).state == "withdrawn"


def test_a_number_that_does_not_exist_is_suppressed_also_where_the_outcome_was_unknown(mail):
    unknown = make_delivery(make_broadcast(mail), status="unknown", sent_at=None)
    tracking.record(unknown, "failed", detail={"hard": True})
    assert Suppression.objects.get().address == unknown.address
