"""The catcher's providers over HTTP: WhatsApp's Cloud API, an SMS gateway, a webhook receiver, and their callbacks."""

import base64
import hashlib
import hmac
import json
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlencode

import pytest

from broadcasts.catcher import Catcher, GatewayAccount, Sort, WhatsAppAccount, hook, templates

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes in all").decode()


@pytest.fixture
def catcher(tmp_path):
    with Catcher(tmp_path, smtp_port=0, http_port=0) as catcher:
        yield catcher


class Ours:
    """The server that sent, which is called back."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict, bytes]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.calls.append((dict(self.headers), body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *args) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callbacks/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def told(self) -> list[dict]:
        return [json.loads(body) for _, body in self.calls]

    def statuses(self) -> list[tuple[str, str]]:
        values = [told["entry"][0]["changes"][0]["value"] for told in self.told]
        return [(one["id"], one["status"]) for value in values for one in value.get("statuses", ())]


@pytest.fixture
def ours(catcher):
    ours = Ours()
    catcher.accounts.whatsapp["111"] = WhatsAppAccount("111", "222", ours.url, "app secret", "token")
    yield ours
    ours.server.shutdown()
    ours.server.server_close()


def call(catcher, path: str, body=None, **headers: str) -> tuple[int, str, dict]:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    with closing(HTTPConnection(catcher.host, catcher.http_port, timeout=20)) as connection:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if body is None else "POST", path, data, names)
        response = connection.getresponse()
        return response.status, response.read().decode(), dict(response.headers)


def press(catcher, path: str, **form: str) -> tuple[int, str, dict]:
    return call(catcher, path, urlencode(form).encode())


def message(language: str = "en", body: tuple = ("Ana", "12"), to: str = "34600111222", **changes) -> dict:
    components = [
        {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://club.example/a.png"}}]},
        {"type": "body", "parameters": [{"type": "text", "text": text} for text in body]},
        {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "leeds"}]},
    ]
    template = {"name": "pool_opens", "language": {"code": language}, "components": components} | changes
    return {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}


def whatsapp(catcher, told: dict, token: str = "token", number: str = "111") -> tuple[int, dict]:
    status, text, _ = call(catcher, f"/cloud/v23.0/{number}/messages", told, Authorization=f"Bearer {token}")
    return status, json.loads(text)


def sms(catcher, to: str = "+34600111222", text: str = "Hello", callback_url: str = "") -> tuple[int, dict]:
    told = {"to": to, "from": "Club", "text": text, "callback_url": callback_url}
    status, text, _ = call(catcher, "/sms/messages", told, Authorization="Bearer x")
    return status, json.loads(text)


def listed(catcher, query: str = "") -> list[dict]:
    return json.loads(call(catcher, f"/api/messages.json{query}")[1])


def waiting(what) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_template_is_accepted_and_shown_as_the_person_sees_it(catcher):
    status, answer = whatsapp(catcher, message("es"))
    assert status == 200 and answer["messages"][0]["id"].startswith("wamid.")
    assert answer["contacts"] == [{"input": "34600111222", "wa_id": "34600111222"}]
    page = call(catcher, "/messages/1/")[1]
    assert "Hola, Ana: la piscina está abierta de nuevo. Hasta hoy has venido 12 veces." in page
    assert "<span>Iré</span><span>Horario</span>" in page and '<img src="picture"' in page


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (message("de"), 132001),
        (message(body=("Ana",)), 132000),
        (message(body=("Ana", "")), 131008),
        (message(components=message()["template"]["components"][1:]), 132012),
        (message(components=message()["template"]["components"][:2]), 131008),
        (message(name="old_offer"), 132015),
        (message(to=""), 131008),
        (message(to="34600130429"), 130429),
        ({"messaging_product": "whatsapp", "to": "34600111222", "type": "text", "text": {"body": ""}}, 131008),
        ({"messaging_product": "whatsapp", "to": "34600111222", "type": "fax", "fax": {}}, 131051),
        ({"to": "34600111222"}, 100),
        ({"messaging_product": "whatsapp", "to": "34600111222", "template": None, "type": "template"}, 131008),
    ],
)
def test_what_the_cloud_api_refuses_is_refused_with_its_code(catcher, told, code):
    status, answer = whatsapp(catcher, told)
    assert status >= 400 and answer["error"]["code"] == code
    assert listed(catcher)[0]["note"].startswith(f"Refused: {code} ")
    assert catcher.recipients(sort=Sort.WHATSAPP).total() == 0


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"messaging_product": "whatsapp", "to": 1, "type": []}'])
def test_a_body_that_is_not_as_documented_is_refused(catcher, body):
    status, text, _ = call(catcher, "/cloud/v23.0/111/messages", body, Authorization="Bearer x")
    assert status == 400 and json.loads(text)["error"]["code"] in (100, 131008)


def test_a_token_of_another_account_is_refused(catcher, ours):
    assert whatsapp(catcher, message(), token="wrong")[1]["error"]["code"] == 190
    assert call(catcher, "/cloud/v23.0/111/messages", message())[0] == 401
    assert whatsapp(catcher, message(), token="token")[0] == 200
    assert whatsapp(catcher, message(), token="any", number="999")[0] == 200


def test_a_login_is_never_kept(catcher):
    whatsapp(catcher, message(), token="very-secret")
    assert "very-secret" not in call(catcher, "/messages/1/raw")[1] + call(catcher, "/messages/1/")[1]


def test_templates_are_listed_in_pages_that_lead_to_the_next(catcher):
    found, path = [], "/cloud/v23.0/222/message_templates?limit=3"
    while path:
        answer = json.loads(call(catcher, path, Authorization="Bearer x")[1])
        found += answer["data"]
        path = answer["paging"].get("next", "").removeprefix(f"http://{catcher.host}:{catcher.http_port}")
    assert found == templates.TEMPLATES
    pool = next(one for one in found if (one["name"], one["language"]) == ("pool_opens", "fr"))
    assert [one["type"] for one in pool["components"]] == ["HEADER", "BODY", "FOOTER", "BUTTONS"]


def test_named_parameters_are_merged_by_name(catcher):
    parameters = [
        {"type": "text", "parameter_name": "city", "text": "Leeds"},
        {"type": "text", "parameter_name": "first_name", "text": "Ana"},
    ]
    components = [{"type": "body", "parameters": parameters}]
    assert whatsapp(catcher, message(name="visit_tomorrow", components=components))[0] == 200
    assert listed(catcher)[0]["subject"] == "Ana, your next visit in Leeds is tomorrow."


def test_an_sms_is_accepted_and_refused_by_the_end_of_its_number(catcher):
    status, answer = sms(catcher, text="1 < 2")
    assert status == 200 and listed(catcher)[0]["key"] == answer["id"]
    assert "1 &lt; 2" in call(catcher, "/?sort=sms")[1]
    assert sms(catcher, to="+34600000429")[0] == 429
    assert call(catcher, "/sms/messages", {"to": "1", "text": "x"})[0] == 401
    assert catcher.recipients(sort=Sort.SMS) == {"34600111222": 1}


def test_an_sms_needs_the_token_that_the_demo_names(catcher):
    catcher.accounts.sms = GatewayAccount("right")
    told = {"to": "34600111222", "text": "Hello"}
    assert call(catcher, "/sms/messages", told, Authorization="Bearer wrong")[0] == 401
    assert call(catcher, "/sms/messages", told, Authorization="Bearer right")[0] == 200


def webhook(catcher, secret: str = SECRET, at: float | None = None, body: bytes = b'{"external_id": "m-1"}') -> int:
    at = int(at or time.time())
    signature = hook.sign(secret, f"msg_1.{at}.".encode() + body)
    names = {"webhook_id": "msg_1", "webhook_timestamp": str(at), "webhook_signature": f"v1a,x v1,{signature}"}
    return call(catcher, "/hook", body, **names)[0]


def test_a_webhook_is_taken_with_a_right_signature_only(catcher):
    catcher.accounts.hook_secrets = ("whsec_b2xk", SECRET)
    assert webhook(catcher) == 200
    assert listed(catcher)[0] | {"to": ["m-1"], "key": "msg_1", "note": ""} == listed(catcher)[0]
    assert webhook(catcher, secret="whsec_b3RoZXI=") == 401
    assert webhook(catcher, at=time.time() - 3600) == 401
    assert call(catcher, "/hook", {"external_id": "m-1"})[0] == 401
    assert webhook(catcher, body=b"no JSON") == 400


def test_a_webhook_names_its_recipient_wherever_in_the_document(catcher):
    webhook(catcher, body=json.dumps({"data": {"text": "Hello", "recipient": {"external_id": "m-7"}}}).encode())
    webhook(catcher, body=json.dumps({"data": {"recipient": {"external_id": None, "address": "u-1"}}}).encode())
    assert [(one["to"], one["subject"]) for one in listed(catcher)] == [(["u-1"], ""), (["m-7"], "Hello")]


def test_a_broken_secret_verifies_nothing(catcher):
    catcher.accounts.hook_secrets = ("whsec_no Base64!",)
    assert (
        call(catcher, "/hook", {}, webhook_id="1", webhook_timestamp=str(int(time.time())), webhook_signature="v1,")[0]
        == 401
    )


def test_signatures_are_those_of_the_standard(catcher):
    """The example of the specification's own libraries."""
    body, at = b'{"test": 2432232314}', datetime(2021, 2, 25, tzinfo=UTC)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = f"msg_p5jXN8AQM9LWM0D4loKWxJek.{1614265330}.".encode() + body
    assert hook.sign(secret, signed) == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    with pytest.raises(hook.BadSignature):
        hook.verify({}, body, [secret], at.timestamp())


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


def call_list(catcher) -> str:
    sms(catcher)  # the switch stands above a list
    return call(catcher, "/")[1]


def test_sorts_are_shown_by_themselves_and_searched_together(catcher):
    whatsapp(catcher, message())
    sms(catcher, text="the pool again")
    webhook(catcher, body=b'{"external_id": "m-1", "text": "pool"}')
    assert [one["sort"] for one in listed(catcher, "?q=pool")] == ["webhook", "sms", "whatsapp"]
    assert [one["sort"] for one in listed(catcher, "?q=pool&sort=sms")] == ["sms"]
    assert '<a href="/?q=pool&amp;sort=sms" aria-current=page>SMS</a>' in call(catcher, "/?q=pool&sort=sms")[1]
    assert len(listed(catcher, "?sort=nonsense")) == 3


def test_nothing_of_a_request_becomes_markup(catcher):
    evil = "<script>x</script>"
    whatsapp(catcher, {"messaging_product": "whatsapp", "to": f"{evil}1", "type": "text", "text": {"body": evil}})
    sms(catcher, to="1", text=evil)
    call(catcher, "/hook", {"external_id": evil, "text": evil}, X_Odd=evil)
    for path in ("/", "/messages/1/", "/messages/2/", "/messages/3/"):
        assert "<script" not in call(catcher, path)[1]


def test_a_picture_is_fetched_as_the_provider_does(catcher, tmp_path):
    told = message()
    told["template"]["components"][0]["parameters"][0]["image"]["link"] = "file:///etc/passwd"
    whatsapp(catcher, told)
    assert call(catcher, "/messages/1/picture")[0] == 404
    served = HTTPServer(("127.0.0.1", 0), Picture)
    threading.Thread(target=served.handle_request, daemon=True).start()
    link = f"http://127.0.0.1:{served.server_port}/a.png"
    told["template"]["components"][0]["parameters"][0]["image"]["link"] = link
    whatsapp(catcher, told)
    status, text, headers = call(catcher, "/messages/2/picture")
    served.server_close()
    assert (status, text, headers["Content-Type"]) == (200, "picture", "image/png")


class Picture(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(b"picture")

    def log_message(self, *args) -> None:
        pass


def test_a_file_of_an_earlier_version_is_read_on(tmp_path):
    with closing(sqlite3.connect(tmp_path / "caught.sqlite3")) as db:
        db.executescript(
            """CREATE TABLE messages (id INTEGER PRIMARY KEY, "to" TEXT, subject TEXT, size INTEGER, received TEXT);
            CREATE TABLE sources (id INTEGER PRIMARY KEY, source BLOB);
            INSERT INTO messages VALUES (1, 'ana@example.org', 'Old', 5, '2026-01-01 00:00:00');
            INSERT INTO sources VALUES (1, X'48656c6c6f');"""
        )
    with Catcher(tmp_path, 0, 0) as catcher:
        sms(catcher)
        assert [(one["sort"], one["id"]) for one in listed(catcher)] == [("sms", 2), ("mail", 1)]
        assert call(catcher, "/messages/1/")[0] == 200


def test_a_connection_serves_several_requests(catcher):
    with closing(HTTPConnection(catcher.host, catcher.http_port, timeout=20)) as connection:
        for _ in range(3):
            connection.request("POST", "/hook", b"{}")
            assert connection.getresponse().read() == b"OK"
            kept = connection.sock
            assert kept is not None
    assert catcher.count() == 3


def test_callbacks_give_back_what_the_sender_calls_its_message(catcher, ours):
    whatsapp(catcher, message() | {"biz_opaque_callback_data": "key1"})
    press(catcher, "/messages/1/call", do="delivered")
    [told] = ours.told
    assert told["entry"][0]["changes"][0]["value"]["statuses"][0]["biz_opaque_callback_data"] == "key1"
    told = {"to": "+34600111222", "text": "Hello", "callback_url": ours.url, "reference": "key2"}
    call(catcher, "/sms/messages", told, Authorization="Bearer x")
    press(catcher, "/messages/2/call", do="delivered")
    assert ours.told[-1]["reference"] == "key2"


def test_all_callbacks_of_whatsapp_give_back_their_reference(catcher, ours):
    whatsapp(catcher, message() | {"biz_opaque_callback_data": "key1"})
    press(catcher, "/call-all")
    waiting(lambda: not catcher_is_busy(catcher) and ours.calls)
    assert b'"biz_opaque_callback_data": "key1"' in ours.calls[0][1]
