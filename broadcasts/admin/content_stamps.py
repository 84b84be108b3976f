"""Tell whether somebody else changed some content since a page of it was opened."""

import json
import secrets
from hashlib import sha256

from django.core.cache import cache
from django.http import HttpRequest

from broadcasts import versioning
from broadcasts.models import Message, Template

PAGE = "page"  # the field with the name of an opened page
REMEMBERED = 24 * 3600  # seconds
MOST = 20


def stamp_of(owner: Message | Template) -> str:
    """Return a digest of what a message says: a change of anything else is no conflict. Of a template: its time."""
    if isinstance(owner, Template):
        return owner.modified.isoformat()
    said = json.dumps(versioning.content_of(owner), sort_keys=True)
    return sha256(said.encode(errors="surrogatepass")).hexdigest()


def new_page() -> str:
    return secrets.token_urlsafe(12)


def is_seen(request: HttpRequest, owner: Message | Template) -> bool:
    """Tell whether the content is as the page of a request shows it, or as that page itself stored it.

    An answer may be lost, or late, so that a page does not know yet what it stored.
    """
    now = stamp_of(owner)
    return request.POST.get("seen", now) == now or now in cache.get(_key(request), [])


def note_own(request: HttpRequest, owner: Message | Template) -> None:
    """Note that the page of a request stored the content as it is now; called before that is committed."""
    if request.POST.get(PAGE):
        known = cache.get(_key(request), [])
        cache.set(_key(request), [*known, stamp_of(owner)][-MOST:], REMEMBERED)


def _key(request: HttpRequest) -> str:
    page = sha256(request.POST.get(PAGE, "").encode(errors="surrogatepass")).hexdigest()
    return f"content-page:{request.user.pk}:{page}"
