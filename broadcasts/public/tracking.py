"""The addresses in mail that measure opens and clicks: a tracked link leads on, the picture is a pixel.

Each is verified by its key alone, so it works after retention, after erasing and for a suspended organization. Readers
get their answer also while nothing can be stored.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from broadcasts import links, tracking
from broadcasts.database import as_id
from broadcasts.models import Hit
from broadcasts.origin import address_of
from broadcasts.tracking import KnownLink

from .pages import bad_link
from .shortcut import Headers, Shortcut

PREFIXES = ("/t/", "/o/", "/h/")
TEST = KnownLink("", links.TEST_LINK, 0)  # all links of test sends are sealed
GIF = (  # one transparent pixel
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00"
    b"\x01\x00\x00\x02\x02D\x01\x00;"
)
ALWAYS = [("Cache-Control", "no-store"), ("X-Robots-Tag", "noindex, nofollow"), ("Referrer-Policy", "no-referrer")]
AHEAD = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")  # headers of what is fetched ahead
IS_AHEAD = re.compile(r"prefetch|preview|prerender", re.IGNORECASE)

Environ = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TrackedAnswer:
    """What a tracked address is answered with."""

    status: HTTPStatus
    headers: Headers = field(default_factory=list)
    body: bytes = b""


class TrackingShortcut(Shortcut):
    """Answers tracked addresses."""

    prefixes = PREFIXES

    def reply(self, environ: dict[str, Any]) -> tuple[HTTPStatus, Headers, Iterable[bytes]] | None:
        answer = answered(environ)
        if answer is None:
            return None
        headers = [*answer.headers, *ALWAYS, ("Content-Length", str(len(answer.body)))]
        return answer.status, headers, [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]


@require_safe
def tracked(request: HttpRequest, **parts: object) -> HttpResponse:
    """Answer a tracked address, or show that it does not work."""
    answer = answered(request.META)
    if answer is None:
        return bad_link(request)
    response = HttpResponse(answer.body, status=answer.status, headers=dict([*answer.headers, *ALWAYS]))
    if not answer.body:
        del response["Content-Type"]
    return response


def answered(environ: Environ) -> TrackedAnswer | None:
    """Answer a tracked address and store the hit; None for what is not ours, or arrives at another's domain."""
    place, _, rest = environ["PATH_INFO"][1:].partition("/")
    return {"t": _link, "o": _picture, "h": _hidden}[place](environ, rest)


def _link(environ: Environ, path: str) -> TrackedAnswer | None:
    """Lead on to the page of a link, if its copy is of the link's message."""
    key, number, sealed, *more = [*path.removesuffix("/").split("/"), "", ""][:4]
    link_id = as_id(number)
    if link_id is None or any(more) or links.delivery_id(key.partition(".")[0]) is None:
        return None
    link = TEST if link_id == links.TEST_LINK else tracking.known_links.find(link_id)
    if link is None or not _is_at_home(environ, link):
        return None
    delivery_id = links.opened_copy(key, link.message_id)
    if delivery_id is None:
        return None
    url = links.unseal(sealed, key, link_id) if sealed else link.url
    location = tracking.location(url) if url else None
    if location is None:
        return None
    _store(environ, delivery_id, Hit.Kind.CLICK.value, link_id)
    return TrackedAnswer(HTTPStatus.FOUND, [("Location", location)])


def _picture(environ: Environ, name: str) -> TrackedAnswer | None:
    """Return the pixel; also for a forged token, since a picture that is missing would be seen."""
    delivery_id = links.delivery_id(name.removesuffix(".gif")) if name.endswith(".gif") else None
    if delivery_id is not None:
        _store(environ, delivery_id, Hit.Kind.OPEN.value)
    return TrackedAnswer(HTTPStatus.OK, [("Content-Type", "image/gif")], GIF)


def _hidden(environ: Environ, path: str) -> TrackedAnswer | None:
    """Answer a link that people do not see, with nothing."""
    delivery_id = links.delivery_id(path.removesuffix("/"))
    if delivery_id is None:
        return None
    _store(environ, delivery_id, Hit.Kind.HIDDEN.value)
    return TrackedAnswer(HTTPStatus.NO_CONTENT)


def _is_at_home(environ: Environ, link: KnownLink) -> bool:
    return link is TEST or tracking.leads_here(tracking.host_of(environ), link.organization_id)


def _store(environ: Environ, delivery_id: int, kind: str, link_id: int | None = None) -> None:
    if delivery_id == links.TEST_SEND:
        return
    tracking.store_hit(
        delivery_id,
        kind,
        link_id=link_id,
        ip_address=address_of(environ),
        user_agent=environ.get("HTTP_USER_AGENT", ""),
        is_head=environ["REQUEST_METHOD"] == "HEAD",
        is_prefetch=any(name in environ and IS_AHEAD.search(environ[name]) for name in AHEAD),
    )
