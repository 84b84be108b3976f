"""What all steps of the guided page share: the bar of steps, the side card, who else edits."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from broadcasts import editing, formats
from broadcasts.models import Broadcast

from .access import Access

STEPS = {"who": "Who", "what": "What", "when": "When", "check": "Check", "send": "Send"}
STYLES = forms.Media(css={"all": ["broadcasts/compose.css"]})


def step_url(broadcast: Broadcast, step: str) -> str:
    """Return the address of a step."""
    return reverse("admin:broadcasts_broadcast_compose", args=[broadcast.pk, step])


def frame(request: HttpRequest, broadcast: Broadcast, step: str) -> dict[str, Any]:
    """Return what `compose/base.html` draws around a step."""
    return {
        "broadcast": broadcast,
        "step": step,
        "steps": [
            {"name": name, "label": label, "url": step_url(broadcast, name), "is_current": name == step}
            for name, label in STEPS.items()
        ],
        "card": card(request, broadcast),
        "others": others(request, broadcast),
        "saved_at": formats.clock(timezone.localtime(broadcast.modified, broadcast.organization.zone)),
    }


def step_page(
    model_admin: Any, request: HttpRequest, broadcast: Broadcast, step: str, template: str, **context: Any
) -> HttpResponse:
    """Return the page of a step, drawn by a template that extends `compose/base.html`."""
    media = context.pop("media", forms.Media())
    around = {
        **model_admin.admin_site.each_context(request),
        **frame(request, broadcast, step),
        "opts": model_admin.opts,
        "title": f"{STEPS[step]}: {broadcast}",
        "media": model_admin.media + media + STYLES,
    }
    return TemplateResponse(request, template, around | context)


def card(request: HttpRequest, broadcast: Broadcast) -> dict[str, Any]:
    """Return what the side card tells of a broadcast."""
    return {
        "channels": [str(message.channel or "Default channel") for message in broadcast.messages.all()],
        "scheduled_at": broadcast.scheduled_at,
        "zone": broadcast.organization.zone,
    }


def others(request: HttpRequest, broadcast: Broadcast) -> list[dict[str, str]]:
    """Return who else has which step open."""
    rows = editing.others(broadcast, Access.of(request).user)
    return [{"name": str(row.user), "step": STEPS[row.place.partition(":")[0]]} for row in rows]
