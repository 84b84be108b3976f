"""The step Send: what the broadcast will do, and one confirmation to send it now or at its time."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from broadcasts.exceptions import BroadcastsError
from broadcasts.models import Broadcast

from .actions import schedule, send_now
from .compose_frame import step_page, step_url
from .confirmations import AT, SendStepForm
from .progress import undo_left
from .promises import promise


def send_step(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
    """Show what the broadcast will do; on POST send or schedule it, and lead to its page."""
    may_send = model_admin.may(request, "send", broadcast)
    if request.method == "POST" and not may_send:
        raise PermissionDenied
    if broadcast.is_undoable:
        return _page(model_admin, request, broadcast, undo_left=undo_left(broadcast), may_undo=may_send)
    if request.method == "GET" and model_admin.takes_long(request, broadcast):
        return model_admin.waiting_page(request, broadcast)
    try:
        told = promise(broadcast)
        form = _form(request, broadcast, told) if may_send else None
        if form and form.is_bound and form.is_valid():
            act = schedule if form.cleaned_data["how"] == AT else send_now
            messages.success(request, act(broadcast, request.user, form.cleaned_data).said)  # type: ignore[arg-type]
            return HttpResponseRedirect(model_admin.change_url(broadcast.pk))
    except BroadcastsError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(step_url(broadcast, "check"))
    return _page(model_admin, request, broadcast, form=form, **told)


def _form(request: HttpRequest, broadcast: Broadcast, told: dict[str, Any]) -> SendStepForm:
    return SendStepForm(
        request.POST if request.method == "POST" else None,
        broadcast=broadcast,
        user=request.user,
        may_send=True,
        recipients=told["estimate"].will_receive,
        open_lines=told["open_lines"],
    )


def _page(model_admin: Any, request: HttpRequest, broadcast: Broadcast, **told: Any) -> HttpResponse:
    return step_page(model_admin, request, broadcast, "send", "admin/broadcasts/compose/send.html", **told)
