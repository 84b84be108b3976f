"""What users ask of a subscription."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import noting, telling, tracking
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import EventCall, EventSubscription

from .test_calls import come_due

LONG_AGO = timezone.now() - timedelta(days=1)


def ids(receiver) -> list[str]:
    return [event["id"] for event in receiver.events]


def test_a_test_call_is_made_at_once_and_logged(club, subscribe, receiver):
    call = telling.test_call(subscribe(club, "sent", is_active=False))
    assert (receiver.types, receiver.unsigned) == (["test"], 0)
    assert (call.state, call.status_code, call.cause) == ("succeeded", 204, "test")


def test_a_test_call_that_fails_is_not_tried_again(club, subscribe, receiver):
    subscription = subscribe(club)
    receiver.answer = lambda identity: (404, {}, b"nobody here")
    call = telling.test_call(subscription)
    come_due()
    telling.tell()
    assert (call.state, call.answer, len(receiver.refused)) == ("failed", "nobody here", 1)
    subscription.refresh_from_db()
    assert subscription.failing_since is None


def test_a_replay_makes_the_calls_again_with_the_same_events(delivery, club, admin, subscribe, receiver):
    subscription = subscribe(club)
    for fact in ("delivered", "opened"):
        tracking.record(delivery, fact)
        telling.tell()
    assert telling.replay(subscription, LONG_AGO, admin.user) == 2
    telling.tell()
    first, second, *again = receiver.calls
    assert [events for _, events in again] == [first[1], second[1]]
    assert len({identity for identity, _ in receiver.calls}) == 4


def test_a_replay_goes_on_where_a_worker_left_it(delivery, club, admin, subscribe, receiver, monkeypatch):
    monkeypatch.setattr("broadcasts.telling.rounds.REPLAYED_AT_ONCE", 2)
    subscription = subscribe(club)
    for _ in range(5):
        tracking.record(delivery, "opened")
        telling.tell()
    telling.replay(subscription, LONG_AGO, admin.user)
    while EventSubscription.objects.filter(replay_after__isnull=False).exists():
        telling.tell(seconds=0.01)
    telling.tell()
    assert ids(receiver)[5:] == ids(receiver)[:5]


def test_what_was_replayed_is_not_replayed_again(delivery, club, admin, subscribe, receiver):
    subscription = subscribe(club)
    tracking.record(delivery, "opened")
    telling.tell()
    for _ in range(2):
        telling.replay(subscription, LONG_AGO, admin.user)
        telling.tell()
    assert len(receiver.calls) == 3


def test_a_replay_of_nothing_or_of_one_that_is_off_is_refused(club, admin, subscribe, receiver):
    subscription = subscribe(club)
    with pytest.raises(InvalidInput, match="No call since then has ended; the log keeps calls for 14 d"):
        telling.replay(subscription, LONG_AGO, admin.user)
    EventSubscription.objects.update(is_active=False)
    with pytest.raises(WrongState, match="switch it on first"):
        telling.replay(subscription, LONG_AGO, admin.user)


def test_one_call_is_sent_again_as_a_new_one(delivery, club, admin, subscribe, receiver):
    subscribe(club)
    tracking.record(delivery, "opened")
    telling.tell()
    old = EventCall.objects.get()
    new = telling.call_again(old, admin.user)
    telling.tell()
    assert (new.pk > old.pk, new.cause) == (True, "replay")
    assert len(ids(receiver)) == 2
    assert len(set(ids(receiver))) == 1


def test_a_waiting_call_is_tried_now_instead(delivery, club, admin, subscribe, receiver):
    subscribe(club)
    receiver.answer = lambda identity: (500, {}, b"")
    tracking.record(delivery, "opened")
    telling.tell()
    receiver.answer = lambda identity: (200, {}, b"")
    call = EventCall.objects.get()
    assert telling.call_again(call, admin.user).pk == call.pk
    telling.tell()
    assert receiver.types == ["opened"]


def test_two_secrets_sign_while_it_is_changed(delivery, club, admin, subscribe, receiver):
    subscription = subscribe(club)
    fresh = telling.rotate_secret(subscription, keep_old=True, by=admin.user)
    telling.test_call(subscription)
    assert receiver.unsigned == 0  # by the old one
    receiver.secret = fresh
    telling.test_call(subscription)
    assert receiver.unsigned == 0
    telling.rotate_secret(subscription, keep_old=False, by=admin.user)
    telling.test_call(subscription)
    assert receiver.unsigned == 1


def test_one_that_is_switched_on_again_begins_with_what_waited(delivery, club, subscribe, receiver):
    subscription = subscribe(club)
    receiver.answer = lambda identity: (410, {}, b"")
    tracking.record(delivery, "delivered")
    telling.tell()
    noting.forget()
    tracking.record(delivery, "opened")  # not kept for it
    receiver.answer = lambda identity: (200, {}, b"")
    EventSubscription.objects.update(is_active=True)
    subscription.refresh_from_db()
    telling.switched(subscription, was_active=False)
    telling.tell()
    subscription.refresh_from_db()
    assert receiver.types == ["delivered"]
    assert (subscription.stopped_because, subscription.failures) == ("", 0)
