"""The same `Idempotency-Key` on a POST gets the first answer again and does nothing twice."""

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.http import RawPostDataException
from rest_framework.exceptions import ParseError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts.database import storable
from broadcasts.models import IdempotencyKey, Organization, OrganizationQuerySet

from .errors import Conflict

KEPT = timedelta(hours=24)
# No request takes so long after its body was read, so the process of an older claim has died.
LIMIT = timedelta(minutes=5)


class Replay(Exception):
    """The first answer, given again."""

    def __init__(self, status: int, body: Any) -> None:
        self.response = Response(body, status=status, headers={"Idempotent-Replayed": "true"})


def take(organization: Organization, key: str, fingerprint: str) -> IdempotencyKey:
    """Claim a key for the request at hand; raises Replay or Conflict when it was claimed before.

    The row is inserted first and its uniqueness decides, so of two concurrent requests one works.
    """
    if len(key) > 255:
        raise ParseError("An Idempotency-Key has 255 characters at most.")
    rows = IdempotencyKey.objects.for_organization(organization).filter(key=key)
    rows.filter(created__lt=Now() - KEPT).delete()
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(organization=organization, key=key, fingerprint=fingerprint)
    except IntegrityError:
        first = rows.first()
    if first is not None and first.fingerprint != fingerprint:
        raise Conflict("This Idempotency-Key was used for another request; use a new key for a new request.")
    if first is None or first.status_code is None:
        if first is not None and _take_over(first):
            return first
        raise Conflict("The first request with this Idempotency-Key is still at work.")
    raise Replay(first.status_code, first.body)


def held(claimed: IdempotencyKey) -> OrganizationQuerySet[IdempotencyKey]:
    """Return the row of a claimed key; nothing once another request took it over."""
    return IdempotencyKey.objects.filter(pk=claimed.pk, token=claimed.token)


def _take_over(first: IdempotencyKey) -> bool:
    """Claim a key whose request died without an answer; of several that try, one does."""
    died = held(first).filter(status_code=None, created__lt=Now() - LIMIT)
    if not died.transition(token=first.token + 1, created=Now()):
        return False
    first.token += 1
    return True


def fingerprint_of(request: Request) -> str:
    try:
        body = request._request.body
    except RawPostDataException:  # a form that was read as a stream; its type is refused later
        body = b""
    return fingerprint(request, body)


def fingerprint(request: Request, body: bytes) -> str:
    """Tell requests apart by their bodies, or by a hash of them where a body is a stream."""
    return sha256(b"\0".join([(request.method or "").encode(), request.get_full_path().encode(), body])).hexdigest()


class Idempotent:
    """A mixin for views: claims the key after the permission checks, stores the response, or releases the key.

    Actions in `streams` read bodies that are too large for memory: they claim the key after they have read the body.
    """

    claimed: IdempotencyKey | None = None
    streams: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if request.method == "POST" and getattr(self, "action", "") not in self.streams:
            self.claim(request, lambda: fingerprint_of(request))

    def claim(self, request: Request, fingerprint: Callable[[], str]) -> None:
        if key := request.headers.get("Idempotency-Key"):
            self.claimed = take(self.member.organization, key, fingerprint())  # type: ignore[attr-defined]

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Replay):
            return exc.response
        try:
            return super().handle_exception(exc)  # type: ignore[misc]
        except Exception:
            self.free()
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if self.claimed is not None:
            if response.status_code >= 500:
                self.free()
            else:
                body = storable(
                    json.loads(JSONRenderer().render(self.kept(response.data)) or b"null"), for_nul="\ufffd"
                )
                held(self.claimed).update(status_code=response.status_code, body=body)
                self.claimed = None
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]

    def kept(self, data: Any) -> Any:
        """Return what a repeated request is answered."""
        return data

    def free(self) -> None:
        if self.claimed is not None:
            held(self.claimed).delete()
            self.claimed = None
