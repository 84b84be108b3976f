"""What is wrong with an SMS channel's settings is told where it is typed."""

import pytest

from broadcasts import links
from broadcasts.models import Channel
from broadcasts.transports.sms.settings import SmsSettings

GOOD = {"preset": "twilio", "account": "AC1", "secret_key": "s3cret"}
OTHER = {"preset": "other", "secret_key": "s3cret", "base_url": "https://sms.example.org"}


def faults(**values):
    form = SmsSettings(values)
    return {name: " ".join(errors) for name, errors in form.errors.items()}


def test_good_settings_of_each_way():
    assert faults(**GOOD) == {}
    assert faults(**OTHER) == {}
    assert faults(**OTHER, description={"url": "{base}/send", "form": {"to": "{to}", "text": "{text}"}}) == {}


@pytest.mark.parametrize(
    ("description", "why"),
    [
        ([1], "is an object"),
        ({"url": "https://evil.example/{to}"}, "url: begin with {base}"),
        ({"url": "{base}/", "jsn": {}}, "jsn: unknown; accepted: url,"),
        (
            {"url": "{base}/", "json": {"a": [{"b": "{nope}"}]}},
            "json.a[0].b: {nope} is no placeholder; accepted: {base}",
        ),
        ({"url": "{base}/", "json": {}, "form": {}}, "form, json: the body is one of them"),
        ({"url": "{base}/", "auth": {"digest": "x"}}, "auth.digest: unknown; accepted: basic, bearer"),
        ({"url": "{base}/", "auth": {"basic": ["x"]}}, "auth.basic: must be username and password"),
        ({"url": "{base}/", "method": "DELETE"}, "method: “DELETE” is not accepted; use one of: POST"),
        ({"url": "{base}/", "errors": {"1": "fatal"}}, "errors.1: “fatal” is not accepted; use one of: permanent"),
        ({"url": "{base}/", "statuses": {"ok": "done"}}, "statuses.ok: “done” is not accepted"),
        ({"url": "{base}/", "signature": "os.system"}, "signature: “os.system” is not accepted; use one of: none"),
        ({"url": "{base}/", "callback": {"identity": "x"}}, "callback.identity: unknown; accepted: each, id"),
        ({"url": "{base}/", "answer": {"accepted": "0"}}, "answer.accepted: must be such as"),
        ({"url": "{base}/", "headers": {"X": 1}}, "headers: must be an object of texts"),
        ({"url": "{base}/", "encodings": ["a"]}, "encodings: must be the words"),
        ({"url": "{base}/", "json": {"a": "x" * 30_000}}, "20,000 characters"),
    ],
)
def test_a_broken_description_says_where_and_what_would_be_right(description, why):
    assert why in faults(**OTHER, description=description)["description"]


def test_a_preset_takes_no_description():
    assert "belongs to the gateway “other”" in faults(**GOOD, description={"url": "{base}/"})["description"]


@pytest.mark.parametrize(
    ("values", "name", "why"),
    [
        ({"preset": "twilio", "secret_key": "x"}, "account", "needs it"),
        ({"preset": "twilio", "account": "x"}, "secret_key", "needs it"),
        ({"preset": "other", "secret_key": "x"}, "base_url", "needs it, such as https://sms.example.org"),
        ({**GOOD, "preset": "infobip", "signing_secret": "x"}, "signing_secret", "does not sign"),
        ({**GOOD, "base_url": "http://192.168.0.1/"}, "base_url", "private network"),
        ({**GOOD, "senders": {"Spain": "Club"}}, "senders", "“Spain” is no country"),
        ({**GOOD, "senders": {"34": "A sender that is far too long"}}, "senders", "34: a sender is"),
        ({**GOOD, "price_per_segment": "0.05"}, "currency", "needs its currency"),
        ({**GOOD, "price_per_segment": "-1", "currency": "EUR"}, "price_per_segment", "greater than or equal"),
        ({**GOOD, "price_per_segment": "1", "currency": "€"}, "currency", "ISO 4217"),
    ],
)
def test_what_is_missing_or_wrong_is_told_at_its_field(values, name, why):
    assert why in faults(**values)[name]


def test_a_channel_keeps_its_secrets_apart_and_knows_its_price(club):
    channel = Channel(organization=club, name="Texts", kind="sms")
    channel.configure({**GOOD, "price_per_segment": "0.0450", "currency": "eur"})
    channel.save()
    channel.refresh_from_db()
    assert channel.secrets == {"secret_key": "s3cret"} and "secret_key" not in channel.settings
    assert (str(channel.segment_price), channel.currency) == ("0.045", "EUR")
    assert channel.callback_url.endswith(f"/callbacks/{channel.uuid}/{links.callback_key(channel.uuid)}/")


def test_the_secret_is_asked_for_again_when_it_would_go_elsewhere(club):
    channel = Channel(organization=club, name="Texts", kind="sms")
    channel.configure(GOOD)
    with pytest.raises(Exception, match="secret_key: This gateway needs it"):
        channel.configure({"preset": "twilio", "account": "AC1", "base_url": "https://evil.example"})
