"""The step Send: to send a broadcast now, or to schedule it."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from broadcasts.models import Broadcast

from .compose_frame import step_page


def send_step(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
    """Offer what can be done with the broadcast now."""
    actions = model_admin.actions_for(request, broadcast)
    return step_page(model_admin, request, broadcast, "send", "admin/broadcasts/compose/send.html", actions_now=actions)
