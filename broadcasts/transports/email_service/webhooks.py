"""The callbacks of e-mail services: their signatures and events, by anymail's webhook views."""

import base64
import io
import json
import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from anymail.inbound import AnymailInboundMessage
from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent, EventType, RejectReason
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.module_loading import import_string

from .. import standard
from ..bounces import bounce_class, enhanced_code
from ..callbacks import Callback, CallbackRequest, Event, InboundMessage
from .replies import reply_of
from .services import Proof, Service, inner

log = logging.getLogger(__name__)

USER = "broadcasts"  # of the basic authentication in the address that a service without signatures is given
OLDEST = 86_400  # seconds: services repeat a call for up to a day with its first signature
LONGEST_URL = 2_000  # characters
NEWEST = 300  # seconds ahead of our clock
SVIX_SECONDS = 300  # Svix signs each repeat anew
JSON_TYPES = frozenset({"application/json", "text/plain", ""})  # Amazon SNS sends its JSON as plain text

POLICIES = frozenset({RejectReason.SPAM, RejectReason.BLOCKED})

TYPES = {
    EventType.SENT: "sent",
    EventType.DELIVERED: "delivered",
    EventType.BOUNCED: "bounced",
    EventType.REJECTED: "failed",
    EventType.FAILED: "failed",
    EventType.OPENED: "opened",
    EventType.CLICKED: "clicked",
    EventType.COMPLAINED: "complained",
    EventType.UNSUBSCRIBED: "unsubscribed",
}


def is_look(service: Service, request: CallbackRequest) -> bool:
    """Tell whether a service only looks if somebody is there, before it keeps an address: Unisender Go and Mandrill.

    Such a call tells nothing, and Mandrill shows the key that it signs with only afterwards.
    """
    if request.method == "GET":
        return service.proof is Proof.API_KEY
    return service.signs_url and request.body in (b"mandrill_events=[]", b"mandrill_events=%5B%5D")


def verify(service: Service, settings: Mapping[str, Any], request: CallbackRequest) -> bool:
    """Tell whether a callback is the service's; raises what anymail raises for one that is not."""
    secret = str(settings.get("api_key" if service.proof is Proof.API_KEY else "webhook_secret") or "")
    if service.proof is Proof.NONE or not secret:
        return False
    if service.proof is Proof.SVIX:
        return _is_svix(secret, request)
    keywords: dict[str, Any] = {"webhook_secret": []}
    if service.proof is Proof.PASSWORD:
        keywords["webhook_secret"] = f"{USER}:{secret}"
    else:
        keywords[service.proof_keyword] = secret
    if service.signs_url:
        keywords["webhook_url"] = request.url
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that nobody tests SendGrid for anymail any more
        view = import_string(service.view)(**keywords)
    view.run_validators(_django_request(request))
    return not service.is_dated or _is_fresh(_signed_at(service, request))


def parse(service: Service, request: CallbackRequest) -> Callback:
    """Return the events and replies of a verified callback; raises what anymail raises for one that it cannot read."""
    view_class = import_string(service.reply_view if _is_reply(service, request) else service.view)
    view = view_class.__new__(view_class)  # not made for a request: to read events it needs no settings
    view._fetch_attachment = lambda told: AnymailInboundMessage()  # Brevo's: it would wait for a request of ours
    told = view.parse_events(_django_request(request))
    mails = [_reply(service, one) for one in told if isinstance(one, AnymailInboundEvent)]
    events = [_event(service, one) for one in told if isinstance(one, AnymailTrackingEvent)]
    return Callback([event for event in events if event], [mail for mail in mails if mail])


def _reply(service: Service, told: AnymailInboundEvent) -> InboundMessage | None:
    """Return a reply; None for one that cannot be read, so that the others of its call are kept."""
    try:
        return reply_of(told, service.has_local_ids)
    except Exception as error:
        log.warning("A mail from %s could not be read: %s", service.label, type(error).__name__)
        return None


def _is_reply(service: Service, request: CallbackRequest) -> bool:
    is_json = request.headers.get("content-type", "").partition(";")[0].strip().lower() in JSON_TYPES
    if not service.reply_view:
        return False
    try:
        return service.is_reply(json.loads(request.body) if is_json else None)
    except TypeError:  # a call in another format than the service's documents say: anymail reads it, or refuses it
        return False


def _event(service: Service, told: AnymailTrackingEvent) -> Event | None:
    type = TYPES.get(told.event_type)
    if type is None or not told.message_id:
        return None
    raw = told.esp_event if isinstance(told.esp_event, Mapping) else {}
    detail: dict[str, Any] = {}
    if type in ("bounced", "failed"):
        detail |= _bounce(service, told, raw, type)
    if type == "clicked" and told.click_url:
        detail["url"] = str(told.click_url)[:LONGEST_URL]
    words = {"reason": told.reject_reason, "text": told.mta_response or told.description, "agent": told.user_agent}
    detail |= {name: str(value)[:500] for name, value in words.items() if value}
    return Event(str(told.message_id), type, told.timestamp, detail, machine=_is_machine(raw))


def _bounce(service: Service, told: AnymailTrackingEvent, raw: Mapping[str, Any], type: str) -> dict[str, Any]:
    """Return what a service tells of a bounce: whether the address is dead, the class, and the server's code.

    A refusal by policy is never the person's. A message that the service itself would not send says nothing of the
    address, unless it says so.
    """
    words = f"{told.mta_response or ''} {told.description or ''}"
    code = enhanced_code(str(inner(raw, *service.code) or ""), words)
    is_policy = bounce_class(code, words if type == "bounced" else "") == "policy"
    is_hard = service.is_hard(raw) and not is_policy
    detail: dict[str, Any] = {"hard": is_hard, **({"code": code} if code else {})}
    if is_hard:
        detail["class"] = "hard"
    elif is_policy or type == "bounced":
        detail["class"] = "policy" if is_policy or told.reject_reason in POLICIES else "soft"
    return detail


def _is_machine(raw: Mapping[str, Any]) -> bool:
    """Tell whether a service says that a proxy, which fetches images ahead, opened the message."""
    return raw.get("sg_machine_open") is True or raw.get("event") in ("unique_proxy_open", "proxy_open")


def _django_request(request: CallbackRequest) -> HttpRequest:
    """Return the request in the form that anymail's views read."""
    url = urlsplit(request.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname or "localhost",
        "SERVER_PORT": str(url.port or 443),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "CONTENT_LENGTH": str(len(request.body)),
        "CONTENT_TYPE": request.headers.get("content-type", ""),
    }
    for name, value in request.headers.items():
        environ.setdefault(f"HTTP_{name.upper().replace('-', '_')}", value)
    return WSGIRequest(environ)


def _signed_at(service: Service, request: CallbackRequest) -> float:
    """Return the moment that the signature of SendGrid or Mailgun covers; raises an exception without one.

    A header is looked at only where the signature covers it: Mailgun signs none.
    """
    if service.proof is Proof.PUBLIC_KEY:
        return float(request.headers["x-twilio-email-event-webhook-timestamp"])
    if not request.headers.get("content-type", "").startswith("application/json"):
        return float(_django_request(request).POST["timestamp"])
    return float(json.loads(request.body)["signature"]["timestamp"])


def _is_fresh(signed_at: float, oldest: float = OLDEST) -> bool:
    return -NEWEST <= time.time() - signed_at <= oldest


def _is_svix(secret: str, request: CallbackRequest) -> bool:
    """Tell whether Svix signed a call, by the scheme of Standard Webhooks."""
    id, moment = request.headers["svix-id"], request.headers["svix-timestamp"]
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    right = standard.signature(key, id, moment, request.body)
    return standard.is_among(right, request.headers["svix-signature"]) and _is_fresh(float(moment), SVIX_SECONDS)
