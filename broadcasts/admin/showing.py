"""Show the HTML of mail on a page of its own, in a sandbox, for frames of other pages."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join

from broadcasts import previewing
from broadcasts.models import Layout, Organization, Template
from broadcasts.previewing import Preview

DARK_RULES = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
SCHEMES = {"dark": "@media all", "light": "@media not all"}  # what the rules for dark mode are shown as


def sandboxed(html: str, scheme: str = "", *, is_readable: bool = False) -> HttpResponse:
    """Return HTML of mail that can neither run scripts nor send forms.

    scheme: dark or light, whatever the browser prefers; "": as it prefers. is_readable: whether scripts of the page
    around it may read it, such as how far it is scrolled.
    """
    shown = DARK_RULES.sub(SCHEMES[scheme], html) if scheme in SCHEMES else html
    response = HttpResponse(shown)
    sandbox = "sandbox allow-same-origin" if is_readable else "sandbox"
    response["Content-Security-Policy"] = f"{sandbox}; script-src 'none'; frame-ancestors 'self'"
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def faults_page(words: list[str]) -> HttpResponse:
    """Return a page that says what is wrong with what should be shown."""
    listed = format_html_join("", "<li>{}</li>", ((one,) for one in words))
    return sandboxed(f'<meta charset="utf-8"><body style="font-family: sans-serif"><ul>{listed}</ul></body>')


def rendered(
    organization: Organization,
    contents: dict[str, dict[str, Any]],
    language: str = "",
    **chosen: Layout | Template | None,
) -> tuple[str, list[str]]:
    """Return (HTML, what is wrong) of unsaved content as the organization's example contact would get it."""
    message = previewing.unsaved_message(organization, **chosen)  # type: ignore[arg-type]
    shown = previewing.render_unsaved(message, contents, language=language)
    return shown.html, faults_of(shown)


def faults_of(shown: Preview) -> list[str]:
    """Return what is wrong with content itself, without what is wrong with its channel."""
    return [f"{path}: {words}" for path, words in shown.errors.items() if path != "channel"]


def shown_page(request: HttpRequest, html: str, faults: list[str]) -> HttpResponse:
    """Return rendered HTML in the colour scheme that a request asks for, or what is wrong with it."""
    asked = request.POST if request.method == "POST" else request.GET
    return (
        sandboxed(html, asked.get("scheme", "")) if html else faults_page(faults or ["There is nothing to show yet."])
    )
