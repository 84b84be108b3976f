"""The catcher's providers over HTTP: WhatsApp's Cloud API, an SMS gateway, a webhook receiver."""

import json
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from broadcasts.catcher import Catcher, GatewayAccount, Sort, hook, templates
from tests.catcher.providers import (
    SECRET,
    call,
    listed,
    message,
    sms,
    webhook,
    whatsapp,
)


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
