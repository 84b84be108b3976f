"""What is wrong with an SMS channel's settings is told where it is typed."""

import pytest

from broadcasts import links
from broadcasts.models import Channel
from broadcasts.transports.sms.gateway import Gateway
from broadcasts.transports.sms.settings import SmsSettings

GOOD = {"preset": "twilio", "account": "AC1", "secret_key": "s3cret"}
CALL = {"url": "{base}/send", "form": {"to": "{to}", "text": "{text}"}}
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
        ({"url": "{base}.evil.example/"}, "url: begin with {base}/"),
        ({"url": "{base}/", "check": "http://10.0.0.1/"}, "check: begin with {base}/"),
        ({"json": {}}, "url: needed, such as {base}/messages"),
        ({**CALL, "base_url": "http://10.0.0.1"}, "base_url: “10.0.0.1” leads to a private network"),
        ({**CALL, "base_url": "sms.example.org"}, "base_url: “sms.example.org” is no address to call"),
    ],
)
def test_a_broken_description_says_where_and_what_would_be_right(description, why):
    assert why in faults(**OTHER, description=description)["description"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{text", "json.text: “{text” has a brace of no placeholder; accepted: {base}"),
        ("{{text}}", "json.text: “{…}” has a brace of no placeholder"),
        ("Hi {{ contact.name }}", "json.text: “Hi {{ contact.name }}” has a brace"),
        ("{% if to %}{text}", "json.text: “{% if to %}…” has a brace"),
        ("Hello", "{text}: stands nowhere in url, headers, query, form, json"),
    ],
)
def test_a_text_that_would_reach_nobody_as_it_is_meant_is_refused(text, why):
    described = {"url": "{base}/", "json": {"to": "{to}", "text": text}}
    assert why in faults(**OTHER, description=described)["description"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"answer": {"id": "messages[0].id"}}, "answer.id: “messages[0].id” is no path; give names and numbers from 0"),
        ({"answer": {"id": "$.id"}}, "answer.id: “$.id” is no path"),
        ({"answer": {"id": "id..x"}}, "answer.id: “id..x” is no path"),
        ({"answer": {"code": ["error", " code"]}}, "answer.code: “ code” is no path"),
        ({"answer": {"accepted": {"path": "{ok}", "values": []}}}, "answer.accepted.path: “{ok}” is no path"),
        ({"callback": {"id": "$.id", "status": "s"}}, "callback.id: “$.id” is no path"),
        ({"callback": {"status": "state"}}, "callback.id: needed"),
        ({"reply": {"from": "sender"}}, "reply.text: needed"),
        ({"headers": {"X Key": "1"}}, "headers: “X Key” is no name of a header"),
        ({"headers": {"X-Key": "a\nb"}}, "headers.X-Key: a header has no line breaks"),
        ({"headers": {"Content-Length": "5"}}, "headers.Content-Length: is set by itself"),
        ({"auth": {"header": {"Ü": "{secret}"}}}, "auth.header: “Ü” is no name of a header"),
    ],
)
def test_a_path_or_a_header_that_cannot_work_is_named(more, why):
    assert why in faults(**OTHER, description={**CALL, **more})["description"]


def test_the_words_of_a_report_are_known_in_any_case():
    assert Gateway.read({**CALL, "statuses": {"DELIVRD": "delivered"}}).statuses == {"delivrd": "delivered"}


@pytest.mark.parametrize(
    ("json", "why"),
    [
        ('{"url": "{base}/",\n url: 1}', "not valid JSON: line 2, column 2: Expecting property name"),
        ('{"url": NaN}', "A number is too large."),
        ("[" * 2000, "nested more than 30 levels deep"),
        (f'{{"url": {"9" * 5000}}}', "A number is too large."),
        ('{"url": "\\u0000"}', "Null characters are not allowed."),
        ('{"url": "\\ud800"}', "Halves of characters"),
    ],
)
@pytest.mark.parametrize("name", ["description", "senders"])
def test_what_is_no_json_says_where_it_breaks(name, json, why):
    assert why in faults(**{**OTHER, name: json})[name]


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
        ({**GOOD, "base_url": "https://x.example/?a=1"}, "base_url", "cannot have a part after ?"),
        ({**GOOD, "base_url": "https://a..b"}, "base_url", "“a..b” is no name of a host"),
        ({**GOOD, "secret_key": "a\nb"}, "secret_key", "Line breaks and control characters are not possible in a key"),
        ({**GOOD, "account": "a\nb"}, "account", "are not possible in an account"),
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
