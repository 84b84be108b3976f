"""A provider of the tests, and the calls that it makes."""

import hmac
import json
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from broadcasts import receiving
from broadcasts.receiving import applying
from broadcasts.transports import Callback, Event, InboundMessage, Transport
from tests.make import path_of

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)


class Pigeons(Transport):
    """A provider that signs the address and the body, and tells of copies and replies in JSON."""

    kind = "pigeons"
    label = "Pigeons"
    address_field = "phone"
    medium = "sms"
    calls_back = True

    @property
    def account(self):
        return self.settings.get("account", "")

    def signature(self, call):
        return hmac.new(self.settings["secret"].encode(), call.url.encode() + call.body, "sha256").hexdigest()

    def verify(self, call):
        return hmac.compare_digest(call.headers["x-signature"], self.signature(call))

    def parse(self, call):
        if call.method == "GET":
            return Callback(answer=call.url.partition("?challenge=")[2])
        told = json.loads(call.body)
        events = [
            Event(one["id"], one["type"], NOON, one.get("detail", {}), account=one.get("account", ""))
            for one in told.get("events", [])
        ]
        replies = [
            InboundMessage(
                one["from"], one["text"], NOON, one, one.get("id", ""), one.get("to", ""), one.get("account", "")
            )
            for one in told.get("replies", [])
        ]
        return Callback(events, replies)


class Calls:
    """Calls the address of a channel, signed with its secret."""

    def __init__(self, channel, settings):
        self.channel, self.settings = channel, settings
        self.client = Client(enforce_csrf_checks=True)

    def __call__(self, told=None, *, apply=True, body=None, secret="coo", **headers):
        """Call, and do what the queue does then."""
        response = self._call(told, body, secret, headers)
        if apply:
            receiving.apply_due()
        return response

    def _call(self, told, body, secret, headers):
        path = path_of(self.channel)
        body = json.dumps(told).encode() if body is None else body
        signed = f"{self.settings.BASE_URL}{path}".encode() + body
        signature = hmac.new(secret.encode(), signed, "sha256").hexdigest()
        return self.client.post(path, body, "application/json", headers={"X-Signature": signature, **headers})


def take_in(channel, told):
    applying.record([applying.Thing(channel, one) for one in (*told.events, *told.replies)])


def delivered(*ids):
    return {"events": [{"id": one, "type": "delivered"} for one in ids]}


def reply(**fields):
    return {"replies": [{"from": "34600111222", "text": "Yes please", "id": "r1", **fields}]}
