import time

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from broadcasts.models import ApiToken

WINDOW = 3600


class PerToken(BaseThrottle):
    """At most API_THROTTLE_PER_HOUR requests in each clock hour per token (or user), counted in the shared cache."""

    def allow_request(self, request: Request, view: object) -> bool:
        limit = settings.API_THROTTLE_PER_HOUR
        if not limit or not request.user.is_authenticated:  # the public may read the docs, and nothing else
            return True
        now = time.time()
        self.left = WINDOW - int(now) % WINDOW
        who = f"token:{request.auth.pk}" if isinstance(request.auth, ApiToken) else f"user:{request.user.pk}"
        return count(f"throttle:{who}:{int(now) // WINDOW}", self.left) <= limit

    def wait(self) -> float:
        return self.left


def count(key: str, seconds: int) -> int:
    """Add one to a counter that lives that long."""
    if cache.add(key, 1, seconds):
        return 1
    try:
        total = cache.incr(key)
    except ValueError:  # it expired in between
        cache.set(key, 1, seconds)
        return 1
    cache.touch(key, seconds)  # not every cache keeps the time of what it increments
    return total
