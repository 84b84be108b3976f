"""What is sent to the catcher, and the server that it calls back."""

import base64
import json
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlencode

from broadcasts.catcher import hook

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes in all").decode()


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


def webhook(catcher, secret: str = SECRET, at: float | None = None, body: bytes = b'{"external_id": "m-1"}') -> int:
    at = int(at or time.time())
    signature = hook.sign(secret, f"msg_1.{at}.".encode() + body)
    names = {"webhook_id": "msg_1", "webhook_timestamp": str(at), "webhook_signature": f"v1a,x v1,{signature}"}
    return call(catcher, "/hook", body, **names)[0]


def call_list(catcher) -> str:
    sms(catcher)  # the switch stands above a list
    return call(catcher, "/")[1]
