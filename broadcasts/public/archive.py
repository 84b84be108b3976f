"""The public archive of an organization: a list of its mail, each mail as a page, and a feed.

What is not listed gets the same 404 as what does not exist. Addresses are always those of BASE_URL, whatever host was
asked, and caches keep pages for minutes, so that what is taken out is soon gone everywhere.
"""

import re
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from html import escape
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.feedgenerator import Atom1Feed
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from broadcasts import archiving, formats, links, rendering
from broadcasts.exceptions import BroadcastsError
from broadcasts.languages import own_language_name
from broadcasts.models import Broadcast, Message, Organization
from broadcasts.rendering import Rendered

from .archive_texts import ARCHIVE
from .pages import asked_language, mail, notice
from .texts import spoken

Response = TypeVar("Response", bound=HttpResponseBase)
PER_PAGE = 20
LAST_PAGE = 1_000
IN_FEED = 20
KEPT_SECONDS = 300  # in caches
LONGEST_LANGUAGE = 35
FEED_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
BLANK_TITLE = re.compile(r"<title>\s*</title>", re.IGNORECASE)
# Characters that XML cannot have, and those that turn the direction of what comes after them.
UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")


@require_safe
def archive(request: HttpRequest, slug: str) -> HttpResponseBase:
    """List the mail in the archive, newest first."""
    organization, number = _organization(slug), _page_number(request)
    if organization is None or number is None:
        return _gone(request)
    first = (number - 1) * PER_PAGE
    rows = _rows(organization, first, first + PER_PAGE + 1)
    if not rows and number > 1:
        return _gone(request)
    is_last = len(rows) <= PER_PAGE or number == LAST_PAGE

    def make() -> HttpResponse:
        language = spoken(organization.primary_language)
        titled, is_final = archiving.titled(archiving.mail_of_each(rows[:PER_PAGE]))
        context = {
            "language": language,
            "title": ARCHIVE[language]["title"],
            "words": ARCHIVE[language],
            "organization": organization,
            "mails": [_line(*one) for one in titled],
            "feed": links.feed_url(slug),
            "newer": _page_url(slug, number - 1) if number > 1 else "",
            "older": _page_url(slug, number + 1) if not is_last else "",
            "is_public": True,
        }
        response = render(request, "public/archive.html", context)
        response["Link"] = f'<{_page_url(slug, number)}>; rel="canonical"'
        return response if is_final else _unfinished(response)

    return _answer(request, organization, rows, make, str(number))


@require_safe
def archived(request: HttpRequest, slug: str, uuid: Any) -> HttpResponseBase:
    """Show a mail in the language asked for, or in its own."""
    organization = _organization(slug)
    broadcast = archiving.listed(organization).filter(uuid=uuid).first() if organization else None
    if organization is None or broadcast is None:
        return _gone(request)
    broadcast.organization = organization
    message = archiving.mail_of(broadcast)
    language = archiving.language_of(message, request.GET.get("language", "")[:LONGEST_LANGUAGE])

    def make() -> HttpResponse:
        try:
            copy = archiving.render(message, language)
        except BroadcastsError:  # such as an attribute that was renamed since
            return _gone(request)
        context = {
            "language": copy.language,
            "title": copy.subject,
            "copy": copy,
            "organization": organization,
            "back": ARCHIVE[spoken(copy.language)]["back"].format(organization=organization.name),
            "back_url": links.archive_url(slug),
            "day": _day(broadcast),
            "languages": _languages(message, copy.language),
            "is_public": True,
        }
        shown = mail(_framed(copy, context)) if copy.html else render(request, "public/archived.html", context)
        shown["Content-Language"] = copy.language
        shown["Link"] = f'<{_url(message, copy.language)}>; rel="canonical"'
        return shown

    return _answer(request, organization, [broadcast], make, language)


@require_safe
def feed(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Show the newest mail as an Atom feed (RFC 4287); its ids stay, whatever the organization is called."""
    organization = _organization(slug)
    if organization is None:
        return _gone(request)
    rows = _rows(organization, 0, IN_FEED)

    def make() -> HttpResponse:
        name, address = _clean(organization.name), links.feed_url(slug)
        found = _Feed(
            title=name,
            link=links.archive_url(slug),
            description="",
            language=organization.primary_language,
            author_name=name,
            feed_url=address,
            feed_guid=organization.uuid.urn,
        )
        found.empty_since = organization.created
        titled, is_final = archiving.titled(archiving.mail_of_each(rows))
        for message, title in titled:
            found.add_item(
                title=_clean(title.subject),
                link=_url(message),
                description=escape(_clean(title.preheader)),
                unique_id=message.broadcast.uuid.urn,
                pubdate=message.broadcast.started_at,
                updateddate=message.broadcast.started_at,
            )
        response = HttpResponse(found.writeString("utf-8"), found.content_type)
        response["Content-Security-Policy"] = FEED_POLICY
        return response if is_final else _unfinished(response)

    return _answer(request, organization, rows, make, "feed")


class _Feed(Atom1Feed):
    empty_since: datetime

    def latest_post_date(self) -> datetime:
        """Return when it last changed: without mail it never did."""
        return super().latest_post_date() if self.items else self.empty_since


def _organization(slug: str) -> Organization | None:
    found = Organization.objects.filter(slug=slug, has_archive=True, status=Organization.Status.ACTIVE)
    return found.first()


def _rows(organization: Organization, first: int, end: int) -> list[Broadcast]:
    rows = list(archiving.listed(organization)[first:end])
    for one in rows:
        one.organization = organization
    return rows


def _gone(request: HttpRequest) -> HttpResponse:
    language = asked_language(request)
    words = ARCHIVE[spoken(language)]
    return notice(request, words["gone_title"], words["gone"], language, status=404)


def _answer(
    request: HttpRequest, organization: Organization, rows: list[Broadcast], make: Callable[[], HttpResponse], of: str
) -> HttpResponseBase:
    """Answer with a page that caches may keep; 304 where nothing that it is made of has changed."""
    stamps = [str(one.modified) for one in (organization, *rows)]
    etag = quote_etag(blake2b(repr([of, *stamps]).encode(), digest_size=16).hexdigest())
    answer = get_conditional_response(request, etag=etag) or make()
    if answer.status_code in (200, 304) and not answer.has_header("Cache-Control"):
        answer["ETag"] = etag
        answer["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    return answer


def _unfinished(response: HttpResponse) -> HttpResponse:
    """Let nobody keep a list that the next request may find longer."""
    response["Cache-Control"] = "no-store"
    return response


def _page_number(request: HttpRequest) -> int | None:
    asked = request.GET.get("page", "1")
    if not (asked.isascii() and asked.isdigit() and len(asked) <= len(str(LAST_PAGE))):
        return None
    return number if 1 <= (number := int(asked)) <= LAST_PAGE else None


def _page_url(slug: str, number: int) -> str:
    return links.archive_url(slug) + (f"?page={number}" if number > 1 else "")


def _line(message: Message, title: Rendered) -> dict[str, Any]:
    return {
        "title": title,
        "url": _url(message),
        "at": message.broadcast.started_at,
        "day": _day(message.broadcast),
        "languages": _languages(message),
    }


def _languages(message: Message, shown: str = "") -> list[tuple[str, str, str, bool]]:
    """Return (tag, name, address, whether it is shown) of each language that a mail has; [] if it has one only."""
    tags = [one.language for one in message.translations.all()]
    found = [(tag, own_language_name(tag), _url(message, tag), tag == shown) for tag in tags]
    return found if len(found) > 1 else []


def _url(message: Message, language: str = "") -> str:
    """Return the address of a mail, which its own language does not have."""
    address = links.archived_url(message.broadcast.organization.slug, message.broadcast.uuid)
    is_own = not language or language == archiving.language_of(message)
    return address if is_own else f"{address}?language={language}"


def _day(broadcast: Broadcast) -> str:
    assert broadcast.started_at is not None
    return formats.day(broadcast.started_at.astimezone(broadcast.organization.zone))


def _framed(copy: Rendered, context: dict[str, Any]) -> str:
    """Return the HTML of a mail with a line above it that leads back and to its other languages, and with a title."""
    title = f"<title>{escape(_clean(copy.subject))} | {escape(_clean(context['organization'].name))}</title>"
    html, n = BLANK_TITLE.subn(lambda _: title, copy.html, count=1)
    at = rendering.preheader_place(html)
    bar = render_to_string("public/archive_bar.html", context)
    return html[:at] + ("" if n else title) + bar + html[at:]


def _clean(text: str) -> str:
    return UNFIT.sub("", text)
