"""The registry of APIs by URL prefix, each with its own error format.

The views of an API set authentication, throttling and formats by the attributes of Django REST framework
(`authentication_classes`, `throttle_classes`, ...). This module is for errors outside views: unknown URLs, bugs,
outages and malformed requests.
"""

import json
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from rest_framework.response import Response
from rest_framework.views import exception_handler

NATIVE = "/api/"
APIS = {NATIVE: "broadcasts.api.errors.NativeApi"}  # by the beginning of its addresses; the longest one counts
# The same of other products' APIs, by name; the setting DIALECTS names those that are served.
DIALECTS: dict[str, dict[str, str]] = {
    "invent": {"/orgs/": "broadcasts.dialects.invent.errors.InventApi"},
    "teamup": dict.fromkeys(
        ("/api/v2//", "/api/v2/communication", "/api/v2/customers", "/api/v2/attendances"),
        "broadcasts.dialects.teamup.errors.TeamUpApi",
    ),
    "rapidpro": {"/api/v2/": "broadcasts.dialects.rapidpro.errors.RapidProApi"},
    "whautomate": {"/v1/": "broadcasts.dialects.whautomate.errors.WhautomateApi"},
}


class Api:
    """The error format of an API; subclasses override what their clients expect."""

    content_type = "application/json"

    def shape(self, status: int, text: str) -> object:
        """Return the JSON value of an error that no view handled."""
        return {"detail": text}

    def body(self, status: int, text: str) -> bytes:
        return json.dumps(self.shape(status, text)).encode()

    def handle(self, exc: Exception, context: dict[str, Any]) -> Response | None:
        """Answer an exception of one of its views, as EXCEPTION_HANDLER of Django REST framework does."""
        return exception_handler(exc, context)


def at(path: str) -> Api | None:
    """Return the API that an address belongs to; None for pages."""
    served = APIS.copy()
    for name in settings.DIALECTS:
        served |= DIALECTS[name]
    found = max((prefix for prefix in served if path.startswith(prefix)), key=len, default=None)
    return _made(served[found]) if found else None


@cache
def _made(path: str) -> Api:
    return import_string(path)()


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a view in the shape of its API."""
    api = at(context["request"].path) or _made(APIS[NATIVE])
    return api.handle(exc, context)


def answer(path: str, status: int, text: str, headers: dict[str, str] | None = None) -> HttpResponse | None:
    """Return the error response of the API that a path belongs to; None for pages."""
    api = at(path)
    return HttpResponse(api.body(status, text), api.content_type, status, headers=headers) if api else None


@csrf_exempt
def nowhere(request: HttpRequest) -> HttpResponse:
    """Return the 404 of an API for unknown URLs; the last route of each API."""
    return answer(request.path, 404, "Not found.") or HttpResponse("Not found.", "text/plain", 404)
