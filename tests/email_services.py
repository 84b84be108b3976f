"""A stand-in for the e-mail services: a real HTTP server that answers each of them as its documents say."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.http_server import Handler, HttpServer

MIME = (
    b'Date: Sun, 29 Nov 2026 12:00:00 +0000\r\nTo: "Ana, Mar\xc3\xada" <ana1@example.org>\r\n'.replace(
        b'"Ana, Mar\xc3\xada"', b"=?utf-8?q?Ana=2C_Mar=C3=ADa?="
    )
    + b"Subject: =?utf-8?q?La_piscina_est=C3=A1_cerrada?=\r\n"
    b"Message-ID: <key1@club.example>\r\n"
    b"List-Unsubscribe: <https://club.example/u/key1>\r\n"
    b"From: Swimming Club <news@club.example>\r\n"
    b"Reply-To: desk@club.example\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"List-Id: <club.club.example>\r\n"
    b"Feedback-ID: 7:marketing:1:broadcasts\r\n"
    b"Auto-Submitted: auto-generated\r\n"
    b"Precedence: bulk\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="=_m"\r\n\r\n'
    b"--=_m\r\n"
    b'Content-Type: multipart/alternative; boundary="=_a"\r\n\r\n'
    b"--=_a\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Hola =C2=A1Ana!\r\n"
    b"--=_a\r\n"
    b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<p>Hola =C2=A1Ana!</p>\r\n"
    b"--=_a--\r\n"
    b"--=_m\r\n"
    b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="hours.pdf"\r\n\r\n'
    b"JVBERi0=\r\n"
    b"--=_m--\r\n"
)


@dataclass(frozen=True)
class Request:
    """What a service was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ServiceHandler(Handler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        with self.server.lock:
            self.server.received.append(request)
        self.request_made = request
        self.server.act(self)

    do_GET = do_PUT = do_POST


class ServiceServer(HttpServer):
    """One of the services; it takes every message with good credentials."""

    def __init__(self, service: str = "sendgrid") -> None:
        super().__init__()
        self.listener.RequestHandlerClass = ServiceHandler
        self.does(takes(service))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.server_port}/"

    @property
    def requests(self) -> list[Request]:
        return self.listener.received  # type: ignore[attr-defined]


NUMBERS = count(1)
TO = "ana1@example.org"

# What each service answers when it takes a message: status, body and headers, for a recipient and an id.
TAKEN: Mapping[str, Callable[[str, str], tuple[int, Any, dict[str, str]]]] = {
    "ses": lambda to, id: (200, {"MessageId": id}, {}),
    "sendgrid": lambda to, id: (202, b"", {"X-Message-Id": id}),
    "mailgun": lambda to, id: (200, {"id": id, "message": "Queued. Thank you."}, {}),
    "postmark": lambda to, id: (200, {"To": to, "MessageID": id, "ErrorCode": 0, "Message": "OK"}, {}),
    "brevo": lambda to, id: (201, {"messageId": id}, {}),
    "mailjet": lambda to, id: (
        200,
        {"Messages": [{"Status": "success", "To": [{"Email": to, "MessageUUID": "u", "MessageID": id}]}]},
        {},
    ),
    "sparkpost": lambda to, id: (
        200,
        {"results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": id}},
        {},
    ),
    "resend": lambda to, id: (200, {"id": id}, {}),
    "mailersend": lambda to, id: (202, b"", {"X-Message-Id": id, "Content-Type": "text/html"}),
    "mailtrap": lambda to, id: (200, {"success": True, "message_ids": [id]}, {}),
    "mandrill": lambda to, id: (200, [{"email": to, "status": "sent", "_id": id}], {}),
    "postal": lambda to, id: (
        200,
        {"status": "success", "data": {"message_id": "m", "messages": {to: {"id": id, "token": "t"}}}},
        {},
    ),
    "scaleway": lambda to, id: (200, {"emails": [{"id": id, "mail_rcpt": to, "status": "sending"}]}, {}),
    "unisender_go": lambda to, id: (200, {"status": "success", "job_id": id, "emails": [to]}, {}),
}


def takes(service: str, to: str = TO) -> Callable[[Handler], None]:
    """Have a service take every message, and let everybody in who asks about the account."""

    def take(handler: Handler) -> None:
        status, body, headers = TAKEN[service](to, f"id-{next(NUMBERS)}")
        if handler.command == "GET":
            status, body = 200, {}
        handler.answer(status, body, {"Content-Type": "application/json", **headers})

    return take
