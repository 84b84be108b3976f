"""An SMS gateway of the plainest kind: JSON in, an id out, and JSON to the URL that came with the message."""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# A number that ends in 000 and an HTTP status gets that answer, such as +34 600 000 429.
MAGIC = re.compile(r"\d{4,}000([45]\d\d)")
CODES = {"400": "invalid number", "401": "wrong login", "402": "no credit", "429": "too many", "500": "failed"}


class GatewayError(Exception):
    """A request that the gateway refuses."""

    def __init__(self, status: int, words: str = "") -> None:
        self.status, self.words = status, words or CODES.get(str(status), "refused")
        super().__init__(f"{status} {self.words}")

    @property
    def body(self) -> dict[str, Any]:
        return {"code": str(self.status), "message": self.words}


def new_id() -> str:
    return f"sms-{secrets.token_hex(12)}"


def read(body: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return (recipient, text, URL to call back) of a message; raises GatewayError."""
    to, text = (str(body.get(name) or "") for name in ("to", "text"))
    digits = re.sub(r"\D", "", to)
    if not digits:
        raise GatewayError(400, "“to” is missing or no number")
    if not text:
        raise GatewayError(400, "“text” is missing")
    if found := MAGIC.fullmatch(digits):
        raise GatewayError(int(found[1]))
    return digits, text, str(body.get("callback_url") or "")


def status(message_id: str, to: str, told: str, code: str = "", reference: str = "") -> dict[str, Any]:
    """Return the body of a call that reports what became of a message: sent, delivered or failed.

    The reference is the one that came with the message, if any.
    """
    more = {"code": code, "message": CODES.get(code, "not delivered")} if told == "failed" else {}
    if reference:
        more["reference"] = reference
    return {"id": message_id, "to": to, "status": told, "at": now(), **more}


def reply(sender: str, text: str, answers: str = "") -> dict[str, Any]:
    """Return the body of a call that brings a person's text."""
    return {"id": new_id(), "from": sender, "text": text, "in_reply_to": answers, "at": now()}


def signed(body: Mapping[str, Any], secret: str) -> tuple[bytes, dict[str, str]]:
    """Return a call's bytes and its headers, signed by HMAC-SHA256 of the body; unsigned without a secret."""
    data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    if secret:
        headers["X-Signature"] = hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    return data, headers


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
