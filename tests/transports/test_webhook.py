"""The webhook, against a real server on this machine; the package `standardwebhooks` judges its signatures."""

import json

import pytest
from standardwebhooks import Webhook as Judge
from standardwebhooks import WebhookVerificationError

from broadcasts.transports import Envelope
from broadcasts.transports.webhook import Webhook, WebhookSettings
from tests.http_server import answer

from .http_contract import HttpContract, flags

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
CONTEXT = {
    "organization": {"uuid": "o", "name": "Club"},
    "broadcast": {"uuid": "b", "name": "Pool closed", "use_case": "general"},
    "message": "m",
    "started_at": "2026-11-01T12:00:00+00:00",
    "recipient": {"uuid": "c", "external_id": "C-1", "language": "es", "address": "C-1"},
}


class TestWebhook(HttpContract):
    reads_answer = False
    status_meanings = HttpContract.status_meanings | {one: {"permanent", "account"} for one in (404, 405, 410)}

    def make_for(self, base, **settings):
        return Webhook({"url": f"{base}/hook", "signing_secret": SECRET, **settings})

    def envelope(self, n=1):
        return Envelope(f"key{n}", f"C-{n}", subject="Pool closed", text="¿Qué? — so", context=CONTEXT)

    def send(self, **settings):
        with self.make_for(self.server.base, **settings) as webhook:
            webhook.deliver(self.envelope())
        return self.server.calls[-1][1], {k.lower(): v for k, v in self.server.headers[-1].items()}

    def test_the_document_tells_who_gets_what_of_whom(self):
        told = json.loads(self.send()[0])
        assert (told["type"], told["timestamp"]) == ("message", "2026-11-01T12:00:00+00:00")
        assert told["data"]["delivery"] == "key1"
        assert told["data"]["recipient"] == CONTEXT["recipient"]
        assert (told["data"]["text"], told["data"]["broadcast"]["name"]) == ("¿Qué? — so", "Pool closed")

    def test_it_is_signed_as_standard_webhooks(self):
        body, headers = self.send()
        assert Judge(SECRET).verify(body, headers) == json.loads(body)
        with pytest.raises(WebhookVerificationError):
            Judge(OLD).verify(body, headers)

    def test_while_a_secret_is_rotated_both_are_valid(self):
        body, headers = self.send(rotating=True, previous_secret=OLD)
        for secret in (SECRET, OLD):
            assert Judge(secret).verify(body, headers)

    def test_a_copy_that_is_sent_again_has_the_same_id_and_says_the_same(self):
        first, second = self.send(), self.send()
        assert first[0] == second[0]
        for name in ("webhook-id", "idempotency-key"):
            assert first[1][name] == second[1][name] == "key1"

    def test_a_receiver_that_is_gone_stops_the_broadcast(self):
        error = self.outcome(answer(410))
        assert flags(error) == {"permanent", "account"}
        assert "nothing takes broadcasts at the channel's URL" in str(error)


def faults(**values):
    form = WebhookSettings({"url": "https://example.org/hook", "signing_secret": SECRET, **values})
    return {name: " ".join(errors) for name, errors in form.errors.items()}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://10.0.0.1/hook", "leads to a private network"),
        ("http://169.254.169.254/latest", "leads to a link-local address"),
        ("ftp://example.org/", "no address to call"),
        ("https://joe:secret@example.org/", "does not belong in the address"),
        ("https://example.org/#top", "after #"),
        ("https://2130706433/", "is a number"),
        ("example.org", "no address to call"),
    ],
)
def test_an_address_that_may_not_be_called_is_refused_where_it_is_typed(url, why):
    assert why in faults(url=url)["url"]


def test_a_secret_has_its_form():
    assert "whsec_" in faults(signing_secret="swordfish")["signing_secret"]
    assert faults(signing_secret="whsec_c2hvcnQ=")
    assert faults() == {}


def test_rotating_needs_the_previous_secret_and_its_end_forgets_it():
    assert "previous_secret" in faults(rotating=True)
    form = WebhookSettings({"url": "https://example.org/", "signing_secret": SECRET, "previous_secret": OLD})
    assert form.is_valid() and form.cleaned_data["previous_secret"] == ""
