"""Who is asking: a token in one of three headers, or a browser's session."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from broadcasts.models import ApiToken, User

SCHEMES = ("token", "bearer")
USED_EVERY = timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token <key>`, `Authorization: Bearer <key>` or `x-api-key: <key>`."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        key = presented_key(request)
        if key is None:
            return None
        token = ApiToken.objects.usable(key)
        if token is None:
            raise AuthenticationFailed("Invalid token.")
        touch(token)
        token.user.token = token
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token"


def presented_key(request: Request) -> str | None:
    scheme, _, key = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() in SCHEMES:
        return key.strip()
    return request.headers.get("X-Api-Key")


def touch(token: ApiToken) -> None:
    """Note that a token is in use, at most once a minute, so that reading does not mean writing."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
