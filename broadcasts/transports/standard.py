"""Signatures of Standard Webhooks (https://www.standardwebhooks.com), made and checked."""

import base64
import binascii
import hmac
import time
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"
TOLERANCE = 300  # seconds that a timestamp may differ
LEAST, MOST = 24, 64  # bytes of a secret


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret; raises ValueError that says what is wrong."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not LEAST <= len(key) <= MOST or not secret.startswith(PREFIX):
        raise ValueError(
            f"It must be {PREFIX} and then {LEAST} to {MOST} random bytes in base64, as `openssl rand -base64 32` "
            "prints them."
        )
    return key


def sign(secret: str, identity: str, timestamp: int, body: bytes) -> str:
    """Return the signature of one secret, such as `v1,K5oZ…`."""
    return signature(key_of(secret), identity, str(timestamp), body)


def signature(key: bytes, identity: str, timestamp: str, body: bytes) -> str:
    """Return the signature by the bytes of a secret; Svix signs in the same way."""
    digest = hmac.digest(key, f"{identity}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def is_among(right: str, given: str) -> bool:
    """Tell whether the right signature is one of those in a header, which are separated by spaces."""
    return any(hmac.compare_digest(right.encode(), one.encode()) for one in given.split())


def signed_headers(secrets: Iterable[str], identity: str, body: bytes) -> dict[str, str]:
    """Return the headers of a call now, signed with each of the secrets."""
    now = int(time.time())
    signatures = " ".join(sign(secret, identity, now, body) for secret in secrets)
    return {"webhook-id": identity, "webhook-timestamp": str(now), "webhook-signature": signatures}


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether a call, with header names in lower case, is signed and recent; raises KeyError or ValueError."""
    timestamp = int(headers["webhook-timestamp"])
    if abs(time.time() - timestamp) > TOLERANCE:
        return False
    right = sign(secret, headers["webhook-id"], timestamp, body)
    return is_among(right, headers["webhook-signature"])
