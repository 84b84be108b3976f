"""Tell whether somebody else changed some content since a page of it was opened."""

import json
import re
import secrets
from hashlib import sha256

from django.core.cache import cache
from django.http import HttpRequest

from broadcasts import versioning
from broadcasts.models import Message, Template

PAGE = "page"  # the field with the name of an opened page
REMEMBERED = 24 * 3600  # seconds
MOST = 20  # stamps of a page
MOST_PAGES = 10  # of a user and a row, the last that stored something
NAME = re.compile("[A-Za-z0-9_-]{16}")  # as `new_page` makes them


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
    if request.POST.get("seen", now) == now:
        return True
    page = _page(request)
    return bool(page) and now in cache.get(_key(request, owner), {}).get(page, [])


def note_own(request: HttpRequest, owner: Message | Template) -> None:
    """Note that the page of a request stored the content as it is now; called before that is committed.

    The pages of a user and a row share one entry, so that no browser decides how many there are.
    """
    page = _page(request)
    if page:
        known = cache.get(_key(request, owner), {})
        stamps = [*known.pop(page, []), stamp_of(owner)][-MOST:]
        last = dict([*known.items(), (page, stamps)][-MOST_PAGES:])
        cache.set(_key(request, owner), last, REMEMBERED)


def _page(request: HttpRequest) -> str:
    """Return the name of the page of a request; "" for one that no page was given."""
    name = request.POST.get(PAGE, "")
    return name if NAME.fullmatch(name) else ""


def _key(request: HttpRequest, owner: Message | Template) -> str:
    return f"content-pages:{request.user.pk}:{owner._meta.model_name}:{owner.pk}"
