"""The step Check: what is wrong with a broadcast before it is sent, and where to mend it."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from broadcasts import checking, formats
from broadcasts.checking import Detail, Draft, Level, Line, People
from broadcasts.exceptions import BroadcastsError
from broadcasts.languages import language_name
from broadcasts.models import Broadcast, Message

from .broadcast_views import counts_slowly
from .compose_frame import STEPS, step_page, step_url

SCRIPTS: list[Any] = [Script("broadcasts/check.js", type="module")]
PART = "admin/broadcasts/compose/check_lines.html"
# Pages that a line may lead to, which not every member may open: what it takes there.
NEEDED = {
    "broadcasts_organization_change": "manage",
    "broadcasts_channel_change": "manage",
    "broadcasts_broadcast_people": "write",
    "broadcasts_broadcast_lacking": "write",
}


@dataclass(frozen=True)
class Shown:
    """A line as the page shows it: what mends it, each of its places with a link, and who accepted it."""

    line: Line
    mend: tuple[str, str] | None  # (words, address)
    places: list[tuple[str, str]]
    accepted_by: str = ""
    accepted_at: str = ""


def check_step(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
    """Show the lines; those that count people at once where it is quick, else after the page has been shown.

    POST accepts warnings. With `part` it answers with the lines alone, for the script that keeps them fresh.
    """
    if request.method == "POST":
        _accept(model_admin, request, broadcast)
        if "part" not in request.POST:
            return HttpResponseRedirect(f"{step_url(broadcast, 'check')}{'?counted=1' if _is_counted(request) else ''}")
    context = _context(model_admin, request, broadcast)
    if "part" in request.POST or "part" in request.GET:
        return TemplateResponse(request, PART, {"broadcast": broadcast, **context})
    return step_page(
        model_admin,
        request,
        broadcast,
        "check",
        "admin/broadcasts/compose/check.html",
        media=forms.Media(js=SCRIPTS),
        **context,
    )


def _is_counted(request: HttpRequest) -> bool:
    return "counted" in request.GET or "counted" in request.POST


def _accept(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> None:
    """Accept the ticked warnings: each is posted by its name, with the digest of what the user read."""
    if not model_admin.may(request, "write", broadcast):
        raise PermissionDenied
    names = request.POST.getlist("accept")
    seen = {name: request.POST.get(f"seen-{name}", "") for name in names}
    try:
        checking.accept(broadcast, names, request.user, seen)  # type: ignore[arg-type]
    except BroadcastsError as error:
        for words in getattr(error, "errors", {"": str(error)}).values():
            messages.error(request, words)


def _context(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> dict[str, Any]:
    draft = checking.read(broadcast)
    lines = checking.quick_lines(draft)
    is_large = counts_slowly(broadcast)
    is_counted = _is_counted(request) or not is_large
    counted = None if is_large else _people(draft)
    if is_counted:
        lines += checking.counted_lines(draft, counted)
    shown = [_shown(model_admin, request, broadcast, line) for line in lines]
    standing = [one for one in shown if one.line.level == Level.WARNING]
    return {
        "stops": [one for one in shown if one.line.level == Level.STOP],
        "warnings": [one for one in standing if not one.accepted_by],
        "accepted": [one for one in standing if one.accepted_by],
        "fine": [one for one in shown if one.line.level == Level.OK],
        "is_open": bool(checking.open_lines(broadcast, lines)),
        "estimate": counted and counted.estimate,
        "is_counted": is_counted,
        "is_pending": any(line.is_pending for line in lines),
        "may_accept": model_admin.may(request, "write", broadcast),
        "check_url": step_url(broadcast, "check"),
        "send_url": step_url(broadcast, "send"),
    }


def _people(draft: Draft) -> People | None:
    """Count the recipients once, for the lines and for the card; None where a line tells why that cannot be done."""
    try:
        return checking.count_people(draft)
    except BroadcastsError:
        return None


def _shown(model_admin: Any, request: HttpRequest, broadcast: Broadcast, line: Line) -> Shown:
    places = [(one.words, _address(model_admin, request, broadcast, one)) for one in line.detail]
    if not checking.is_accepted(broadcast, line):
        return Shown(line, _mend(model_admin, request, broadcast, line), places)
    kept = broadcast.accepted_warnings[line.name]
    at = parse_datetime(kept["at"]) or timezone.now()
    return Shown(line, None, places, kept["by"] or "a program", formats.moment(at, broadcast.organization.zone))


def _mend(model_admin: Any, request: HttpRequest, broadcast: Broadcast, line: Line) -> tuple[str, str] | None:
    """Return where a line is mended, as (words, address); None where a page of its places does that, or none."""
    if not (line.step and model_admin.may(request, "write", broadcast)):
        return None
    if line.step == "what" and line.message:
        words = f"What: {language_name(line.language)}" if line.language else STEPS["what"]
        return words, _content_url(line.message, line.language)
    return STEPS[line.step], step_url(broadcast, line.step)


def _address(model_admin: Any, request: HttpRequest, broadcast: Broadcast, place: Detail) -> str:
    """Return the page of a place that this user may open; "" for none."""
    if place.address:
        name, pk, query = place.address
        act = NEEDED.get(name, "read")
        url = reverse(f"admin:{name}", args=[pk])
        return f"{url}{'?' if query else ''}{query}" if model_admin.may(request, act, broadcast) else ""
    if place.message and model_admin.may(request, "write", broadcast):
        return _content_url(place.message, place.language)
    return ""


def _content_url(message: Message, language: str) -> str:
    url = reverse("admin:broadcasts_message_content", args=[message.pk])
    return f"{url}#language={language}" if language else url
