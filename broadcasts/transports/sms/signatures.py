"""How gateways sign their callbacks. Each check takes the request and the channel's secret; an exception is a no."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from .. import standard
from ..callbacks import CallbackRequest

TOLERANCE = 86_400  # seconds: gateways repeat a call for up to a day with its first signature

Check = Callable[[CallbackRequest, str], bool]


def none(request: CallbackRequest, secret: str) -> bool:
    """The gateway does not sign; nobody else knows the channel's address."""
    return True


def twilio(request: CallbackRequest, secret: str) -> bool:
    """X-Twilio-Signature: HMAC-SHA1 of the URL and the sorted parameters of the form, by the auth token."""
    parameters = sorted(set(parse_qsl(request.body.decode(), keep_blank_values=True)))
    signed = request.url + "".join(name + value for name, value in parameters)
    right = base64.b64encode(hmac.digest(secret.encode(), signed.encode(), "sha1"))
    return hmac.compare_digest(right, request.headers["x-twilio-signature"].encode())


def vonage(request: CallbackRequest, secret: str) -> bool:
    """`sig`: HMAC (SHA-256 or SHA-512, as chosen in Vonage's dashboard) of the sorted parameters."""
    parameters = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    parameters |= dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    given = parameters.pop("sig").lower()
    signed = "".join(f"&{_clean(name)}={_clean(value)}" for name, value in sorted(parameters.items()))
    method = {64: "sha256", 128: "sha512"}[len(given)]
    return _is_fresh(parameters.get("timestamp")) and hmac.compare_digest(
        hmac.digest(secret.encode(), signed.encode(), method).hex(), given
    )


def _clean(value: str) -> str:
    return value.replace("&", "_").replace("=", "_")


def _is_fresh(timestamp: str | None) -> bool:
    """Tell whether a signed time, in seconds since 1970, is near enough to ours; where none is signed, it is."""
    return timestamp is None or abs(time.time() - float(timestamp)) <= TOLERANCE


def sinch(request: CallbackRequest, secret: str) -> bool:
    """x-sinch-webhook-signature: HMAC-SHA256 of body, nonce and timestamp, joined by dots, in base64."""
    nonce, timestamp = (request.headers[f"x-sinch-webhook-signature-{name}"] for name in ("nonce", "timestamp"))
    signed = b".".join([request.body, nonce.encode(), timestamp.encode()])
    right = base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256))
    return _is_fresh(timestamp) and hmac.compare_digest(right, request.headers["x-sinch-webhook-signature"].encode())


def hmac_sha256(request: CallbackRequest, secret: str) -> bool:
    """X-Signature: HMAC-SHA256 of the body in hexadecimal, with or without `sha256=` before it."""
    given = request.headers["x-signature"].removeprefix("sha256=").lower()
    return hmac.compare_digest(hmac.digest(secret.encode(), request.body, "sha256").hex(), given)


def standard_webhooks(request: CallbackRequest, secret: str) -> bool:
    """Standard Webhooks: webhook-id, webhook-timestamp and webhook-signature, by a secret that begins with whsec_."""
    return standard.is_signed(secret, request.headers, request.body)


SIGNATURES: dict[str, Check] = {
    "none": none,
    "twilio": twilio,
    "vonage": vonage,
    "sinch": sinch,
    "hmac-sha256": hmac_sha256,
    "standard-webhooks": standard_webhooks,
}
# These sign the body and not the address.
OF_BODY = frozenset({"sinch", "hmac-sha256", "standard-webhooks"})
