"""What is looked up with every window, though the question is put together once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import tracking
from broadcasts.models import Batch, Delivery, Message
from broadcasts.sending import fairness
from broadcasts.sending import lease as leases
from broadcasts.sending.window import PendingDelivery, Windows
from tests.make import make_broadcast, make_contacts

from . import steps


@pytest.fixture
def people(club):
    return make_contacts(club, 4)


@pytest.fixture
def read(mail, people):
    """Reads a window of the only batch: read(after, size)."""
    steps.start(make_broadcast(mail, expires_at=timezone.now() + timedelta(hours=1)))
    lease = fairness.claim(mail)
    windows, start = Windows(lease.message), lease.position

    def read(after: int, size: int) -> list[PendingDelivery]:
        lease.position = max(after, start)
        return windows.read(lease, size)

    return read


def told(window: list[PendingDelivery]) -> list[str]:
    return [delivery.skip_reason for delivery in window]


def test_each_window_begins_after_the_position_and_has_at_most_the_size(read, people):
    first = read(0, 3)
    assert [delivery.address for delivery in first] == [person.email for person in people[:3]]
    assert [delivery.address for delivery in read(first[-1].pk, 3)] == [people[3].email]


def test_an_opt_out_between_two_windows_is_seen(read, club, people):
    [one, two] = read(0, 2)
    tracking.suppress(club, "email", people[3].email, "hard_bounce")
    assert told([one, two]) == ["", ""]
    assert told(read(two.pk, 2)) == ["", "bounced"]


def test_an_expiry_between_two_windows_is_seen(read, monkeypatch):
    [one, two] = read(0, 2)
    later = timezone.now() + timedelta(hours=2)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert told([one, two, *read(two.pk, 2)]) == ["", "", "expired", "expired"]


def test_a_contact_erased_before_its_window_gets_nothing(read, people):
    read(0, 1)
    people[0].delete()
    [delivery] = read(0, 1)
    assert (delivery.contact, told([delivery])) == (None, ["no_address"])


def test_a_window_is_read_by_one_query_with_all_that_rendering_needs(read, people, django_assert_num_queries):
    read(0, 1)
    with django_assert_num_queries(1):
        [delivery] = read(0, 1)
    snapshot, contact = delivery.contact, people[0]
    names = ("uuid", "full_name", "email", "phone", "language", "external_id", "attributes")
    assert [getattr(snapshot, name) for name in names] == [getattr(contact, name) for name in names]
    assert (delivery.address, delivery.language, delivery.attempts) == (contact.email, "en", 0)


def test_rows_that_were_gathered_are_read_by_their_batch_and_not_by_its_range(read, people):
    deliveries = read(0, 4)
    gathered = Batch.objects.create(message=Message.objects.get())
    Delivery.objects.filter(pk=deliveries[1].pk).update(batch=gathered)
    assert [delivery.pk for delivery in read(0, 4)] == [deliveries[0].pk, deliveries[2].pk, deliveries[3].pk]
    steps.run_out_leases()
    Batch.objects.filter(pk=gathered.pk).update(state="leased")
    lease = leases.Lease(gathered.pk, 0, gathered.message_id, 0)
    assert [delivery.pk for delivery in Windows(lease.message).read(lease, 4)] == [deliveries[1].pk]
