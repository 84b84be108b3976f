"""Calls: signed, in order within a broadcast, at least once, and what becomes of the subscription."""

import time
from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import consenting, sending, telling, tracking
from broadcasts.contacts import erase
from broadcasts.models import AuditEntry, Broadcast, Delivery, EventCall, EventNote, EventSubscription, Link
from broadcasts.retention import prune
from broadcasts.telling import outcomes, rounds
from broadcasts.telling.calls import EventCaller
from broadcasts.telling.sorting import sort_notes
from tests.make import make_broadcast, make_contact, make_contacts, make_delivery
from tests.sending.steps import send

BUSY = (503, {"Retry-After": "7200"}, b"later")


@pytest.fixture
def delivery(mail):
    return make_delivery(make_broadcast(mail, html="<a href='https://club.example/'>x</a>"))


def come_due() -> None:
    EventCall.objects.filter(state="waiting").update(due_at=Now() - timedelta(seconds=1))
    past = Now() - timedelta(seconds=1)
    EventSubscription.objects.update(due_at=past, backoff_until=None)


def test_events_arrive_signed_and_say_what_happened(delivery, club, subscribe, receiver):
    subscribe(club)
    link = Link.objects.create(message=delivery.message, url="https://club.example/", digest="x")
    tracking.record(delivery, "clicked", link=link)
    telling.tell()
    opened, clicked = receiver.events
    assert (opened["type"], clicked["type"], receiver.unsigned) == ("opened", "clicked", 0)
    assert clicked["broadcast"] == str(delivery.message.broadcast.uuid)
    assert (clicked["contact"], clicked["address"]) == (str(delivery.contact.uuid), delivery.address)
    assert (clicked["channel"], clicked["first"], clicked["detail"]) == ("Newsletter", True, {"url": link.url})


def test_a_whole_broadcast_is_told_from_start_to_finish(mail, club, subscribe, receiver, server):
    subscribe(club)
    make_contacts(club, 3)
    broadcast = send(make_broadcast(mail))
    telling.tell()
    assert receiver.types == ["broadcast.started", "sent", "sent", "sent", "broadcast.finished"]
    last = receiver.events[-1]
    assert (last["name"], last["status"], last["counts"]["sent"]) == (broadcast.name, "SENT", 3)
    assert len(receiver.calls) == 1
    assert not EventNote.objects.exists()


def test_a_call_carries_at_most_a_hundred_events_and_needs_few_queries(
    delivery, club, subscribe, django_assert_max_num_queries
):
    subscribe(club)
    tracking.record_all([tracking.Fact(delivery.pk, "opened", timezone.now()) for _ in range(150)])
    rounds.sort_notes(float("inf"))
    first, second = EventCall.objects.order_by("pk")
    assert (first.size, second.size) == (100, 50)
    with django_assert_max_num_queries(7):
        telling.document(first)


def test_the_calls_of_a_broadcast_wait_for_the_one_before_and_others_go_on(delivery, mail, club, subscribe, receiver):
    subscribe(club)
    other = make_delivery(make_broadcast(mail))
    tracking.record(delivery, "delivered")
    rounds.sort_notes(float("inf"))
    blocked = EventCall.objects.get().identity
    receiver.answer = lambda identity: (500, {}, b"") if identity == blocked else (200, {}, b"ok")
    tracking.record(delivery, "opened")
    tracking.record(other, "replied")
    telling.tell()
    assert receiver.types == ["replied"]
    receiver.answer = lambda identity: (200, {}, b"ok")
    come_due()
    telling.tell()
    assert receiver.types == ["replied", "delivered", "opened"]
    assert receiver.calls[1][0] == blocked


def test_a_failed_call_waits_longer_each_time_and_is_given_up_at_last(delivery, club, subscribe, receiver):
    subscription = subscribe(club)
    receiver.answer = lambda identity: (500, {}, b"out of order")
    tracking.record(delivery, "delivered")
    waits = []
    for _ in range(len(outcomes.DELAYS) + 1):
        telling.tell()
        call = EventCall.objects.get()
        waits.append(round((call.due_at - call.tried_at).total_seconds()) if call.due_at else None)
        come_due()
    assert waits == [*outcomes.DELAYS, None]
    assert (call.state, call.status_code, call.answer) == ("failed", 500, "out of order")
    subscription.refresh_from_db()
    assert (subscription.failures, "answered 500" in subscription.last_error) == (13, True)


def test_a_busy_receiver_is_left_alone_as_long_as_it_asks(delivery, club, subscribe, receiver):
    subscription = subscribe(club)
    receiver.answer = lambda identity: BUSY
    tracking.record(delivery, "delivered")
    telling.tell()
    subscription.refresh_from_db()
    assert subscription.backoff_until > timezone.now() + timedelta(minutes=119)
    assert EventCall.objects.get().due_at > timezone.now() + timedelta(minutes=119)
    EventSubscription.objects.update(due_at=Now())
    assert not EventSubscription.objects.filter(EventSubscription.due()).exists()


def test_several_failures_in_a_row_rest_all_its_calls(mail, club, subscribe, receiver):
    subscription = subscribe(club)
    receiver.answer = lambda identity: (500, {}, b"")
    for _ in range(30):
        tracking.record(make_delivery(make_broadcast(mail)), "delivered")
    telling.tell()
    subscription.refresh_from_db()
    assert subscription.backoff_until is not None
    assert len(receiver.refused) <= outcomes.TOLERATED + rounds.AT_ONCE


def test_a_receiver_that_is_gone_switches_it_off_and_staff_are_mailed(
    delivery, club, admin, subscribe, receiver, settings
):
    settings.EMAIL_URL = "smtp://mail.example"
    subscription = subscribe(club)
    receiver.answer = lambda identity: (410, {}, b"")
    tracking.record(delivery, "delivered")
    telling.tell()
    telling.notify(subscription.pk)
    telling.notify(subscription.pk)
    subscription.refresh_from_db()
    assert not subscription.is_active
    assert subscription.stopped_because == "Its receiver answered 410 Gone: it wants no more calls."
    assert [one.to for one in outbox.outbox] == [[admin.user.email]]
    assert AuditEntry.objects.filter(act="switch off").count() == 1
    assert EventCall.objects.get().state == "waiting"


def test_days_without_a_success_switch_it_off(delivery, club, subscribe, receiver):
    subscription = subscribe(club, failing_since=timezone.now() - timedelta(days=4), failures=1)
    receiver.answer = lambda identity: (500, {}, b"")
    tracking.record(delivery, "delivered")
    telling.tell()
    subscription.refresh_from_db()
    assert subscription.stopped_because.startswith("No call has succeeded for 3 d. The last error: 127.0.0.1")


def test_a_success_ends_its_failing(delivery, club, subscribe, receiver):
    subscription = subscribe(club, failing_since=timezone.now() - timedelta(days=2), failures=9)
    tracking.record(delivery, "delivered")
    telling.tell()
    subscription.refresh_from_db()
    assert (subscription.failing_since, subscription.failures) == (None, 0)
    assert subscription.last_success_at is not None


def test_a_worker_that_died_before_it_recorded_the_answer_repeats_the_call(delivery, club, subscribe, receiver):
    subscribe(club)
    tracking.record(delivery, "delivered")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "record", lambda *args: 1 / 0)
        patch.setattr(rounds.Teller, "release_all", lambda self: None)
        with pytest.raises(ZeroDivisionError):
            telling.tell()
    telling.tell()
    assert len(receiver.calls) == 1  # its lease still holds
    EventSubscription.objects.update(lease_until=Now() - timedelta(seconds=1))
    telling.tell()
    first, second = receiver.calls
    assert first == second
    assert EventCall.objects.get().state == "succeeded"


def test_a_worker_whose_lease_was_taken_records_nothing(delivery, club, subscribe, receiver):
    subscription = subscribe(club)
    tracking.record(delivery, "delivered")
    with pytest.MonkeyPatch.context() as patch:
        real = rounds.record

        def late(held, call, result):
            EventSubscription.objects.update(token=99)
            return real(held, call, result)

        patch.setattr(rounds, "record", late)
        telling.tell()
    assert EventCall.objects.get().state == "waiting"
    subscription.refresh_from_db()
    assert (subscription.token, subscription.last_success_at) == (99, None)


def test_nothing_is_called_for_a_suspended_organization(delivery, club, subscribe, receiver):
    subscribe(club)
    tracking.record(delivery, "delivered")
    type(club).objects.update(status="suspended")
    telling.tell()
    assert (receiver.calls, EventCall.objects.get().state) == ([], "waiting")
    type(club).objects.update(status="active")
    telling.tell()
    assert receiver.types == ["delivered"]


def test_a_closed_network_is_not_called_and_a_redirect_not_followed(delivery, club, subscribe, receiver, settings):
    subscribe(club)
    receiver.answer = lambda identity: (302, {"Location": receiver.url}, b"")
    tracking.record(delivery, "delivered")
    telling.tell()
    assert "not followed" in EventCall.objects.get().error
    settings.OPEN_NETWORKS = []
    come_due()
    telling.tell()
    assert "a loopback address" in EventCall.objects.get().error
    assert len(receiver.refused) == 1


def test_a_receiver_that_hangs_up_is_told_as_such(delivery, club, subscribe, receiver):
    subscribe(club)
    receiver.answer = lambda identity: 1 / 0
    tracking.record(delivery, "delivered")
    telling.tell()
    host = f"127.0.0.1:{receiver.server_port}"
    assert EventCall.objects.get().error == f"The connection to {host} broke before its answer."


def test_of_an_erased_contact_calls_say_nothing_any_more(delivery, club, subscribe, receiver):
    subscribe(club)
    contact = delivery.contact
    tracking.record(delivery, "bounced", detail={"error": f"no mailbox {contact.email}"})
    consenting.withdraw(make_contact(club), "email", "marketing", source="x", evidence={})
    rounds.sort_notes(float("inf"))
    call = EventCall.objects.get(types=",bounced,")
    EventCall.objects.filter(pk=call.pk).update(answer=f"thanks for {contact.email}")
    erase(contact)
    call.refresh_from_db()
    [event] = telling.document(call)["data"]
    assert (event["contact"], event["address"], event["detail"]) == (None, "", {})
    assert call.answer == "thanks for (erased)"


def test_a_deleted_broadcast_leaves_its_calls(mail, club, subscribe, receiver):
    subscribe(club)
    broadcast = make_broadcast(mail)
    sending.schedule(broadcast, timezone.now() + timedelta(hours=1))
    Broadcast.objects.filter(pk=broadcast.pk).delete()
    telling.tell()
    assert [(event["type"], event["broadcast"]) for event in receiver.events] == [("broadcast.scheduled", None)]


def test_deleting_a_subscription_deletes_its_calls_without_loading_them(
    delivery, club, subscribe, receiver, django_assert_num_queries
):
    subscription = subscribe(club)
    tracking.record(delivery, "delivered")
    telling.tell()
    with django_assert_num_queries(2):
        subscription.delete()
    assert not EventCall.objects.exists()


def test_old_calls_are_pruned_and_waiting_ones_kept(delivery, club, subscribe, receiver):
    subscription = subscribe(club)
    tracking.record(delivery, "delivered")
    telling.tell()
    tracking.record(delivery, "opened")
    rounds.sort_notes(float("inf"))
    EventCall.objects.update(created=timezone.now() - timedelta(days=15))
    assert prune()["calls with events"] == 1
    EventSubscription.objects.filter(pk=subscription.pk).update(is_active=False)
    assert prune()["calls with events"] == 1


def test_slow_receivers_leave_places_for_others(mail, club, subscribe, monkeypatch):
    monkeypatch.setattr(EventCaller, "concurrency", 2)
    for name in ("Slow", "Other"):
        subscribe(club, "delivered", name=name)
    for contact in make_contacts(club, 3):
        tracking.record(make_delivery(make_broadcast(mail), contact), "delivered")
    with EventCaller() as caller:
        teller = rounds.Teller(caller)
        teller.look()
        teller.begin()
        assert [len(held.flying) for held in teller.held.values()] == [1, 1]


def test_a_subscription_that_is_given_back_goes_behind_the_others(delivery, club, subscribe):
    made = subscribe(club, "delivered")
    tracking.record(delivery, "delivered")
    sort_notes(time.monotonic() + 5)
    EventCall.objects.update(due_at=Now() - timedelta(hours=1))
    with EventCaller() as caller:
        teller = rounds.Teller(caller)
        teller.look()
        teller.release_all()
    made.refresh_from_db()
    assert timezone.now() - made.due_at < timedelta(minutes=1)


def test_a_call_does_not_overtake_one_that_is_to_be_tried_later(delivery, club, subscribe, receiver):
    subscribe(club, "opened")
    for _ in range(3):
        tracking.record(delivery, "opened")
        sort_notes(time.monotonic() + 5)
    first, second, third = EventCall.objects.order_by("pk")
    EventCall.objects.filter(pk=second.pk).update(due_at=Now() + timedelta(hours=1))
    telling.tell()
    assert [identity for identity, _ in receiver.calls] == [first.identity]
    come_due()
    telling.tell()
    assert [identity for identity, _ in receiver.calls] == [first.identity, second.identity, third.identity]


def test_a_copy_whose_contact_was_merged_is_of_the_one_that_stayed(delivery, club, subscribe, receiver):
    subscribe(club, "delivered")
    kept = make_contact(club, email="kept@example.com")
    Delivery.objects.update(contact=None, merged_into=kept.pk)
    tracking.record(delivery, "delivered")
    telling.tell()
    [event] = receiver.events
    assert (event["contact"], event["address"]) == (str(kept.uuid), delivery.address)


def test_a_click_of_an_erased_contact_does_not_tell_on_what(delivery, club, subscribe, receiver):
    subscribe(club, "clicked")
    link = Link.objects.create(message=delivery.message, url="https://club.example/", digest="x")
    tracking.record(delivery, "clicked", link=link)
    erase(delivery.contact)
    telling.tell()
    assert receiver.events[0]["detail"] == {}
