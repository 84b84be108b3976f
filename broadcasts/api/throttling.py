from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from broadcasts import throttling
from broadcasts.models import ApiToken


class PerToken(BaseThrottle):
    """At most API_THROTTLE_PER_HOUR requests per token, or per user of a session; another API subclasses this."""

    def limit(self) -> int:
        return settings.API_THROTTLE_PER_HOUR

    def who(self, request: Request) -> str:
        """Return what requests are counted by, at most 40 characters."""
        return f"token:{request.auth.pk}" if isinstance(request.auth, ApiToken) else f"user:{request.user.pk}"

    def allow_request(self, request: Request, view: object) -> bool:
        if not request.user.is_authenticated:  # the public may read the docs, and nothing else
            return True
        return throttling.allows(self.who(request), self.limit())

    def wait(self) -> float:
        return throttling.seconds_left()
