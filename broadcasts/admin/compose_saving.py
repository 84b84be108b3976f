"""Saving a step while somebody types: what the script of the page is answered, and what is kept that is not stored.

`static/broadcasts/autosave.js` posts the form of a step to the step's own address, with the header AUTOSAVE.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponseRedirect, JsonResponse, QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from broadcasts import drafting, editing, formats
from broadcasts.models import AuditEntry, Broadcast

from .access import Access
from .begin import step_url
from .compose_card import card
from .compose_frame import others, steps

AUTOSAVE = "X-Autosave"
OPEN = "open"  # its value in a request that only tells that the page is still open
NOT_TYPED = ("csrfmiddlewaretoken", "over")  # what a form holds beside what was typed


def is_autosave(request: HttpRequest) -> bool:
    """Whether the script of a page posts its form, and wants JSON."""
    return request.method == "POST" and AUTOSAVE in request.headers


def is_only_open(request: HttpRequest) -> bool:
    """Whether it only tells that the page is still open."""
    return request.headers.get(AUTOSAVE) == OPEN


def opened(request: HttpRequest, broadcast: Broadcast, place: str, seen: str) -> JsonResponse:
    """Answer that the page is known to be open; `seen` tells the script whether somebody else changed the step."""
    editing.saw(broadcast, Access.of(request).user, place)
    return _answer(request, broadcast, place, "open", seen)


def saved(request: HttpRequest, broadcast: Broadcast, place: str, seen: str) -> JsonResponse:
    """Answer that all that was typed is stored; `seen` is the stamp of what is stored now."""
    editing.saw(broadcast, Access.of(request).user, place)
    editing.forget(broadcast, Access.of(request).user, place)
    return _answer(request, broadcast, place, "saved", seen)


def kept(
    request: HttpRequest, broadcast: Broadcast, place: str, words: Iterable[str], *, is_conflict: bool = False
) -> JsonResponse:
    """Keep the form as it was typed, and answer why it is not stored: it is not valid, or somebody changed the same."""
    words = list(words)
    keep(request, broadcast, place, words)
    seen = request.POST.get("seen", "")
    return _answer(request, broadcast, place, "conflict" if is_conflict else "kept", seen, words)


def locked(broadcast: Broadcast) -> tuple[str, str]:
    """Return the page that shows a broadcast that can no longer be changed, and why it cannot."""
    stored = Broadcast.objects.get(pk=broadcast.pk)
    if stored.is_undoable:
        return step_url(stored, "send"), drafting.why_not_editable(stored)
    words = f"“{stored}” is {stored.get_status_display().lower()} and can no longer be changed."
    return reverse("admin:broadcasts_broadcast_change", args=[stored.pk]), words


def begun(broadcast: Broadcast) -> JsonResponse:
    """Answer that nothing can be changed any more, and which page shows the broadcast now."""
    goal, words = locked(broadcast)
    return JsonResponse({"state": "begun", "words": [words], "goal": goal}, status=HTTPStatus.CONFLICT)


def keep(request: HttpRequest, broadcast: Broadcast, place: str, words: Iterable[str]) -> None:
    """Keep the form of a request as it was typed."""
    typed = request.POST.copy()
    for name in NOT_TYPED:
        typed.pop(name, None)
    editing.keep(broadcast, Access.of(request).user, place, typed.urlencode(), list(words))


def discard(request: HttpRequest, broadcast: Broadcast, place: str) -> HttpResponseRedirect:
    """Drop what was kept, and show what is stored."""
    editing.forget(broadcast, Access.of(request).user, place)
    return HttpResponseRedirect(request.path)


def restored(request: HttpRequest, broadcast: Broadcast, place: str) -> tuple[QueryDict | None, list[str]]:
    """Return the form that was kept for this user, and why it was not stored; None if there is none."""
    row = editing.kept(broadcast, Access.of(request).user, place)
    return (QueryDict(row.form), row.why_not) if row else (None, [])


def last_editor(request: HttpRequest, broadcast: Broadcast) -> str:
    """Return the name of who changed a broadcast last; "" if that was long ago."""
    last = AuditEntry.newest_about(broadcast, broadcast.organization_id)
    if last is None:
        return ""
    return "You, in another window," if last.user_id == Access.of(request).user.pk else last.actor


def _answer(
    request: HttpRequest, broadcast: Broadcast, place: str, state: str, seen: str, words: Iterable[str] = ()
) -> JsonResponse:
    step = place.partition(":")[0]
    shown = card(request, broadcast)
    context: dict[str, Any] = {"broadcast": broadcast, "step": step, "card": shown}
    context["steps"] = steps(broadcast, step, shown)
    return JsonResponse(
        {
            "state": state,
            "at": formats.clock(timezone.localtime(timezone=broadcast.organization.zone)),
            "seen": seen,
            "words": list(words),
            "by": last_editor(request, broadcast) if state == "conflict" else "",
            "card": render_to_string("admin/broadcasts/compose/card.html", context, request),
            "steps": render_to_string("admin/broadcasts/compose/bar.html", context, request),
            "others": others(request, broadcast),
        }
    )
