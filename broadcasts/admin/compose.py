"""The guided page of a broadcast: Who, What, When, Check, Send, each at an address of its own."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from broadcasts.models import Broadcast

from .compose_check import check_step
from .compose_send import send_step
from .compose_when import when_step
from .compose_who import who_step


def what_step(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
    """Redirect to the content page of the first message."""
    message = broadcast.first_message()
    if message is None:
        return HttpResponseRedirect(f"{reverse('admin:broadcasts_message_add')}?broadcast={broadcast.pk}&position=0")
    return HttpResponseRedirect(reverse("admin:broadcasts_message_content", args=[message.pk]))


COMPOSE_STEPS: dict[str, Callable[[Any, HttpRequest, Broadcast], HttpResponse]] = {
    "who": who_step,
    "what": what_step,
    "when": when_step,
    "check": check_step,
    "send": send_step,
}
WRITING = {"who", "what", "when"}  # steps of what can still be changed


class ComposePages(admin.ModelAdmin):
    """The steps; for the broadcast's admin."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.compose_view)
        return [
            path("<int:pk>/compose/<slug:step>/", view, name="broadcasts_broadcast_compose"),
            *super().get_urls(),
        ]

    def compose_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Serve a step; of a broadcast that began, its own page instead."""
        if step not in COMPOSE_STEPS:
            raise Http404
        broadcast = self.broadcast_for(request, pk, "read" if step == "check" else "write")  # type: ignore[attr-defined]
        if broadcast.status in Broadcast.STARTED:
            return HttpResponseRedirect(self.change_url(pk))  # type: ignore[attr-defined]
        if step in WRITING and not broadcast.is_editable:
            return HttpResponseRedirect(reverse("admin:broadcasts_broadcast_compose", args=[pk, "send"]))
        return COMPOSE_STEPS[step](self, request, broadcast)
