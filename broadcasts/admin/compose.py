"""The guided page of a broadcast: Who, What, When, Check, Send, each at an address of its own."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import path, reverse

from broadcasts import drafting
from broadcasts.exceptions import BroadcastsError
from broadcasts.models import Broadcast

from .access import Access
from .actions import ACTIONS, ActionResult
from .begin import step_url
from .compose_card import card
from .compose_check import check_step
from .compose_frame import STEPS, asks_for_somebody, step_page
from .compose_send import send_step
from .compose_when import when_step
from .compose_who import who_step


def what_step(model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
    """Redirect to the content page of the first message; one that is not there is made by a button."""
    message = broadcast.first_message()
    if message is None and request.method == "POST":
        message = drafting.save(broadcast, {"messages": [{}]}, by=Access.of(request).user).first_message()
    if message is None:
        return step_page(model_admin, request, broadcast, "what", "admin/broadcasts/compose/what.html")
    return HttpResponseRedirect(reverse("admin:broadcasts_message_content", args=[message.pk]))


COMPOSE_STEPS: dict[str, Callable[[Any, HttpRequest, Broadcast], HttpResponse]] = {
    "who": who_step,
    "what": what_step,
    "when": when_step,
    "check": check_step,
    "send": send_step,
}
WRITING = {"who", "what", "when"}  # steps of what can still be changed


def first_need(broadcast: Broadcast) -> str:
    """Return the first step that needs something; Check where all have something."""
    if not asks_for_somebody(broadcast):
        return "who"
    said = broadcast.messages.filter(translations__isnull=False) | broadcast.messages.filter(template__isnull=False)
    return "check" if said.exists() else "what"


class ComposePages(admin.ModelAdmin):
    """The steps; for the broadcast's admin."""

    def get_urls(self) -> list:
        def page(suffix: str, view: Callable[..., HttpResponse], name: str) -> Any:
            return path(
                f"<int:pk>/compose/{suffix}", self.admin_site.admin_view(view), name=f"broadcasts_broadcast_{name}"
            )

        return [
            page("", self.entry_view, "compose_entry"),
            page("card/", self.card_view, "card"),
            page("test/", self.test_to_me_view, "test_to_me"),
            page("<slug:step>/", self.compose_view, "compose"),
            *super().get_urls(),
        ]

    def entry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Lead to the step that needs something first; who may not write it sees its own page."""
        broadcast = self.broadcast_for(request, pk, "read")  # type: ignore[attr-defined]
        if broadcast.is_editable and self.may(request, "write", broadcast):  # type: ignore[attr-defined]
            return HttpResponseRedirect(step_url(broadcast, first_need(broadcast)))
        return HttpResponseRedirect(self.change_url(pk))  # type: ignore[attr-defined]

    def compose_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Serve a step; of a broadcast that began, its own page instead."""
        if step not in COMPOSE_STEPS:
            raise Http404
        broadcast = self.broadcast_for(request, pk, "read" if step == "check" else "write")  # type: ignore[attr-defined]
        if step in WRITING and request.method == "POST":
            return COMPOSE_STEPS[step](self, request, broadcast)  # its lock tells whether it can be changed
        if broadcast.status in Broadcast.STARTED:
            return HttpResponseRedirect(self.change_url(pk))  # type: ignore[attr-defined]
        if step in WRITING and not broadcast.is_editable:
            return HttpResponseRedirect(step_url(broadcast, "send"))
        return COMPOSE_STEPS[step](self, request, broadcast)

    def card_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Serve the side card with the number of recipients, for the script of the page."""
        broadcast = self.broadcast_for(request, pk, "write")  # type: ignore[attr-defined]
        context = {"broadcast": broadcast, "card": card(request, broadcast, is_counted=True)}
        response = TemplateResponse(request, "admin/broadcasts/compose/card.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def test_to_me_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a test of what is stored to the user who asks."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        broadcast = self.broadcast_for(request, pk, ACTIONS["test"].act)  # type: ignore[attr-defined]
        user = Access.of(request).user
        try:
            done = ACTIONS["test"].run(broadcast, user, {"addresses": [user.email]})
        except BroadcastsError as error:
            done = ActionResult("", refused=f"No test was sent: {error}")
        if request.headers.get("Accept") == "application/json":
            return JsonResponse({"said": done.said, "refused": done.refused})
        for level, words in ((messages.SUCCESS, done.said), (messages.ERROR, done.refused)):
            if words:
                messages.add_message(request, level, words)
        step = request.POST.get("step", "")
        return HttpResponseRedirect(step_url(broadcast, step if step in STEPS else "who"))
