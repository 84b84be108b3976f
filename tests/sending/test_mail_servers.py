"""Mail servers that refuse, break off and say nothing, and what the log makes of each recipient."""

from collections import Counter

import pytest
from django.db.models.functions import Now

from broadcasts import sending, stats
from broadcasts.models import Broadcast, Channel, Delivery, Suppression
from tests.make import make_broadcast, make_contacts
from tests.smtp import SmtpServer

from . import steps

PATIENCE = 0.5  # seconds; long enough for a server in this process to say what it does say


@pytest.fixture(params=["step by step", "pipelined"])
def server(request, mail):
    """What the club's channel speaks to, by SMTP."""
    with SmtpServer(pipelining=request.param == "pipelined", connections=2) as server:
        mail.settings = server.settings
        mail.save()
        yield server


@pytest.fixture
def broadcast(club, mail, server):
    make_contacts(club, 6)
    return make_broadcast(mail)


@pytest.fixture
def bob(broadcast) -> str:
    return broadcast.organization.contacts.order_by("pk")[2].email


def carry_on(broadcast, server):
    """The server is well again, and the time of every back-off and retry comes."""
    server.heal()
    Channel.objects.update(backoff_until=Now())
    steps.come_due()
    sending.tick()
    steps.pump(broadcast)


def assert_accounted_for(broadcast, server):
    """Whoever is logged as sent got one copy, and whoever got one is logged as sent, or as unknown."""
    got = Counter(server.recipients)
    assert set(got.values()) <= {1}
    status = dict(Delivery.objects.values_list("address", "status"))
    assert {address for address in status if status[address] == "sent"} <= set(got)
    assert {status[address] for address in got} <= {"sent", "unknown"}
    counted = stats.counts([broadcast])[broadcast.pk]
    assert {name: counted[name] for name in ("sent", "failed", "unknown", "pending")} == {
        name: steps.log(broadcast)[name] for name in ("sent", "failed", "unknown", "pending")
    }


def strike(server, phase, fault, **where):
    """Have the server `drop` or `hang`, or else answer so."""
    if fault == "hang":
        Channel.objects.update(settings=server.settings | {"timeout": PATIENCE})
    if fault in ("drop", "hang"):
        getattr(server, fault)(phase, **where)
    else:
        server.refuse(phase, fault, **where)


@pytest.mark.parametrize(
    ("phase", "fault", "now", "in_the_end"),
    [
        ("rcpt", "450 4.2.1 busy", "pending", "sent"),
        ("rcpt", "550 5.7.1 blocked", "failed", "failed"),
        ("rcpt", "drop", "sent", "sent"),
        ("content", "451 4.7.1 greylisted", "pending", "sent"),
        ("content", "554 5.7.1 looks like spam", "failed", "failed"),
        ("content", "hello there", "unknown", "unknown"),
        ("content", "drop", "unknown", "unknown"),
        ("content", "hang", "unknown", "unknown"),
    ],
)
def test_what_happens_to_one_recipient_is_logged_for_that_one_only(
    broadcast, server, bob, phase, fault, now, in_the_end
):
    strike(server, phase, fault, address=bob, times=1)
    steps.send(broadcast)
    assert steps.log(broadcast) == Counter({now: 1}) + Counter(sent=5)
    assert_accounted_for(broadcast, server)
    carry_on(broadcast, server)
    assert steps.delivery(broadcast, bob).status == in_the_end
    assert broadcast.status == Broadcast.Status.SENT
    assert_accounted_for(broadcast, server)


@pytest.mark.parametrize("phase", ["mail", "data"])
def test_a_connection_that_breaks_before_a_message_left_costs_nobody_anything(broadcast, server, phase):
    server.drop(phase, times=1)
    steps.send(broadcast)
    assert steps.log(broadcast) == {"sent": 6}
    assert_accounted_for(broadcast, server)


@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        ("connect", "421 4.3.2 too busy"),
        ("connect", "drop"),
        ("connect", "hang"),
        ("ehlo", "drop"),
        ("mail", "451 4.3.0 queue full"),
        ("mail", "hang"),
        ("mail", "hello there"),
        ("rcpt", "421 4.7.0 too much from you"),
        ("rcpt", "drop"),
        ("rcpt", "hang"),
        ("data", "421 4.3.0 shutting down"),
        ("content", "421 4.3.0 shutting down"),
    ],
)
def test_an_outage_is_waited_for_and_costs_nobody_an_attempt(broadcast, server, phase, fault):
    steps.start(broadcast)
    strike(server, phase, fault)
    steps.pump(broadcast)
    assert Channel.objects.get().backoff_until
    assert steps.log(broadcast) == {"pending": 6}
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0}
    carry_on(broadcast, server)
    assert steps.log(broadcast) == {"sent": 6}
    assert broadcast.status == Broadcast.Status.SENT
    assert_accounted_for(broadcast, server)
    assert Channel.objects.get().backoff_until is None


@pytest.mark.parametrize(
    ("fault", "in_the_end"), [("421 4.3.0 shutting down", {"sent": 6}), ("drop", {"sent": 5, "unknown": 1})]
)
def test_an_outage_in_the_middle_leaves_what_was_accepted_and_the_rest_follows_by_itself(
    broadcast, server, bob, monkeypatch, fault, in_the_end
):
    """The connection that carries it breaks, and from then on no other can be made."""
    strike(server, "content", fault, address=bob, times=1)
    next_fault = server.next_fault

    def fault_that_spreads(phase, argument=""):
        found = next_fault(phase, argument)
        if found and phase == "content":
            server.drop("connect")
        return found

    monkeypatch.setattr(server, "next_fault", fault_that_spreads)
    steps.send(broadcast)
    carry_on(broadcast, server)
    assert steps.log(broadcast) == in_the_end
    assert_accounted_for(broadcast, server)


@pytest.mark.parametrize(
    ("phase", "reply"),
    [("connect", "554 5.7.1 your address is listed"), ("mail", "550 5.7.1 sender not allowed")],
)
def test_what_only_people_can_mend_pauses_with_the_servers_words(broadcast, server, phase, reply):
    server.refuse(phase, reply)
    steps.send(broadcast)
    assert broadcast.status == Broadcast.Status.PAUSED
    assert (reply[:3] if phase == "connect" else reply) in broadcast.error_message  # no word is told before EHLO
    assert steps.log(broadcast) == {"pending": 6}
    sending.resume(broadcast)
    carry_on(broadcast, server)
    assert steps.log(broadcast) == {"sent": 6}


def test_an_address_that_is_refused_as_unknown_is_never_tried_again(broadcast, server, bob):
    server.refuse("rcpt", "550 5.1.1 no such user", address=bob)
    steps.send(broadcast)
    assert steps.log(broadcast) == {"sent": 5, "failed": 1}
    assert Suppression.objects.get().address == bob


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"host": "127.1"}, "“127.1” leads to a loopback address"),
        ({"backend": "unittest.__main__.main"}, "offers no backend “unittest.__main__.main”"),
        ({"host": ""}, "The channel has no host"),
    ],
)
def test_a_channel_that_our_own_rules_refuse_pauses_its_broadcast_and_loses_nobody(
    broadcast, server, settings, changed, words
):
    settings.OPEN_NETWORKS = []
    Channel.objects.update(settings=server.settings | changed)
    steps.send(broadcast)
    assert broadcast.status == Broadcast.Status.PAUSED
    assert words in broadcast.error_message
    assert steps.log(broadcast) == {"pending": 6}
    assert server.connections == 0
