"""The catcher calls back as its providers would, by buttons and by itself."""

import hashlib
import hmac
import json

import pytest

from broadcasts.catcher import GatewayAccount
from tests.catcher.providers import (
    call,
    call_list,
    message,
    press,
    sms,
    waiting,
    webhook,
    whatsapp,
)


def test_a_button_calls_back_signed_with_the_app_secret(catcher, ours):
    key = whatsapp(catcher, message())[1]["messages"][0]["id"]
    status, _, headers = press(catcher, "/messages/1/call", do="delivered", back="/?sort=whatsapp")
    assert status == 303 and headers["Location"] == "/?sort=whatsapp#m1"
    headers, body = ours.calls[0]
    digest = hmac.new(b"app secret", body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert ours.statuses() == [(key, "delivered")]
    assert ours.told[0]["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] == "111"
    assert "delivered: answered 200" in call(catcher, "/")[1]


def test_a_reply_names_the_message_that_it_answers(catcher, ours):
    key = whatsapp(catcher, message())[1]["messages"][0]["id"]
    press(catcher, "/messages/1/call", do="reply", text="BAJA")
    [told] = ours.told[0]["entry"][0]["changes"][0]["value"]["messages"]
    assert told["text"] == {"body": "BAJA"} and told["from"] == "34600111222"
    assert told["context"]["id"] == key


def test_a_failure_carries_the_code_that_was_typed(catcher, ours):
    whatsapp(catcher, message())
    press(catcher, "/messages/1/call", do="failed", code="131049")
    press(catcher, "/messages/1/call", do="failed")
    values = [told["entry"][0]["changes"][0]["value"]["statuses"][0] for told in ours.told]
    assert [one["errors"][0]["code"] for one in values] == [131049, 131026]


def test_an_sms_calls_back_where_its_sender_said(catcher, ours):
    key = sms(catcher, callback_url=ours.url)[1]["id"]
    for do in ("delivered", "reply"):
        press(catcher, "/messages/1/call", do=do, text="STOP")
    delivered, reply = ours.told
    assert (delivered["id"], delivered["status"]) == (key, "delivered")
    assert "status" not in reply  # by which the two are told apart
    assert (reply["from"], reply["text"]) == ("34600111222", "STOP")


def test_an_sms_calls_back_signed_where_the_demo_names_a_secret(catcher, ours):
    catcher.accounts.sms = GatewayAccount(signing_secret="signing secret")
    sms(catcher, callback_url=ours.url)
    press(catcher, "/messages/1/call", do="failed")
    headers, body = ours.calls[0]
    assert headers["X-Signature"] == hmac.new(b"signing secret", body, hashlib.sha256).hexdigest()
    assert json.loads(body)["code"] == "400"


def test_a_server_that_does_not_take_a_call_is_shown(catcher, ours):
    whatsapp(catcher, message())
    ours.status = 401
    press(catcher, "/messages/1/call", do="read")
    assert "<li class=bad>read: answered 401" in call(catcher, "/messages/1/")[1]


@pytest.mark.parametrize(
    "back", ["//evil.example/", "/\\evil.example", "https://evil.example/", "/x\r\nSet-Cookie: a=b"]
)
def test_a_button_leads_to_no_other_site(catcher, ours, back):
    whatsapp(catcher, message())
    status, _, headers = press(catcher, "/messages/1/call", do="delivered", back=back)
    assert status == 303 and headers["Location"] == "/#m1" and "Set-Cookie" not in headers


def test_another_site_cannot_press_the_buttons(catcher, ours):
    whatsapp(catcher, message())
    assert call(catcher, "/messages/1/call", b"do=delivered", Origin="https://evil.example")[0] == 403
    assert ours.calls == []


def test_what_was_refused_or_is_a_mail_calls_nobody_back(catcher, ours):
    whatsapp(catcher, message("de"))
    webhook(catcher)
    assert [press(catcher, f"/messages/{n}/call", do="delivered")[0] for n in (1, 2, 3)] == [404, 404, 404]
    assert press(catcher, "/messages/1/call", do="explode")[0] in (400, 404)


def test_all_are_called_back_once_and_some_are_read(catcher, ours):
    keys = {whatsapp(catcher, message())[1]["messages"][0]["id"] for _ in range(7)}
    key = sms(catcher, callback_url=ours.url)[1]["id"]
    assert press(catcher, "/call-all")[0] == 303
    waiting(lambda: "10 called back." in call(catcher, "/")[1])
    told = [one for one in ours.told if "status" in one]
    assert [(one["id"], one["status"]) for one in told] == [(key, "delivered")]
    ours.calls = [one for one in ours.calls if b'"entry"' in one[1]]
    assert {id_ for id_, status in ours.statuses() if status == "delivered"} == keys
    assert len(ours.statuses()) == 9 and len(ours.calls) == 2  # many in a call
    press(catcher, "/call-all")
    waiting(lambda: not catcher_is_busy(catcher))
    assert len(ours.calls) == 2


def catcher_is_busy(catcher) -> bool:
    return "load this page again" in call(catcher, "/")[1]


def test_the_switch_answers_every_send_with_an_error_until_it_is_off(catcher):
    press(catcher, "/switch", sort="whatsapp", code="190")
    press(catcher, "/switch", sort="webhook", code="503")
    assert "Answering every send with an error: WhatsApp 190, Webhook 503" in call_list(catcher)
    assert whatsapp(catcher, message())[1]["error"]["code"] == 190
    assert webhook(catcher) == 503
    press(catcher, "/switch", sort="whatsapp", code="")
    assert whatsapp(catcher, message())[0] == 200
    assert press(catcher, "/switch", sort="whatsapp", code="7")[0] == 400
    assert press(catcher, "/switch", sort="mail", code="500")[0] == 400
