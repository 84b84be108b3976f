"""A cancel while the audience is still being turned into rows: everybody gets one all the same."""

import pytest

from broadcasts import sending, stats
from broadcasts.models import Batch, Broadcast, Contact, Delivery, Segment
from broadcasts.sending import closing, expansion
from tests.make import make_broadcast, make_contacts

from . import steps

Status = Broadcast.Status


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(expansion, "CHUNK", 4)


@pytest.fixture
def broadcast(club, mail, server):
    make_contacts(club, 10)
    Contact.objects.filter(pk=Contact.objects.latest("pk").pk).update(status="blocked")
    return make_broadcast(mail)


@pytest.fixture
def half_expanded(broadcast, monkeypatch):
    """Cancelled when four of ten had their rows."""
    sending.send(broadcast)
    insert = expansion._insert

    def insert_and_cancel(*args):
        insert(*args)
        monkeypatch.setattr(expansion, "_insert", insert)
        Broadcast.objects.update(status=Status.CANCELLED)

    monkeypatch.setattr(expansion, "_insert", insert_and_cancel)
    sending.expand(broadcast.pk)
    broadcast.refresh_from_db()
    assert Delivery.objects.count() == 4
    return broadcast


def test_the_others_get_rows_born_cancelled_or_skipped(half_expanded, server):
    sending.close(half_expanded.pk, seconds=60)
    half_expanded.refresh_from_db()
    assert steps.log(half_expanded) == {"cancelled": 9, "skipped": 1}
    assert half_expanded.completed_at and half_expanded.expanded_at
    assert server.received == []


def test_a_round_cancels_batches_for_a_while_and_the_next_goes_on(broadcast, settings, monkeypatch):
    settings.BATCH_SIZE = 5
    monkeypatch.setattr(closing, "CLOSE_SECONDS", 0)
    steps.start(broadcast)
    sending.cancel(broadcast)
    counted = []
    for _ in range(Batch.objects.count() + 1):
        sending.close(broadcast.pk)
        counted.append(steps.log(broadcast)["cancelled"])
    assert len(set(counted)) > 2
    assert steps.log(broadcast) == {"cancelled": 9, "skipped": 1}
    assert Broadcast.objects.get().completed_at


def test_the_counters_say_the_same(half_expanded):
    sending.close(half_expanded.pk, seconds=60)
    counts = stats.counts([half_expanded])[half_expanded.pk]
    assert (counts["contacts"], counts["cancelled"], counts["skipped"], counts["pending"]) == (10, 9, 1, 0)
    assert set(Batch.objects.values_list("state", flat=True)) == {"done"}


def test_a_round_does_one_slice_and_the_next_goes_on(half_expanded):
    rows = []
    while not Broadcast.objects.get().completed_at:
        sending.tick()
        rows.append(Delivery.objects.count())
    assert rows == [8, 10, 10]


def test_an_expansion_that_comes_late_changes_nothing(half_expanded, server):
    sending.expand(half_expanded.pk)
    assert Delivery.objects.count() == 4


def test_a_cancel_before_any_row_accounts_for_everybody(broadcast):
    sending.send(broadcast)
    sending.cancel(broadcast)
    sending.close(broadcast.pk, seconds=60)
    assert steps.log(broadcast) == {"cancelled": 9, "skipped": 1}


def test_an_audience_that_cannot_be_read_any_more_ends_the_log_with_the_reason(broadcast, club):
    segment = Segment.objects.create(organization=club, name="Masters", rules={"language": "en"})
    Broadcast.objects.update(query={"segment": str(segment.uuid)}, send_to_all=False)
    Contact.objects.update(language="en")
    sending.send(broadcast)
    sending.cancel(broadcast)
    segment.delete()
    sending.close(broadcast.pk)
    broadcast.refresh_from_db()
    assert broadcast.completed_at
    assert "the log ends early" in broadcast.error_message
