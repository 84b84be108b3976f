"""The step Check: what is wrong with a broadcast before it is sent."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from broadcasts.models import Broadcast
from broadcasts.sending import readiness

from .compose_frame import step_page


def check_step(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
    """Show what the broadcast lacks before it can be sent."""
    missing = readiness.missing(broadcast).values()
    return step_page(
        model_admin, request, broadcast, "check", "admin/broadcasts/compose/check.html", missing=list(missing)
    )
