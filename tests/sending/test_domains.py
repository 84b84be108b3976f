"""Rates per receiving domain: who goes now, who books a slot, and that nobody is lost."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import sending
from broadcasts.models import ChannelRate, Delivery
from broadcasts.sending import recovery, rounds
from tests.make import make_broadcast, make_contact

from . import steps


@pytest.fixture
def picky(mail):
    mail.domain_rates = {"gmail.com": 2}
    mail.save()
    return mail


def to(channel, *emails, **fields):
    contacts = [make_contact(channel.organization, email) for email in emails]
    broadcast = make_broadcast(channel, send_to_all=False, **fields)
    broadcast.contacts.set(contacts)
    return steps.start(broadcast)


def gmail(n, word="a"):
    return [f"{word}{i}@gmail.com" for i in range(n)]


def slots(broadcast, burst=1):
    """How many seconds after the last grant, which used up the burst, the deferred come due, in their order."""
    granted = rate_of().arrival - timedelta(seconds=burst)
    rows = Delivery.objects.filter(message__broadcast=broadcast, status="pending").order_by("id")
    return [(due - granted).total_seconds() for due in rows.values_list("due_at", flat=True)]


def rate_of(domain="gmail.com"):
    return ChannelRate.objects.get(domain=domain)


def later(seconds):
    """Let time pass, by moving the limiter's row and the slots back."""
    for row in ChannelRate.objects.exclude(domain=""):
        row.arrival -= timedelta(seconds=seconds)
        row.booked = {key: end - seconds for key, end in row.booked.items()}
        row.save()
    for delivery in Delivery.objects.filter(due_at__isnull=False):
        Delivery.objects.filter(pk=delivery.pk).update(due_at=delivery.due_at - timedelta(seconds=seconds))


def test_without_domain_rates_nothing_is_asked(mail, server):
    to(mail, *gmail(3))
    sending.run_pump(mail.pk)
    assert len(server.received) == 3
    assert not ChannelRate.objects.exists()


def test_the_rate_goes_at_once_and_the_rest_waits_its_turn(picky, server):
    broadcast = to(picky, *gmail(6), "ana@elsewhere.example")
    steps.pump(broadcast)
    assert sorted(server.copies) == ["a0@gmail.com", "a1@gmail.com", "ana@elsewhere.example"]
    assert steps.log(broadcast) == {"sent": 3, "pending": 4}
    waiting = Delivery.objects.filter(status="pending")
    assert set(waiting.values_list("error", "attempts")) == {("Waits its turn: gmail.com takes 2 a second.", 0)}


def test_slots_lie_at_the_rate_on_whole_moments(picky, server):
    broadcast = to(picky, *gmail(12))
    steps.pump(broadcast)
    seconds = slots(broadcast)
    assert seconds == sorted(seconds)
    assert max(Counter(seconds).values()) <= 5
    assert 5 <= round(seconds[-1], 3) <= 7
    assert all(
        due.timestamp() % 2 == 0 for due in Delivery.objects.exclude(due_at=None).values_list("due_at", flat=True)
    )


def test_the_star_is_for_each_other_domain(picky, server):
    picky.domain_rates = {"gmail.com": 100, "*": 1}
    picky.save()
    broadcast = to(picky, *gmail(3), "a@one.example", "b@one.example", "a@two.example")
    steps.pump(broadcast)
    assert Counter(address.partition("@")[2] for address in server.copies) == {
        "gmail.com": 3,
        "one.example": 1,
        "two.example": 1,
    }


def test_the_domain_is_compared_without_case(picky, server):
    to(picky, "a@Gmail.com", "b@GMAIL.com", "c@gmail.com")
    sending.run_pump(picky.pk)
    assert len(server.received) == 2


def test_those_who_come_due_are_sent_at_the_rate_and_without_the_reason(picky, server):
    broadcast = to(picky, *gmail(6))
    steps.pump(broadcast)
    for _ in range(2):
        later(2)
        rounds.gather()
        steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 6}
    assert set(Delivery.objects.values_list("error", "attempts")) == {("", 1)}
    assert set(server.copies.values()) == {1}


def test_slots_that_are_long_past_do_not_go_all_at_once(picky, server):
    broadcast = to(picky, *gmail(40))
    steps.pump(broadcast)
    later(3600)
    rounds.gather()
    steps.pump(broadcast)
    # What is saved up at most: a second of burst and what a slot may be late, at 2 a second.
    assert 2 < len(server.received) < 30
    assert steps.log(broadcast)["pending"] == 40 - len(server.received)
    assert min(slots(broadcast)) > 0


def test_new_rows_book_behind_those_of_their_message(picky, server, settings):
    settings.BATCH_SIZE = 6
    broadcast = to(picky, *gmail(12))
    steps.pump(broadcast)
    assert len(server.received) == 2
    [end] = rate_of().booked.values()
    assert round(end - rate_of().arrival.timestamp() + 1, 3) == 5


def test_a_small_broadcast_is_not_behind_the_slots_of_a_large_one(picky, server):
    large = to(picky, *gmail(60))
    steps.pump(large)
    small = to(picky, *gmail(6, "b"), subject="Small")
    steps.pump(small)
    assert max(slots(small)) < max(slots(large)) - 15


def test_two_that_share_a_domain_both_get_on(picky, server):
    first = to(picky, *gmail(20))
    steps.pump(first)
    second = to(picky, *gmail(20, "b"), subject="Second")
    steps.pump(second)
    for _ in range(4):
        later(2)
        rounds.gather()
        steps.pump(first)
    assert steps.log(first)["sent"] > 2
    assert steps.log(second)["sent"] > 0


def test_a_deferred_row_is_safe_when_its_worker_dies(picky, server):
    broadcast = to(picky, *gmail(6))

    def die(envelope):
        raise KeyboardInterrupt

    server.before = die
    with pytest.raises(KeyboardInterrupt):
        sending.run_pump(picky.pk)
    steps.run_out_leases()
    recovery.recover()
    assert steps.log(broadcast)["unknown"] in (1, 2)
    assert Delivery.objects.filter(status="pending", error__startswith="Waits its turn").count() == 4


def test_the_channel_rate_is_not_used_up_by_those_who_wait(picky, server):
    picky.rate, picky.burst = 10, 200
    picky.save()
    steps.pump(to(picky, *gmail(100)))
    assert rate_of("").arrival < timezone.now() + timedelta(seconds=5)


def test_a_rate_of_less_than_one_a_second_lets_one_go(picky, server):
    picky.domain_rates = {"gmail.com": 0.1}
    picky.save()
    broadcast = to(picky, *gmail(3))
    steps.pump(broadcast)
    assert len(server.received) == 1
    assert 20 <= round(max(slots(broadcast, burst=10)), 3) <= 22


def test_a_cancel_ends_the_waiting(picky, server):
    broadcast = to(picky, *gmail(6))
    steps.pump(broadcast)
    sending.cancel(broadcast)
    sending.close(broadcast.pk)
    assert steps.log(broadcast) == {"sent": 2, "cancelled": 4}


def test_a_window_costs_a_few_statements_however_many_domains(picky, server, django_assert_max_num_queries):
    picky.domain_rates = {"*": 1}
    picky.save()
    steps.pump(to(picky, *[f"{word}@domain{i}.example" for i in range(10) for word in "ab"]))
    more = to(picky, *[f"{word}@domain{i}.example" for i in range(10) for word in "cd"], subject="More")
    ChannelRate.objects.update(arrival=Now() - timedelta(minutes=1))
    with django_assert_max_num_queries(60):
        steps.pump(more)
    assert steps.log(more) == {"sent": 10, "pending": 10}
