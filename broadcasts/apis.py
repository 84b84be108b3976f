"""The registry of our APIs: which one an address belongs to, and in which shape it says what went wrong.

The views of an API choose who may call, how often and in which form by Django REST framework's own attributes
(`authentication_classes`, `throttle_classes`, ...). What no view answers is here: addresses that lead nowhere, faults,
outages, requests that cannot be read.
"""

import json
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from rest_framework.response import Response
from rest_framework.views import exception_handler

NATIVE = "/api/"
APIS = {NATIVE: "broadcasts.api.errors.NativeApi"}  # by the beginning of its addresses; the longest one counts


class Api:
    """How one API says what went wrong; a subclass changes what its clients expect otherwise."""

    content_type = "application/json"

    def shape(self, status: int, text: str) -> object:
        """Return what is said as JSON, for answers that no view gave."""
        return {"detail": text}

    def body(self, status: int, text: str) -> bytes:
        return json.dumps(self.shape(status, text)).encode()

    def handle(self, exc: Exception, context: dict[str, Any]) -> Response | None:
        """Answer an exception of one of its views, as EXCEPTION_HANDLER of Django REST framework does."""
        return exception_handler(exc, context)


def at(path: str) -> Api | None:
    """Return the API that an address belongs to; None for pages."""
    found = max((prefix for prefix in APIS if path.startswith(prefix)), key=len, default=None)
    return _made(APIS[found]) if found else None


@cache
def _made(path: str) -> Api:
    return import_string(path)()


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a view in the shape of its API."""
    api = at(context["request"].path) or _made(APIS[NATIVE])
    return api.handle(exc, context)


def answer(path: str, status: int, text: str, headers: dict[str, str] | None = None) -> HttpResponse | None:
    """Say what went wrong in the shape of the API that an address belongs to; None for pages."""
    api = at(path)
    return HttpResponse(api.body(status, text), api.content_type, status, headers=headers) if api else None


@csrf_exempt
def nowhere(request: HttpRequest) -> HttpResponse:
    """Say, as the clients of an API expect it, that an address leads to nothing; the last of each API's routes."""
    return answer(request.path, 404, "Not found.") or HttpResponse("Not found.", "text/plain", 404)
