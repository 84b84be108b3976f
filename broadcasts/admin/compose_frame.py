"""What all steps of the guided page share: the bar of steps, the side card, who else edits."""

from typing import Any

from django import forms
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from broadcasts import editing, formats
from broadcasts.audience import Estimate
from broadcasts.models import Broadcast, Editing

from .access import Access
from .begin import step_url
from .compose_card import card

STEPS = {"who": "Who", "what": "What", "when": "When", "check": "Check", "send": "Send"}
SCRIPTS: list[Any] = [
    Script("broadcasts/compose.js", type="module"),
    Script("broadcasts/unsaved.js", defer=True),
]
STYLES = forms.Media(css={"all": ["broadcasts/compose.css"]}, js=SCRIPTS)


def frame(request: HttpRequest, broadcast: Broadcast, step: str, found: Estimate | None = None) -> dict[str, Any]:
    """Return what `compose/base.html` draws around a step; `found`: the recipients, where the page counted them."""
    shown = card(request, broadcast, found)
    return {
        "broadcast": broadcast,
        "step": step,
        "steps": steps(broadcast, step, shown),
        "next_step": next_step(step),
        "card": shown,
        "others": others(request, broadcast),
        "saved_at": formats.clock(timezone.localtime(broadcast.modified, broadcast.organization.zone)),
    }


def steps(broadcast: Broadcast, step: str, shown: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the bar of steps; the first three with what they say so far, and whether something is missing.

    Who only reads is led to Check alone.
    """
    people = shown["people"]
    number = people and people.get("number")
    is_chosen = people is None and asks_for_somebody(broadcast)
    told = {
        "who": f"{formats.number(number)} {'person' if number == 1 else 'people'}" if number else "Chosen",
        "what": shown["says"],
        "when": formats.planned(at, broadcast.organization.zone) if (at := broadcast.own_time) else "",
    }
    lacking = {
        "who": "" if number or is_chosen else "Nobody yet",
        "what": "" if told["what"] else "Nothing written yet",
    }
    return [
        {
            "name": name,
            "label": label,
            "url": step_url(broadcast, name) if shown["may_write"] or name == "check" else "",
            "is_current": name == step,
            "told": told.get(name, ""),
            "lacks": lacking.get(name, ""),
        }
        for name, label in STEPS.items()
    ]


def next_step(step: str) -> dict[str, str] | None:
    """Return the step after another one."""
    names = list(STEPS)
    following = names[names.index(step) + 1 :][:1]
    return {"name": following[0], "label": STEPS[following[0]]} if following else None


def asks_for_somebody(broadcast: Broadcast) -> bool:
    """Whether the audience of a broadcast names anybody; that they are there, only counting can tell."""
    named = broadcast.send_to_all or broadcast.addresses or broadcast.query
    if named or broadcast.activity_id or broadcast.retarget_of_id:
        return True
    return broadcast.segments.exists() or broadcast.contacts.exists()


def step_page(
    model_admin: Any, request: HttpRequest, broadcast: Broadcast, step: str, template: str, **context: Any
) -> HttpResponse:
    """Return the page of a step, drawn by a template that extends `compose/base.html`.

    A page that counts the recipients itself gives them as `estimate`, so that they are counted once.
    """
    media = context.pop("media", forms.Media())
    around = {
        **model_admin.admin_site.each_context(request),
        **frame(request, broadcast, step, context.get("estimate")),
        "opts": model_admin.opts,
        "title": f"{STEPS[step]}: {broadcast}",
        "media": model_admin.media + media + STYLES,
    }
    return TemplateResponse(request, template, around | context)


def others(request: HttpRequest, broadcast: Broadcast) -> list[dict[str, str]]:
    """Return who else has which step open: each person once, with the step that was seen last."""
    last: dict[int, Editing] = {}
    for row in editing.others(broadcast, Access.of(request).user):
        last.setdefault(row.user_id, row)
    return [{"name": str(row.user), "step": STEPS[row.place.partition(":")[0]]} for row in last.values()]
