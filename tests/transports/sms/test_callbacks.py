"""What gateways call back: reports of every class, replies, and their signatures."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from standardwebhooks import Webhook as Judge

from broadcasts.transports import CallbackRequest

from .test_sms import CALLBACK, sms

JSON, FORM = {"content-type": "application/json"}, {"content-type": "application/x-www-form-urlencoded"}


def post(body, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, dict) and "form" not in headers:
        return CallbackRequest("POST", CALLBACK, {**JSON, **names}, json.dumps(body).encode())
    return CallbackRequest("POST", CALLBACK, {**FORM, **names}, body if isinstance(body, bytes) else b"")


def form(**fields):
    return CallbackRequest("POST", CALLBACK, FORM, urlencode(fields).encode())


def get(**fields):
    return CallbackRequest("GET", f"{CALLBACK}?{urlencode(fields)}", {})


def parse(preset, request):
    return sms("https://x.example", preset).parse(request)


@pytest.mark.parametrize(
    ("preset", "request_", "type_", "hard"),
    [
        ("twilio", form(MessageSid="SM1", MessageStatus="delivered"), "delivered", False),
        ("twilio", form(MessageSid="SM1", MessageStatus="undelivered", ErrorCode="30005"), "bounced", True),
        ("twilio", form(MessageSid="SM1", MessageStatus="undelivered", ErrorCode="30003"), "bounced", False),
        ("twilio", form(MessageSid="SM1", MessageStatus="queued"), None, False),
        ("vonage", get(messageId="SM1", status="delivered", msisdn="34600000001"), "delivered", False),
        ("vonage", post({"messageId": "SM1", "status": "failed", "err-code": "33"}), "bounced", True),
        ("vonage", form(messageId="SM1", status="accepted"), "sent", False),
        ("sinch", post({"batch_id": "SM1", "status": "Delivered", "code": 0}), "delivered", False),
        ("sinch", post({"batch_id": "SM1", "status": "Failed", "code": 402}), "bounced", False),
        ("africas_talking", form(id="SM1", status="Success"), "delivered", False),
        ("africas_talking", form(id="SM1", status="Failed", failureReason="UnsupportedNumberType"), "bounced", True),
        ("other", post({"id": "SM1", "status": "failed"}), "bounced", False),
    ],
)
def test_a_report_becomes_a_fact(preset, request_, type_, hard):
    told = parse(preset, request_)
    assert [(event.provider_id, event.type) for event in told.events] == ([("SM1", type_)] if type_ else [])
    assert [event.detail.get("hard", False) for event in told.events] == ([hard] if type_ else [])
    assert told.replies == []


def test_a_code_without_end_is_cut():
    [event] = parse("other", post({"id": "SM1", "status": "failed", "code": "9" * 5000})).events
    assert event.detail["code"] == "9" * 100


def test_one_call_may_tell_of_many():
    body = {
        "results": [
            {"messageId": "I1", "doneAt": "2026-11-01T12:00:00.000+0000", "status": {"groupName": "DELIVERED"}},
            {
                "messageId": "I2",
                "status": {"groupName": "UNDELIVERABLE"},
                "error": {"name": "EC_UNKNOWN_SUBSCRIBER"},
            },
        ]
    }
    first, second = parse("infobip", post(body)).events
    assert (first.type, first.at) == ("delivered", datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert second.detail["hard"] and second.detail["reason"] == "the number does not exist"


@pytest.mark.parametrize(
    ("preset", "request_"),
    [
        ("twilio", form(MessageSid="R1", From="+34600000001", To="+1555", Body="STOP", SmsStatus="received")),
        ("vonage", get(msisdn="34600000001", to="1555", messageId="R1", text="STOP", type="text")),
        ("infobip", post({"results": [{"messageId": "R1", "from": "34600000001", "text": "STOP"}]})),
        ("sinch", post({"id": "R1", "type": "mo_text", "from": "34600000001", "body": "STOP"})),
        ("africas_talking", form(id="R1", text="STOP", to="1555")),
        ("other", post({"id": "R1", "from": "+34 600 000 001", "text": "STOP"})),
    ],
)
def test_a_reply_has_its_sender_and_its_text(preset, request_):
    if preset == "africas_talking":
        request_ = CallbackRequest("POST", CALLBACK, FORM, request_.body + b"&from=%2B34600000001")
    told = parse(preset, request_)
    [reply] = told.replies
    assert (reply.address, reply.text, reply.provider_id) == ("34600000001", "STOP", "R1")
    assert told.events == []


@pytest.mark.parametrize("body", [b'{"id": ', b"\xff\xfe", b'{"id": "\xff"}'])
def test_what_cannot_be_read_is_a_value_error(body):
    with pytest.raises(ValueError):
        parse("other", CallbackRequest("POST", CALLBACK, JSON, body))


@pytest.mark.parametrize("body", [b"[]", b"[1, null]", b"{}", b'{"id": {"a": 1}, "status": []}', b"null", b"3"])
def test_what_is_not_as_documented_tells_nothing(body):
    told = parse("other", CallbackRequest("POST", CALLBACK, JSON, body))
    assert (list(told.events), list(told.replies)) == ([], [])


# Signatures


def test_twilio_signs_the_address_and_the_form():
    request = form(MessageSid="SM1", MessageStatus="delivered")
    signed = f"{CALLBACK}MessageSidSM1MessageStatusdelivered"
    right = base64.b64encode(hmac.digest(b"s3cret", signed.encode(), "sha1")).decode()
    transport = sms("https://x.example", "twilio")

    def verified(signature, body=request.body):
        return transport.verify(CallbackRequest("POST", CALLBACK, {"x-twilio-signature": signature}, body))

    assert verified(right)
    assert not verified(right[:-2] + "A=")
    assert not verified(right, request.body + b"&MessageSid=SM2")


def test_twilio_is_never_taken_unsigned():
    with pytest.raises(KeyError):
        sms("https://x.example", "twilio").verify(form(MessageSid="SM1"))
    assert not sms("https://x.example", "twilio", secret_key="").verify(form(MessageSid="SM1"))


def vonage_signed(at=0, **fields):
    """A call that Vonage signed so many seconds from now; `signed` is what its documents say."""
    fields = {**fields, "messageId": "V1", "timestamp": str(int(time.time()) + at)}
    clean = {
        name.replace("&", "_").replace("=", "_"): value.replace("&", "_").replace("=", "_")
        for name, value in fields.items()
    }
    signed = "".join(f"&{name}={value}" for name, value in sorted(clean.items()))
    return fields, hmac.new(b"v0nage", signed.encode(), hashlib.sha256).hexdigest()


def test_vonage_signs_the_sorted_parameters():
    transport = sms("https://x.example", "vonage", signing_secret="v0nage")
    fields, right = vonage_signed(**{"text": "a=b&c", "x&y=": "1"})
    assert transport.verify(get(**fields, sig=right.upper()))
    assert not transport.verify(get(**{**fields, "text": "x"}, sig=right))


def sinch_signed(at=0):
    moment = str(int(time.time()) + at)
    right = base64.b64encode(hmac.digest(b"s1nch", f"{{}}.n.{moment}".encode(), "sha256")).decode()
    values = (("", right), ("-nonce", "n"), ("-timestamp", moment))
    return {f"x-sinch-webhook-signature{name}": value for name, value in values}


def test_sinch_signs_the_body_with_nonce_and_time():
    transport = sms("https://x.example", "sinch", signing_secret="s1nch")
    assert transport.verify(CallbackRequest("POST", CALLBACK, sinch_signed(), b"{}"))
    assert not transport.verify(CallbackRequest("POST", CALLBACK, sinch_signed(), b"{ }"))


@pytest.mark.parametrize(("at", "is_taken"), [(-80_000, True), (-90_000, False), (90_000, False)])
def test_a_call_that_was_signed_on_another_day_is_refused(at, is_taken):
    fields, right = vonage_signed(at)
    assert sms("https://x.example", "vonage", signing_secret="v0nage").verify(get(**fields, sig=right)) is is_taken
    request = CallbackRequest("POST", CALLBACK, sinch_signed(at), b"{}")
    assert sms("https://x.example", "sinch", signing_secret="s1nch").verify(request) is is_taken


def test_what_a_signature_does_not_cover_tells_nothing():
    request = CallbackRequest("POST", f"{CALLBACK}?id=SM1&status=failed", JSON, b'{"id": "SM2"}')
    assert not sms("https://x.example", "other", signing_secret="k").parse(request).events
    assert sms("https://x.example", "other").parse(request).events


def test_another_gateway_may_sign_by_hmac_or_as_standard_webhooks():
    body, secret = b'{"id": "1"}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    described = {"url": "{base}/", "query": {"to": "{to}", "text": "{text}"}, "signature": "hmac-sha256"}
    plain = sms("https://x.example", "other", description=described, signing_secret="k")
    right = hmac.new(b"k", body, "sha256").hexdigest()
    assert plain.verify(CallbackRequest("POST", CALLBACK, {"x-signature": f"sha256={right}"}, body))
    assert not plain.verify(CallbackRequest("POST", CALLBACK, {"x-signature": "0" * 64}, body))
    standard = sms(
        "https://x.example", "other", description={**described, "signature": "standard-webhooks"}, signing_secret=secret
    )
    now = datetime.now(UTC)
    headers = {"webhook-id": "1", "webhook-timestamp": str(int(now.timestamp()))}
    headers["webhook-signature"] = Judge(secret).sign("1", now, body.decode())
    assert standard.verify(CallbackRequest("POST", CALLBACK, headers, body))
    assert not standard.verify(CallbackRequest("POST", CALLBACK, {**headers, "webhook-timestamp": "1"}, body))


def test_a_gateway_that_does_not_sign_relies_on_the_address():
    assert sms("https://x.example", "infobip").verify(post({}))
    assert sms("https://x.example", "vonage").verify(get(messageId="V1"))


@pytest.mark.parametrize(
    ("preset", "request_"),
    [
        ("vonage", get(messageId="SM1", status="delivered", **{"client-ref": "key1"})),
        ("sinch", post({"batch_id": "SM1", "status": "Delivered", "client_reference": "key1"})),
        (
            "infobip",
            post({"results": [{"messageId": "SM1", "status": {"groupName": "DELIVERED"}, "callbackData": "key1"}]}),
        ),
        (
            "twilio",
            CallbackRequest("POST", f"{CALLBACK}?key=key1", FORM, b"MessageSid=SM1&MessageStatus=delivered"),
        ),
        ("other", post({"id": "SM1", "status": "delivered", "reference": "key1"})),
    ],
)
def test_a_report_names_the_copy_by_its_key(preset, request_):
    [event] = parse(preset, request_).events
    assert (event.provider_id, event.key) == ("SM1", "key1")


def test_a_signed_report_of_twilio_names_the_copy_in_its_address():
    url, body = f"{CALLBACK}?key=key1", b"MessageSid=SM1&MessageStatus=delivered"
    signed = f"{url}MessageSidSM1MessageStatusdelivered".encode()
    signature = base64.b64encode(hmac.digest(b"s3cret", signed, "sha1")).decode()
    request = CallbackRequest("POST", url, {**FORM, "x-twilio-signature": signature}, body)
    transport = sms("https://x.example", "twilio")
    assert transport.verify(request)
    assert not transport.verify(CallbackRequest("POST", f"{CALLBACK}?key=key2", request.headers, body))
