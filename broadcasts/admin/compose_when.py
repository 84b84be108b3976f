"""The step When: the time of a broadcast."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from broadcasts.models import Broadcast

from .compose_frame import step_page


def when_step(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
    """Show when the broadcast is sent."""
    return step_page(model_admin, request, broadcast, "when", "admin/broadcasts/compose/when.html")
