"""The endpoint for callbacks of providers: one secret URL for each channel whose transport has callbacks."""

import logging
from contextlib import suppress
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from broadcasts import formats, links, receiving, throttling
from broadcasts.receiving import called
from broadcasts.transports import CallbackRequest

log = logging.getLogger(__name__)

LARGEST = 1_000_000  # bytes in a body
KILOBYTE = 1_000
HEADERS = ("HTTP_", "CONTENT_TYPE", "CONTENT_LENGTH")  # how the names of headers begin in `META`
MOST = 5_000  # events, replies and news of templates in a call


@csrf_exempt  # providers have no cookie: their signature authenticates them
@require_http_methods(["GET", "POST"])
def callback(request: HttpRequest, channel: UUID, key: str) -> HttpResponse:
    """Store a callback with a valid signature, to be applied soon; error responses do not say what is wrong."""
    serial = links.callback_serial(channel, key)
    if serial is None:
        return _said(404, "Not found.")
    found = called.find(channel, serial)
    if found is None:
        return _said(404, "Not found.")
    if not throttling.allows(f"channel:{found.pk}", settings.CALLBACKS_PER_HOUR):
        return _said(429, "Too many calls.", {"Retry-After": str(throttling.seconds_left())})
    try:
        body = _body(request)
    except UnreadablePostError:
        return _said(400, "The call broke off.")
    if body is None:
        return _said(413, f"A call may have {formats.number(LARGEST)} bytes.")
    # The URL that the provider was given, since some sign it, and proxies may change it.
    call = CallbackRequest(request.method or "", settings.BASE_URL + request.get_full_path(), _headers(request), body)
    verified = called.verified(found, call)
    if verified is None:
        return _said(401, "Unauthorized.")
    found, transport = verified
    size, most = -(-len(body) // KILOBYTE), settings.CALLBACK_MB_PER_HOUR * KILOBYTE
    if not throttling.allows(f"callbacks:{found.organization_id}", most, size):
        return _said(429, "Too many bytes.", {"Retry-After": str(throttling.seconds_left())})
    try:
        told = transport.parse(call)
        if told.confirms:
            transport.confirm(told.confirms)
    except Exception as error:  # most often a KeyError or TypeError: a provider's JSON is not as its documents say
        log.warning("A call for channel %s could not be read: %s", found.uuid, type(error).__name__)
        return _said(400, "The call cannot be read.")
    if told.things > MOST:
        return _said(413, f"A call may tell {formats.number(MOST)} things.")
    try:
        receiving.store(found, transport, call, told)
    except IntegrityError:  # the channel was deleted a moment ago
        called.forget()
        return _said(404, "Not found.")
    return _said(200, told.answer)


def _body(request: HttpRequest) -> bytes | None:
    """Return the body; None if it is too large, without reading the rest."""
    with suppress(ValueError):
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
            return None
    body = request.read(LARGEST + 1)
    return body if len(body) <= LARGEST else None


def _headers(request: HttpRequest) -> dict[str, str]:
    """Return the headers by their names in lower case; Django's own mapping takes longer than checking a signature."""
    named = {name.removeprefix("HTTP_"): value for name, value in request.META.items() if name.startswith(HEADERS)}
    return {name.lower().replace("_", "-"): value for name, value in named.items()}


def _said(status: int, words: str, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(words.encode(), "text/plain; charset=utf-8", status, headers=headers)
