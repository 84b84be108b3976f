"""Authentication by a token in one of three headers, or by a browser's session."""

import logging
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from broadcasts.database import waiting_at_most
from broadcasts.models import ApiToken, User

log = logging.getLogger(__name__)

SCHEMES = ("token", "bearer")
USED_EVERY = timedelta(minutes=1)
LOCK_SECONDS = 0.05


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token <key>`, `Authorization: Bearer <key>` or `x-api-key: <key>`.

    Another API subclasses this where its clients present the key otherwise.
    """

    def key(self, request: Request) -> str | None:
        return presented_key(request)

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        key = self.key(request)
        if key is None:
            return None
        token = ApiToken.objects.usable(key)
        if token is None:
            raise AuthenticationFailed("Invalid token.")
        request._request.api_token = token  # type: ignore[attr-defined]  # its use is noted after the answer
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
    """Set `last_used_at` of a token after the response, at most once a minute.

    Errors of the database are ignored: they must neither delay nor fail a request.
    """
    now = timezone.now()
    if token.last_used_at is not None and token.last_used_at >= now - USED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    try:
        with waiting_at_most(LOCK_SECONDS):
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    except DatabaseError as error:
        log.debug("The last use of a token was not noted: %s", error)
