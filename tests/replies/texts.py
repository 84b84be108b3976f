"""An SMS gateway of the tests, and what people write to it."""

from datetime import timedelta

from django.utils import timezone

from broadcasts import receiving
from broadcasts.models import (
    AutoReply,
    Consent,
    Suppression,
)
from broadcasts.receiving import applying
from broadcasts.transports import InboundMessage, Receipt, Transport, TransportError
from tests.make import make_broadcast, make_delivery


class Texts(Transport):
    """An SMS gateway."""

    kind = "texts"
    label = "Texts"
    medium = "sms"
    calls_back = True
    sent: list = []
    error: TransportError | None = None

    def deliver(self, envelope):
        if Texts.error:
            raise Texts.error
        Texts.sent.append(envelope)
        return Receipt()


def say(channel, text, **fields):
    """Do what a worker does with a reply, and send the answers to it."""
    reply = InboundMessage(**{"address": "34600111222", "text": text, "at": timezone.now(), **fields})
    applying.record([applying.Thing(channel, reply)])
    answer()


def answer():
    for pk in set(AutoReply.objects.filter(due_at__lte=timezone.now()).values_list("channel", flat=True)):
        receiving.send_answers(pk)


def copy(channel, joe, days_ago=0.0, **fields):
    """A copy that was sent to Joe so many days ago."""
    sent_at = timezone.now() - timedelta(days=days_ago)
    return make_delivery(make_broadcast(channel), joe, **{"address": joe.phone, "sent_at": sent_at, **fields})


def states():
    return dict(Consent.objects.values_list("use_case", "state"))


def reasons():
    return list(Suppression.objects.order_by("pk").values_list("reason", "use_case"))


def flood(channel, how_many):
    """Have that many people ask for help."""
    replies = [InboundMessage(f"346001113{n:02}", "HELP", timezone.now()) for n in range(how_many)]
    applying.record([applying.Thing(channel, reply) for reply in replies])
