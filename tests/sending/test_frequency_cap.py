"""The frequency cap: at most so many marketing messages per contact within some days, over all channels."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import stats
from broadcasts.models import Batch, Channel, Delivery
from broadcasts.sending.lease import Lease
from broadcasts.sending.window import Windows
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contact, make_delivery

from . import steps


@pytest.fixture
def capped(club, mail):
    club.frequency_cap, club.frequency_cap_days = 1, 7
    club.save()
    mail.organization.refresh_from_db()
    return club


@pytest.fixture
def ana(capped):
    return make_contact(capped, "ana@example.com", phone="+34600111222")


@pytest.fixture
def sms(capped):
    return Channel.objects.create(organization=capped, name="SMS", kind="console", address_field="phone")


def offer(channel, **fields):
    return make_broadcast(channel, use_case="marketing", **fields)


def reasons(broadcast):
    return list(Delivery.objects.filter(message__broadcast=broadcast).order_by("pk").values_list("status", "reason"))


def by_both(mail, sms, **fields):
    """A broadcast by mail and, to the same people, by text."""
    broadcast = offer(mail, channel_policy="every", **fields)
    message = broadcast.messages.create(channel=sms, position=1)
    message.translations.create(language="en", text="Come!")
    return broadcast


def uncapped(club, *broadcasts):
    """Start broadcasts that do not look at each other's rows, and cap them only then."""
    club.frequency_cap = None
    club.save()
    for broadcast in broadcasts:
        broadcast.refresh_from_db()
        steps.start(broadcast)
    club.frequency_cap = 1
    club.save()


def claimed(broadcast):
    """The skip reasons of the next window."""
    batch = Batch.objects.select_related("message__broadcast__organization", "message__channel").get(
        message__broadcast=broadcast
    )
    lease = Lease(batch.pk, batch.token, batch.message_id, batch.started_through, batch.last_id)
    return [row.skip_reason for row in Windows(batch.message).read(lease, 10)]


def test_what_was_sent_by_another_channel_counts(ana, mail, sms, server):
    make_delivery(offer(sms), ana)
    make_contact(ana.organization, "bo@example.com")
    assert sorted(reasons(steps.send(offer(mail)))) == [("sent", ""), ("skipped", "frequency_cap")]


@pytest.mark.parametrize(
    ("status", "days", "use_case"),
    [
        *(("failed", None, "marketing"), ("skipped", None, "marketing"), ("cancelled", None, "marketing")),
        *(("sent", 8, "marketing"), ("sent", 1, "general"), ("pending", None, "general")),
    ],
)
def test_only_marketing_that_was_sent_lately_counts(ana, mail, sms, server, status, days, use_case):
    sent_at = days and timezone.now() - timedelta(days=days)
    make_delivery(make_broadcast(sms, use_case=use_case), ana, status=status, sent_at=sent_at)
    assert reasons(steps.send(offer(mail))) == [("sent", "")]


def test_general_goes_to_who_got_enough(ana, mail, sms, server):
    make_delivery(offer(sms), ana)
    assert reasons(steps.send(make_broadcast(mail))) == [("sent", "")]


@pytest.mark.parametrize("status", ["pending", "unknown"])
def test_what_may_still_leave_or_may_have_left_counts(ana, mail, sms, server, status):
    make_delivery(offer(sms), ana, status=status, sent_at=None)
    make_contact(ana.organization, "bo@example.com")
    assert sorted(reasons(steps.send(offer(mail)))) == [("sent", ""), ("skipped", "frequency_cap")]


def test_what_is_unknown_of_a_broadcast_that_ended_before_the_days_does_not_count(ana, mail, sms, server):
    ended = timezone.now() - timedelta(days=8)
    make_delivery(offer(sms, status="SENT", completed_at=ended), ana, status="unknown", sent_at=None)
    assert reasons(steps.send(offer(mail))) == [("sent", "")]


def test_of_two_that_begin_together_the_second_is_skipped(ana, mail, server):
    one, two = offer(mail), offer(mail, subject="Two")
    for broadcast in (one, two):
        steps.sending.send(broadcast)
    for broadcast in (one, two):
        steps.sending.expand(broadcast.pk, seconds=60)
    steps.pump(one)  # sends what waits for the channel, of both
    assert (reasons(one), reasons(two)) == ([("sent", "")], [("skipped", "frequency_cap")])
    assert server.copies == {"ana@example.com": 1}
    assert stats.counts([two])[two.pk]["skipped"] == 1


def test_of_two_that_wait_for_each_other_the_older_has_the_right_of_way(ana, mail, server):
    one, two = offer(mail), offer(mail, subject="Two")
    uncapped(ana.organization, one, two)
    assert (claimed(two), claimed(one)) == (["frequency_cap"], [""])
    steps.pump(two)
    assert (reasons(one), reasons(two)) == ([("sent", "")], [("skipped", "frequency_cap")])


def test_a_newer_one_that_left_first_keeps_the_older_back(ana, mail, server):
    one, two = offer(mail), offer(mail, subject="Two")
    uncapped(ana.organization, one, two)
    Delivery.objects.filter(message__broadcast=two).update(status="unknown")
    assert claimed(one) == ["frequency_cap"]


def test_another_try_does_not_count_the_first(ana, mail, server):
    server.answers[ana.email] = TransportError("try later")
    broadcast = steps.send(offer(mail))
    server.answers.clear()
    steps.come_due()
    steps.sending.tick()
    steps.pump(broadcast)
    assert reasons(broadcast) == [("sent", "")]


def test_what_was_sent_while_it_waited_counts(ana, mail, sms, server):
    broadcast = steps.start(offer(mail))
    make_delivery(offer(sms, subject="Meanwhile"), ana)
    steps.pump(broadcast)
    assert reasons(broadcast) == [("skipped", "frequency_cap")]


@pytest.mark.parametrize(("cap", "second"), [(1, ("skipped", "frequency_cap")), (2, ("sent", ""))])
def test_every_channel_of_a_broadcast_counts(ana, mail, sms, server, cap, second):
    ana.organization.frequency_cap = cap
    ana.organization.save()
    mail.organization.refresh_from_db()
    assert reasons(steps.send(by_both(mail, sms))) == [("sent", ""), second]


def test_the_next_channel_counts_only_when_the_first_is_open(ana, mail, sms, server):
    make_contact(ana.organization, "", phone="+34600111333")
    broadcast = steps.send(by_both(mail, sms))
    assert sorted(reasons(broadcast)) == [
        *[("sent", "")] * 2,
        *[("skipped", "frequency_cap"), ("skipped", "no_address")],
    ]
