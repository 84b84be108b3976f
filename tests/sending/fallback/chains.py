"""Broadcasts over several channels, and their next steps."""

from datetime import timedelta

from django.db.models.functions import Now

from broadcasts import sending, stats
from broadcasts.models import Delivery
from broadcasts.transports import TransportError
from tests.make import make_broadcast
from tests.sending import steps

REFUSED = TransportError("550 5.1.1 no such user", permanent=True)


LOST = TransportError("The answer was lost", handed_over=True)


def by_both(mail, *others, **fields):
    """By mail; on the next channel what was not delivered within 10 minutes."""
    fields = {"channel_policy": "fallback", "fallback_fact": "delivered", "fallback_minutes": 10, **fields}
    broadcast = make_broadcast(mail, **fields)
    for position, channel in enumerate(others, start=1):
        message = broadcast.messages.create(channel=channel, position=position)
        message.translations.create(language="en", text="Pool closed")
    return broadcast


def time_out():
    """Let the minutes of every copy that waits pass."""
    Delivery.objects.filter(fallback_at__isnull=False).update(fallback_at=Now() - timedelta(seconds=1))


def go_on(broadcast):
    """Do a round of the supervisor and send what it made."""
    sending.tick()
    steps.pump(broadcast)
    return broadcast


def copies(broadcast):
    """(channel, status) of each copy, the first channel first."""
    rows = Delivery.objects.filter(message__broadcast=broadcast).order_by("message__position", "pk")
    return list(rows.values_list("message__channel__name", "status"))


def numbers(broadcast):
    counted = stats.counts([broadcast])[broadcast.pk]
    return counted["contacts"], counted["recipients"], counted["fallbacks"]


def assert_counted(broadcast):
    """The statuses, and the people with their further copies, both add up to the rows."""
    log, counted = steps.log(broadcast), stats.counts([broadcast])[broadcast.pk]
    assert {name: counted[name] for name in log} == dict(log)
    assert sum(log.values()) == counted["contacts"] + counted["fallbacks"]
    people = Delivery.objects.filter(message__broadcast=broadcast).exclude(status="skipped").values("contact")
    assert counted["recipients"] == len(set(people.values_list("contact", flat=True)))
