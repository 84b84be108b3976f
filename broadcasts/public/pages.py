"""Helpers of the public pages: responses, and the evidence of what visitors did."""

from typing import TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from broadcasts import consenting
from broadcasts.origin import network_address

from .texts import TEXTS, spoken

Response = TypeVar("Response", bound=HttpResponseBase)
LONGEST_AGENT = 300
# Of mail only words, pictures and inline styles: no script, no form, nothing of this site.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src https: http: data:; "
    "style-src 'unsafe-inline'; font-src https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(request: HttpRequest, template: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    """Render a page that is neither cached nor indexed by search engines."""
    return private(render(request, template, context, status=status))


def private(response: Response) -> Response:
    response["X-Robots-Tag"] = "noindex, nofollow"
    add_never_cache_headers(response)
    return response


def mail(html: str) -> HttpResponse:
    """Return the HTML of a mail as a page of its own, in which nothing runs."""
    response = HttpResponse(html)
    response["Content-Security-Policy"] = MAIL_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Referrer-Policy"] = "no-referrer"
    return response


def notice(
    request: HttpRequest, title: str, text: str, language: str, status: int = 200, **about: object
) -> HttpResponse:
    """Render a page with a title and a text."""
    context = {"language": spoken(language), "title": title, "text": text, **about}
    return page(request, "public/notice.html", context, status)


def bad_link(request: HttpRequest) -> HttpResponse:
    """Show that a link does not work; the same page for unknown and expired links and for erased contacts."""
    words = TEXTS[spoken(asked_language(request))]
    return notice(request, words["bad_title"], words["bad"], asked_language(request), status=404)


def masked(address: str) -> str:
    """Return an address masked such that only its owner recognises it."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    return f"{address[:3]}***{address[-2:]}" if len(address) > 6 else "***" if address else ""


def asked_language(request: HttpRequest) -> str:
    return request.headers.get("Accept-Language", "").strip()[:2]


def proof(request: HttpRequest, form: str, wording: str = "") -> dict[str, object]:
    """Return the evidence of a consent that was given or withdrawn on a page."""
    return consenting.evidence_of(
        wording,
        time=timezone.now().isoformat(timespec="seconds"),
        form=form,
        ip=network_address(request),
        user_agent=request.headers.get("User-Agent", "")[:LONGEST_AGENT],
    )
