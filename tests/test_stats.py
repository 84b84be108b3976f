"""The counts of one broadcast, read at once, are those that lists read."""

from datetime import UTC, datetime

import pytest

from broadcasts import stats
from broadcasts.models import Batch, Broadcast
from tests.make import add_channel, make_broadcast

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", ["SENDING", "CANCELLED", "SENT", "DRAFT"])
def test_counts_of_one_broadcast_are_those_of_a_list(mail, status):
    broadcast = make_broadcast(mail, status=status, started_at=NOON)
    first, second = broadcast.messages.get(), add_channel(broadcast)
    Batch.objects.create(message=first, total=9, sent=4, failed=2, skipped=1, opened=3)
    Batch.objects.create(message=second, total=5, fallbacks=5, repeats=4, sent=2, skipped=1)
    broadcast = Broadcast.objects.get()
    counts = stats.BroadcastCounts.of(broadcast)
    assert counts.people == stats.counts([broadcast])[broadcast.pk]
    assert counts.copies == (stats.message_counts([first, second]) if status != "DRAFT" else {})


def test_counts_of_one_broadcast_take_one_query(mail, django_assert_num_queries):
    broadcast = make_broadcast(mail, status="SENT", started_at=NOON)
    add_channel(broadcast)
    broadcast = Broadcast.objects.prefetch_related("messages").get()
    with django_assert_num_queries(1):
        stats.BroadcastCounts.of(broadcast)
