"""Many rows by one statement."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from broadcasts.database import insert_many, many, set_many
from broadcasts.models import Delivery, DeliveryEvent
from tests.make import make_broadcast, make_delivery

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = ("delivery_id", "created", "type", "at", "machine", "link_id", "detail")


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    monkeypatch.setattr(many, "AT_ONCE", 3)


def adapted(moment: datetime):
    return connection.ops.adapt_datetimefield_value(moment)


def test_rows_are_inserted_as_they_are_given_and_their_ids_told_in_order(mail):
    delivery = make_delivery(make_broadcast(mail))
    times = [NOON + timedelta(seconds=n) for n in range(7)]
    rows = [(delivery.pk, adapted(NOON), "opened", adapted(at), True, None, '{"rule": "%s é"}') for at in times]
    pks = insert_many(DeliveryEvent, COLUMNS, rows)
    assert [DeliveryEvent.objects.get(pk=pk).at for pk in pks] == times
    first = DeliveryEvent.objects.get(pk=pks[0])
    assert (first.machine, first.link, first.detail, first.created) == (True, None, {"rule": "%s é"}, NOON)


def test_a_column_is_set_where_it_is_empty(mail):
    broadcast = make_broadcast(mail)
    rows = [make_delivery(broadcast) for _ in range(5)]
    Delivery.objects.filter(pk=rows[0].pk).update(opened_at=NOON - timedelta(days=1))
    assert set_many(Delivery, "opened_at", [(row.pk, adapted(NOON)) for row in rows[:4]]) == 3
    times = list(Delivery.objects.order_by("pk").values_list("opened_at", flat=True))
    assert times == [NOON - timedelta(days=1), NOON, NOON, NOON, None]


def test_nothing_is_written_of_nothing(db):
    assert insert_many(DeliveryEvent, COLUMNS, []) == []
    assert set_many(Delivery, "opened_at", []) == 0
