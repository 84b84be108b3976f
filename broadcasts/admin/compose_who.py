"""The step Who: name, use case and audience of a broadcast."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from broadcasts.models import Broadcast

from .compose_frame import step_page


def who_step(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
    """Show whom the broadcast is sent to."""
    return step_page(model_admin, request, broadcast, "who", "admin/broadcasts/compose/who.html")
