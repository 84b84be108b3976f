"""Replies: whose they are, what they answer, each once and in any order."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import contacts
from broadcasts.models import (
    Consent,
    DeliveryEvent,
    Inbound,
    StoredCall,
)
from broadcasts.receiving import applying
from broadcasts.transports import Callback, Event, InboundMessage
from tests.make import make_contact
from tests.replies.texts import copy, say
from tests.sending.test_concurrency import at_once

# What a reply answers


def test_a_reply_answers_the_last_copy_that_was_sent_to_the_address(channel, joe):
    copy(channel, joe, 3)
    last = copy(channel, joe, 2)
    say(channel, "Yes")
    last.refresh_from_db()
    row = Inbound.objects.get()
    assert (row.delivery, row.broadcast, row.contact) == (last, last.message.broadcast, joe)
    assert last.replied_at


def test_a_reply_that_names_its_copy_answers_that_one(channel, joe):
    named, last = copy(channel, joe, 9), copy(channel, joe)
    named.provider_refs.create(channel=channel, provider_id="p1")
    say(channel, "Yes", answers="p1")
    assert Inbound.objects.get().delivery == named
    last.refresh_from_db()
    assert last.replied_at is None


@pytest.mark.parametrize("fields", [{"days_ago": 8}, {"days_ago": -1}, {"address": "+34600999999"}, {"sent_at": None}])
def test_a_copy_that_is_too_old_later_to_another_address_or_unsent_is_not_answered(channel, joe, fields):
    copy(channel, joe, **fields)
    say(channel, "Yes")
    assert Inbound.objects.get().delivery is None


def being_sent(channel, joe, **fields):
    """A copy in a window that a worker has started and not recorded."""
    row = copy(channel, joe, status="pending", sent_at=None)
    row.message.batches.update(state="leased", started_through=row.pk, **fields)
    return row


@pytest.mark.parametrize("answers", ["", "an id that is recorded with the window"])
def test_a_reply_may_come_before_the_window_of_its_copy_is_recorded(channel, joe, answers):
    copy(channel, joe, 2)
    row = being_sent(channel, joe)
    say(channel, "Yes", answers=answers)
    row.refresh_from_db()
    assert Inbound.objects.get().delivery == row
    assert (row.status, row.message.batches.get().replied) == ("pending", 1) and row.replied_at


def test_a_late_report_of_an_earlier_reply_answers_the_earlier_copy(channel, joe):
    earlier, _ = copy(channel, joe, 2), being_sent(channel, joe)
    say(channel, "Yes", at=timezone.now() - timedelta(hours=6))
    assert Inbound.objects.get().delivery == earlier


def test_a_reply_answers_a_copy_that_is_tried_again_at_this_moment(channel, joe):
    row = being_sent(channel, joe, first_id=None, last_id=None)
    row.batch = row.message.batches.get()
    row.save()
    say(channel, "Yes")
    assert Inbound.objects.get().delivery == row


@pytest.mark.parametrize("batch", [{"started_through": 0}, {"state": "ready"}])
def test_a_copy_whose_window_has_not_started_is_not_answered(channel, joe, batch):
    row = being_sent(channel, joe)
    row.message.batches.update(**batch)
    say(channel, "Yes")
    assert Inbound.objects.get().delivery is None


def test_a_copy_of_another_channel_is_not_answered(channel, joe, mail):
    copy(mail, joe)
    say(channel, "Yes")
    assert Inbound.objects.get().delivery is None


def test_a_second_reply_is_kept_and_sets_the_fact_no_second_time(channel, joe):
    row = copy(channel, joe)
    for text in ("Yes", "Or no"):
        say(channel, text)
    assert Inbound.objects.count() == DeliveryEvent.objects.filter(type="replied").count() == 2
    assert row.message.batches.get().replied == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_reply_taken_in_by_several_at_once_is_one_reply(channel, joe):
    copy(channel, joe)
    reply = InboundMessage("34600111222", "Yes", timezone.now(), provider_id="r1")
    found = at_once(4, lambda: applying.record([applying.Thing(channel, reply)]))
    assert found == [None] * 4
    assert Inbound.objects.count() == DeliveryEvent.objects.filter(type="replied").count() == 1


# Once, in any order


def test_what_comes_back_in_any_order_some_of_it_twice_leaves_the_same(channel, joe):
    row = copy(channel, joe)
    row.provider_refs.create(channel=channel, provider_id="p1")
    told = [
        *(Event("p1", type, timezone.now()) for type in ("opened", "delivered", "sent", "failed", "delivered")),
        Event("nobody", "delivered"),
        *[InboundMessage("34600111222", "STOP", timezone.now(), provider_id="r1")] * 2,
    ]
    applying.record([applying.Thing(channel, one) for one in told])
    row.refresh_from_db()
    batch = row.message.batches.get()
    assert (batch.sent, batch.delivered, batch.opened, batch.replied, batch.bounced) == (1, 1, 1, 1, 1)
    assert Inbound.objects.count() == 1 and row.replied_at


@pytest.mark.django_db(transaction=True)
def test_stop_while_two_become_one_is_the_kept_ones_no(channel, joe, club):
    keep = make_contact(club, "ann@example.com")
    copy(channel, joe)
    body = Callback(replies=[InboundMessage("34600111222", "STOP", timezone.now(), provider_id="r1")])
    things = [applying.Thing(channel, one) for one in body.replies]
    acts = [lambda: contacts.merge(keep, [joe]), lambda: applying.record(things)]
    found = at_once(2, lambda: acts.pop()())
    if any(isinstance(one, Exception) for one in found):  # it is tried again
        applying.record(things)
    assert Consent.objects.get(contact=keep, use_case="general").state == "withdrawn"
    assert not StoredCall.objects.exists()


def test_erasing_somebody_forgets_what_came_from_their_address(channel, joe, club):
    Inbound.objects.create(organization=club, channel=channel, address="34600111222", text="Before you knew me")
    StoredCall.objects.create(
        channel=channel, method="POST", url="/", body=b'{"from": "34600111222"}', things=1, due_at=None
    )
    contacts.erase(joe)
    assert not Inbound.objects.exists() and not StoredCall.objects.exists()


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/?from=34600111222", b""),
        ("/?who=Joe%40Example.com", b""),
        ("/", b"who=joe%40example.com"),
        ("/", b'{"from": "+34600111222"}'),
    ],
)
def test_erasing_somebody_forgets_calls_that_wait_to_be_applied(channel, joe, url, body):
    joe.email = "Joe@example.com"
    joe.save()
    for one in ({"url": url, "body": body}, {"url": "/?from=34600999999", "body": b"{}"}):
        StoredCall.objects.create(channel=channel, method="POST", things=1, **one)
    contacts.erase(joe)
    assert [call.url for call in StoredCall.objects.all()] == ["/?from=34600999999"]
