"""Meta's Cloud API on this machine: takes messages, lists templates, refuses what its documents say it refuses."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .http_server import Act, Handler, HttpServer

SETTINGS = {
    "phone_number_id": "1065",
    "business_account_id": "2040",
    "access_token": "EAAtoken",
    "app_secret": "app-secret",
    "verify_token": "our words",
}


def error(code: int, status: int = 400, details: str = "", **headers: str) -> Act:
    """Answer as Meta does for a code of its list."""
    data = {"error_data": {"details": details}} if details else {}
    told = {"error": {"message": f"(#{code}) secret inside", "type": "OAuthException", "code": code, **data}}
    return lambda handler: handler.answer(status, told, {name.replace("_", "-"): headers[name] for name in headers})


def accepted(handler: Handler, status: str = "accepted") -> None:
    to = handler.said.get("to") or handler.said["recipient"]
    sent = {"id": f"wamid.{to}", "message_status": status}
    handler.answer(200, {"messaging_product": "whatsapp", "contacts": [{"wa_id": to}], "messages": [sent]})


def template(name: str, language: str = "en_US", *components: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A template as the list has it."""
    body = {"type": "BODY", "text": "Hello {{1}}"}
    return {
        "id": f"{name}-{language}",
        "name": name,
        "language": language,
        "status": "APPROVED",
        "category": "MARKETING",
        "parameter_format": "POSITIONAL",
        "components": list(components or [body]),
        **fields,
    }


class CloudHandler(Handler):
    def is_known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {SETTINGS['access_token']}":
            return True
        error(190, 401)(self)
        return False

    def do_GET(self) -> None:
        if not self.is_known():
            return
        parts = urlsplit(self.path)
        if parts.path.endswith("/message_templates"):
            self.list_templates(parse_qs(parts.query))
        elif parts.path.endswith(f"/{SETTINGS['phone_number_id']}"):
            told = {"whatsapp_business_manager_messaging_limit": self.server.tier}  # type: ignore[attr-defined]
            self.answer(200, {"id": SETTINGS["phone_number_id"], "display_phone_number": "+1 555 0100", **told})
        else:
            error(100)(self)

    def list_templates(self, query: dict[str, list[str]]) -> None:
        first, size = int(query.get("after", ["0"])[0]), int(query["limit"][0])
        page = self.server.templates[first : first + size]  # type: ignore[attr-defined]
        more = first + size < len(self.server.templates)  # type: ignore[attr-defined]
        paging: dict[str, Any] = {"cursors": {"before": str(first), "after": str(first + size)}}
        if more:
            paging["next"] = "http://127.0.0.1:1/elsewhere?access_token=stolen"
        self.answer(200, {"data": page, "paging": paging})

    def do_POST(self) -> None:
        self.said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.is_known():
            return
        to = self.said.get("to") or self.said.get("recipient")
        with self.server.lock:  # type: ignore[attr-defined]
            self.server.received.append(to)  # type: ignore[attr-defined]
            self.server.bodies.append(self.said)  # type: ignore[attr-defined]
        self.server.acts.get(to, self.server.act)(self)  # type: ignore[attr-defined]


class CloudApi(HttpServer):
    handler = CloudHandler

    def __init__(self) -> None:
        super().__init__()
        self.listener.bodies, self.listener.templates = [], []  # type: ignore[attr-defined]
        self.listener.tier = "TIER_UNLIMITED"  # type: ignore[attr-defined]
        self.does(accepted)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.server_port}/v23.0"

    @property
    def settings(self) -> dict[str, str]:
        return {**SETTINGS, "api_url": self.url}

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The requests that were taken, in the order of their arrival."""
        return self.listener.bodies  # type: ignore[attr-defined]

    @property
    def templates(self) -> list[dict[str, Any]]:
        return self.listener.templates  # type: ignore[attr-defined]
