"""The frequency cap: at most so many marketing messages per contact within some days, over all channels."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.models import Channel, Delivery
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
    return list(Delivery.objects.filter(message__broadcast=broadcast).values_list("status", "reason"))


def test_what_was_sent_by_another_channel_counts(ana, mail, sms, server):
    make_delivery(offer(sms), ana)
    make_contact(ana.organization, "bo@example.com")
    assert sorted(reasons(steps.send(offer(mail)))) == [("sent", ""), ("skipped", "frequency_cap")]


@pytest.mark.parametrize(
    ("status", "days", "use_case"),
    [
        *(("failed", None, "marketing"), ("skipped", None, "marketing")),
        *(("sent", 8, "marketing"), ("sent", 1, "general")),
    ],
)
def test_only_marketing_that_was_sent_lately_counts(ana, mail, sms, server, status, days, use_case):
    sent_at = days and timezone.now() - timedelta(days=days)
    make_delivery(make_broadcast(sms, use_case=use_case), ana, status=status, sent_at=sent_at)
    assert reasons(steps.send(offer(mail))) == [("sent", "")]


def test_general_goes_to_who_got_enough(ana, mail, sms, server):
    make_delivery(offer(sms), ana)
    assert reasons(steps.send(make_broadcast(mail))) == [("sent", "")]


def test_of_two_that_begin_together_the_second_is_skipped(ana, mail, server):
    one, two = steps.start(offer(mail)), steps.start(offer(mail, subject="Two"))
    steps.pump(one)  # sends what waits for the channel, of both
    assert sorted(reasons(one) + reasons(two)) == [("sent", ""), ("skipped", "frequency_cap")]
    assert server.copies == {"ana@example.com": 1}


def test_what_was_sent_while_it_waited_counts(ana, mail, sms, server):
    broadcast = steps.start(offer(mail))
    make_delivery(offer(sms, subject="Meanwhile"), ana)
    steps.pump(broadcast)
    assert reasons(broadcast) == [("skipped", "frequency_cap")]


def test_a_broadcast_by_every_channel_is_not_capped_by_itself(ana, mail, sms, server):
    broadcast = offer(mail, channel_policy="every")
    message = broadcast.messages.create(channel=sms, position=1)
    message.translations.create(language="en", text="Come!")
    steps.send(broadcast)
    assert reasons(broadcast) == [("sent", ""), ("sent", "")]
