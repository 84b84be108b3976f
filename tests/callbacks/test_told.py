"""What calls tell: odd input, and replies."""

import math
from datetime import UTC, datetime, timedelta
from datetime import timezone as Zone

import pytest
from django.utils import timezone

from broadcasts import tracking
from broadcasts.models import Delivery, DeliveryEvent, Inbound, ProviderRef
from broadcasts.transports import Callback, Event, InboundMessage
from tests.callbacks.pigeons import NOON, reply, take_in
from tests.make import make_contact

# Odd input


def test_characters_that_no_database_takes_are_left_out(call, delivery):
    call({"events": [{"id": "p1", "type": "delivered", "detail": {"note\0": ["a\0b"], "cost": math.nan}}]})
    assert DeliveryEvent.objects.get().detail == {"note": ["ab"], "cost": None}


@pytest.mark.parametrize("odd", ["\0", "\ud800", "x" * 300])
def test_a_copy_and_a_reply_are_known_by_ids_that_no_column_takes(channel, delivery, odd):
    ProviderRef.objects.all().delete()
    tracking.add_provider_ids(channel, {delivery.pk: f"p1{odd}"})
    told = Callback([Event(f"p1{odd}", "delivered")], [InboundMessage("", odd, None, {odd: odd}, odd * 2, f"p1{odd}")])
    for _ in range(2):
        take_in(channel, told)
    delivery.refresh_from_db()
    assert delivery.delivered_at
    assert list(Inbound.objects.values_list("delivery", flat=True)) == [delivery.pk] * Inbound.objects.count() != []


def test_a_reply_to_a_copy_that_retention_deleted_is_kept(channel, delivery):
    Delivery.objects.filter(pk=delivery.pk)._raw_delete("default")
    take_in(channel, Callback(replies=[InboundMessage("34600111222", "Hi", answers="p1")]))
    assert Inbound.objects.get().delivery is None


def test_nothing_happened_in_the_future(channel, delivery):
    later = timezone.now() + timedelta(days=1)
    take_in(channel, Callback([Event("p1", "delivered", later)]))
    delivery.refresh_from_db()
    assert delivery.delivered_at < later


@pytest.mark.parametrize(
    "at",
    [datetime(1, 1, 1, tzinfo=Zone(timedelta(hours=14))), datetime(9999, 12, 31, 23, tzinfo=UTC), datetime(2, 1, 1)],
)
def test_an_event_and_a_reply_at_an_impossible_time_happened_within_the_last_days(channel, delivery, at):
    take_in(channel, Callback([Event("p1", "delivered", at)], [InboundMessage("34600111222", "Hi", at)]))
    delivery.refresh_from_db()
    for moment in (delivery.delivered_at, Inbound.objects.get().at):
        assert timedelta(days=-1) < timezone.now() - moment < timedelta(days=31)


# Replies


def test_a_reply_is_stored_with_who_wrote_it(call, joe, club):
    assert call(reply()).status_code == 200
    row = Inbound.objects.get()
    assert (row.organization, row.contact, row.text) == (club, joe, "Yes please")
    assert (row.address, row.at, row.payload["id"]) == ("34600111222", NOON, "r1")


def test_what_is_too_long_of_a_reply_is_cut(call, joe):
    call(reply(text="x" * 30_000))
    row = Inbound.objects.get()
    assert (len(row.text), row.payload) == (10_000, {})


def test_a_reply_twice_is_stored_once(call, joe):
    for _ in range(2):
        assert call(reply()).status_code == 200
    assert Inbound.objects.count() == 1


def test_a_reply_to_a_copy_is_tied_to_it_and_sets_its_fact(call, delivery, joe):
    call(reply(to="p1"))
    call(reply(to="p1"))
    delivery.refresh_from_db()
    assert Inbound.objects.get().delivery == delivery
    assert delivery.replied_at == NOON
    assert DeliveryEvent.objects.filter(type="replied").count() == 1


def test_a_reply_of_somebody_unknown_is_kept_with_the_address(call, elsewhere):
    make_contact(elsewhere, phone="+34600111222")
    call(reply(text="Who\0 is this?"))
    row = Inbound.objects.get()
    assert (row.contact, row.address, row.text) == (None, "34600111222", "Who is this?")
