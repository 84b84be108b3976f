"""Responses to sign-ins that are locked or too many: a page with the time to try again."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from broadcasts import formats
from broadcasts.accounts import Busy, brakes, hashing
from broadcasts.origin import subscriber


def locked_out(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Mapping[str, Any] | None = None
) -> HttpResponse:
    """Return the 429 for a sign-in during a pause; it is the same for a correct and a wrong password."""
    until = brakes.locked_until(brakes.key_of(credentials), subscriber(request)) or timezone.now()
    seconds = max(1, math.ceil((until - timezone.now()).total_seconds()))
    return _later(request, "Too many failed sign-ins", f"Try again in {formats.duration(seconds)}.", 429, seconds)


class BusyMiddleware:
    """Limit concurrent password hashing per client address, and return 503 if too many are hashed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with hashing.requested_from(subscriber(request)):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Busy):
            return None
        what = "Many people are signing in at this moment. Wait a few seconds, then try again."
        return _later(request, "One moment, please", what, 503, hashing.RETRY_SECONDS)


def _later(request: HttpRequest, title: str, text: str, status: int, seconds: int) -> HttpResponse:
    context = {**site.each_context(request), "title": title, "text": text, "address": request.get_full_path()}
    answer = render(request, "admin/sign_in_later.html", context, status=status)
    answer["Retry-After"] = str(seconds)
    add_never_cache_headers(answer)
    return answer
