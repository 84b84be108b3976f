"""The receiver of a webhook channel's calls, which checks their signature.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

TOLERANCE = 300  # seconds between the signed time and now


class BadSignature(Exception):
    """The text says what is wrong."""


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[str], now: float | None = None) -> None:
    """Check a call against the secrets that are valid now; raises BadSignature. `headers` are in lower case."""
    wanted = [headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")]
    if not all(wanted):
        raise BadSignature("webhook-id, webhook-timestamp or webhook-signature is missing")
    id_, timestamp, signatures = wanted
    if not (timestamp.isdecimal() and abs((time.time() if now is None else now) - int(timestamp)) <= TOLERANCE):
        raise BadSignature("webhook-timestamp is more than 5 minutes away")
    given = [one.removeprefix("v1,").encode() for one in signatures.split(" ") if one.startswith("v1,")]
    signed = f"{id_}.{timestamp}.".encode() + body
    right = [sign(secret, signed) for secret in secrets]
    if not any(hmac.compare_digest(one.encode(), other) for one in filter(None, right) for other in given):
        raise BadSignature("webhook-signature does not match the secret")


def sign(secret: str, content: bytes) -> str:
    """Return the signature of content, in Base64; "" if the secret is none."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def read(body: bytes) -> tuple[str, str]:
    """Return whom a call names, and its text in one piece; raises ValueError for what is no JSON object."""
    told = json.loads(body)
    if not isinstance(told, dict):
        raise ValueError("The body is no JSON object.")
    return _find(told, "external_id", "address", "to"), _find(told, "text", "subject")


def _find(told: dict[str, Any], *names: str) -> str:
    """Return the first text under one of the names, whichever object within it has them."""
    places = [told]
    for place in places:
        places += [one for one in place.values() if isinstance(one, dict)]
    found = (place.get(name) for name in names for place in places)
    return next((str(one) for one in found if isinstance(one, str | int) and one), "")
