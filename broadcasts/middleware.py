"""Middleware and error handlers for all responses, of every API and of all pages."""

import logging
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.urls import Resolver404, ResolverMatch, resolve
from django.views.defaults import server_error

from broadcasts import apis, tracking
from broadcasts.api.authentication import touch
from broadcasts.database import GONE, RETRY_SECONDS, Outage, outage
from broadcasts.public.tracking import PREFIXES, tracked

log = logging.getLogger(__name__)

HEALTH = "/healthz"
CALLBACKS = "/callbacks/"
KNOWN = 1_000  # addresses of callbacks in the memory of a process
SECRET = "password"  # noqa: S105  (never written into a page)


class TrackingDomainMiddleware:
    """Serve tracked links alone at the tracking domains of organizations, and 404 for all else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not tracking.is_tracking_host(tracking.host_of(request.META)):
            return self.get_response(request)
        if not request.path_info.startswith(PREFIXES):
            return HttpResponse("Not found.", "text/plain; charset=utf-8", HTTPStatus.NOT_FOUND)
        return tracked(request)


class HttpsMiddleware:
    """Refuse plain HTTP to APIs where the installation has HTTPS, with a 403.

    Pages are redirected by Django; a client of an API would repeat a POST as a GET, and its key was already readable.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_plain = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        refused = apis.answer(request.path, HTTPStatus.FORBIDDEN, "Use HTTPS.") if is_plain else None
        return refused or self.get_response(request)


class ResponseMiddleware:
    """Forbid caching of responses, and return a 503 or 507 that names the outage for errors of database or disk."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        may_stay = request.path == HEALTH or "public" in response.get("Cache-Control", "")
        if not may_stay and "no-store" not in response.get("Cache-Control", ""):
            response["Cache-Control"] = "no-store"
        if token := getattr(request, "api_token", None):
            # Called when the answer has been sent.
            response._resource_closers.append(partial(touch, token))  # type: ignore[attr-defined]
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return outage_response(request, exception)


class CallbackMiddleware:
    """Call the view of a provider's callback at once, without what stands below: sessions, users, forms and pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(CALLBACKS):
            return self.get_response(request)
        try:
            found = _resolved(request.path_info)
        except Resolver404:  # which may be answered with the right address
            return self.get_response(request)
        try:
            response = found.func(request, *found.args, **found.kwargs)
        except Exception as error:
            response = outage_response(request, error)
            if response is None:
                raise
        response["Content-Length"] = len(response.content)  # without it the connection would not be used again
        return response


@lru_cache(KNOWN)
def _resolved(path: str) -> ResolverMatch:
    """Return the view of a callback's address; providers call few addresses, and each many times."""
    return resolve(path)


def outage_response(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """Return the response for an exception that means an outage; None for any other."""
    found = outage(exception)
    if found is None:
        return None
    log.warning("%s %s could not be answered: %s (%s)", request.method, request.path, found.text, exception)
    return out_of_order(request, found)


def broken(request: HttpRequest) -> HttpResponse:
    """Handle exceptions outside views: an outage in a middleware, or a bug (handler500)."""
    if found := outage(sys.exc_info()[1]):
        return out_of_order(request, found)
    text = "Something went wrong on our side; it has been logged."
    return apis.answer(request.path, HTTPStatus.INTERNAL_SERVER_ERROR, text) or server_error(request)


def out_of_order(request: HttpRequest, found: Outage) -> HttpResponse:
    """Return the response for an outage; a page offers to submit the form again."""
    headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
    if said := apis.answer(request.path, found.status, found.sentence, headers):
        return said
    is_read = request.method in ("GET", "HEAD", "OPTIONS")
    context = {
        "language": "en",
        "title": "This page is not available right now" if is_read else "This was not saved",
        "text": found.text,
        "is_read": is_read,
        "is_uncertain": found is GONE,
        "path": request.get_full_path(),
        "typed": [] if is_read else typed(request),
    }
    return HttpResponse(render_to_string("public/outage.html", context), status=found.status, headers=headers)


def typed(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields of a form as they came, to be sent again; none where they hold a password or a file."""
    try:
        fields = [(name, value) for name, values in request.POST.lists() for value in values]
        may_repeat = not request.FILES and not any(SECRET in name for name, _ in fields)
    except Exception:  # a body that cannot be read, or not any more
        return []
    return fields if may_repeat else []
