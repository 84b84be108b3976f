"""The pages of the actions on a broadcast: each asks for confirmation, acts, and shows a message."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from broadcasts import audience, pricing, translating
from broadcasts.exceptions import BroadcastsError, InvalidInput, WrongState
from broadcasts.formats import duration
from broadcasts.models import Broadcast
from broadcasts.stats import BroadcastCounts

from .access import Access
from .actions import ACTIONS, OFFERED, REFUSED, Action, ActionResult, engagements
from .begin import step_url
from .broadcast_views import RecipientViews
from .confirmations import Confirmation, SendForm
from .content_channels import move_up
from .expressions import LIQUID, translated
from .progress import progress
from .promises import estimate, promise, reasons
from .report import report, stamp
from .saving_first import SavingFirst

Status = Broadcast.Status
SHOWN = ("preview", "recipients")  # pages that show what is stored


class BroadcastActions(RecipientViews, SavingFirst):
    """The addresses and pages of the actions, for the broadcast's admin."""

    def get_urls(self) -> list:
        def page(suffix: str, view: Callable[..., HttpResponse], name: str) -> Any:
            return path(f"<int:pk>/{suffix}", self.admin_site.admin_view(view), name=f"broadcasts_broadcast_{name}")

        return [
            *(page(f"{name}/", self.action_view(name), name) for name in ACTIONS),
            page("progress/", self.progress_view, "progress"),
            page("report/", self.report_view, "report"),
            page("recipients/", self.recipients_view, "recipients"),
            page("recipients/list/", self.people_view, "people"),
            page("recipients/lacking/", self.lacking_view, "lacking"),
            page("preview/", self.preview_view, "preview"),
            page("preview/html/", self.preview_html_view, "preview_html"),
            *super().get_urls(),
        ]

    def actions_for(
        self, request: HttpRequest, broadcast: Broadcast, counts: BroadcastCounts | None = None
    ) -> list[dict[str, str]]:
        """Return the actions that this user can take on it now, with their addresses."""
        counts = counts or BroadcastCounts.of(broadcast)
        return [
            {
                "label": "Reschedule"
                if action.name == "schedule" and broadcast.status == Status.SCHEDULED
                else action.label,
                "name": action.name,
                "style": action.style,
                "url": reverse(f"admin:broadcasts_broadcast_{action.name}", args=[broadcast.pk]),
            }
            for action in ACTIONS.values()
            if broadcast.status in action.statuses
            and self.may(request, action.act, broadcast)  # type: ignore[attr-defined]
            and action.is_useful(broadcast, counts)
            and (action.in_window == OFFERED or not broadcast.is_undoable)
        ]

    def steps(self, request: HttpRequest, obj: Broadcast) -> dict[str, Callable[[], HttpResponse]]:
        names = [*(action["name"] for action in self.actions_for(request, obj)), *SHOWN]
        goals = {name: reverse(f"admin:broadcasts_broadcast_{name}", args=[obj.pk]) for name in names}
        steps = {name: partial(HttpResponseRedirect, goal) for name, goal in goals.items()}
        return steps | self.channel_steps(request, obj)

    def channel_steps(self, request: HttpRequest, obj: Broadcast) -> dict[str, Callable[[], HttpResponse]]:
        """Return what answers the buttons beside the channels: another one, up-<message>, remove-<message>."""
        if not (obj.is_editable and self.may(request, "write", obj)):  # type: ignore[attr-defined]
            return {}
        pks = list(obj.messages.values_list("pk", flat=True))
        add = f"{reverse('admin:broadcasts_message_add')}?broadcast={obj.pk}&position={len(pks)}"
        steps: dict[str, Callable[[], HttpResponse]] = {"another": partial(HttpResponseRedirect, add)}
        translate = partial(translating.translate_broadcast, obj, Access.of(request).user)
        steps[LIQUID] = partial(translated, request, translate, self.change_url(obj.pk))  # type: ignore[attr-defined]
        for pk in pks[1:]:
            steps[f"up-{pk}"] = partial(self._move_up, request, obj, pk)
        for pk in pks if len(pks) > 1 else []:
            goal = reverse("admin:broadcasts_message_delete", args=[pk])
            steps[f"remove-{pk}"] = partial(HttpResponseRedirect, goal)
        return steps

    def _move_up(self, request: HttpRequest, broadcast: Broadcast, pk: int) -> HttpResponse:
        move_up(broadcast, pk, Access.of(request).user)
        return HttpResponseRedirect(f"{self.change_url(broadcast.pk)}#channels")  # type: ignore[attr-defined]

    def retargets_for(
        self, request: HttpRequest, broadcast: Broadcast, counts: BroadcastCounts
    ) -> list[dict[str, Any]]:
        """Return whom it can be written to again, with how many they are and where that begins."""
        if not self.may(request, ACTIONS["retarget"].act, broadcast):  # type: ignore[attr-defined]
            return []
        address = reverse("admin:broadcasts_broadcast_retarget", args=[broadcast.pk])
        return [
            {"words": words, "number": n, "url": f"{address}?engagement={value}"}
            for value, words, n in engagements(broadcast, counts)
        ]

    def broadcast_for(self, request: HttpRequest, pk: int, act: str) -> Broadcast:
        """Return a broadcast of the user's own organizations, or 404; 403 when this act is not the user's."""
        broadcast = self.get_object(request, str(pk))
        if broadcast is None:
            raise Http404
        if not self.may(request, act, broadcast):  # type: ignore[attr-defined]
            raise PermissionDenied
        return broadcast

    def action_view(self, name: str) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            broadcast = self.broadcast_for(request, pk, ACTIONS[name].act)
            try:
                return self._act(request, broadcast, ACTIONS[name])
            except BroadcastsError as error:
                messages.error(request, str(error))
                return HttpResponseRedirect(self.change_url(broadcast.pk))  # type: ignore[attr-defined]

        return view

    def _act(self, request: HttpRequest, broadcast: Broadcast, action: Action) -> HttpResponse:
        """Ask on GET, act on POST."""
        if broadcast.status not in action.statuses:
            raise WrongState(
                f"“{broadcast}” is {broadcast.get_status_display().lower()}: {action.label} is not possible."
            )
        if action.in_window == REFUSED and broadcast.is_undoable:
            raise WrongState(f"“{broadcast}” is about to be sent. Stop that first.")
        if action.estimates and request.method == "GET" and self.takes_long(request, broadcast):
            return self.waiting_page(request, broadcast)
        told = promise(broadcast) if action.estimates else {}
        kwargs: dict[str, Any] = {"broadcast": broadcast, "user": request.user}
        if "engagement" in request.GET:
            kwargs["initial"] = {"engagement": request.GET["engagement"]}
        kwargs["may_send"] = self.may(request, "send", broadcast)  # type: ignore[attr-defined]
        if issubclass(action.form, SendForm):
            kwargs |= {"recipients": told["estimate"].will_receive, "open_lines": told["open_lines"]}
        form = action.form(request.POST if request.method == "POST" else None, **kwargs)
        if request.method == "POST" and form.is_valid() and (done := self._run(request, broadcast, action, form)):
            return HttpResponseRedirect(
                step_url(done.goal, "check") if done.goal else self.change_url(broadcast.pk)  # type: ignore[attr-defined]
            )
        return self.page(
            request,
            broadcast,
            "confirm",
            f"{action.label}: {broadcast}",
            action=action,
            question=action.question(broadcast),
            form=form,
            contents=[] if told else self.contents(broadcast),
            media=self.media + form.media,
            **told,
        )

    def _run(
        self, request: HttpRequest, broadcast: Broadcast, action: Action, form: Confirmation
    ) -> ActionResult | None:
        """Run the action and return its result; None if a field is invalid, with the error added to the form."""
        try:
            done = action.run(broadcast, request.user, form.cleaned_data)  # type: ignore[arg-type]
        except InvalidInput as error:
            if not error.errors.keys() <= form.fields.keys():
                raise
            for name, text in error.errors.items():
                form.add_error(name, text)
            return None
        if done.said:
            messages.success(request, done.said)
        if done.refused:
            messages.error(request, done.refused)
        return done

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        response = JsonResponse(progress(self.broadcast_for(request, pk, "read")))
        response["Cache-Control"] = "no-store"
        return response

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the report alone, for the script that keeps it fresh; 304 where no number has changed."""
        broadcast = self.broadcast_for(request, pk, "read")
        counts = BroadcastCounts.of(broadcast)
        now = stamp(broadcast, counts)
        tag = f'"{now}"'
        if request.headers.get("If-None-Match") == tag:
            return HttpResponseNotModified()
        context = {"broadcast": broadcast, "report": report(broadcast, counts, now)}
        response = TemplateResponse(request, "admin/broadcasts/broadcast/report.html", context)
        response["ETag"], response["Cache-Control"] = tag, "no-store"
        return response

    def recipients_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the number of recipients, and of the skipped contacts by reason."""
        broadcast = self.broadcast_for(request, pk, "write")
        if self.takes_long(request, broadcast):
            return self.waiting_page(request, broadcast)
        try:
            found = estimate(broadcast)
        except BroadcastsError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self.change_url(broadcast.pk))  # type: ignore[attr-defined]
        return self.page(
            request,
            broadcast,
            "recipients",
            f"Recipients of {broadcast}",
            estimate=found,
            reasons=reasons(found),
            cost=pricing.expected(broadcast, found),
            channels=[
                (
                    route.name or "e-mail",
                    found.per_channel.get(route.name, 0),
                    found.fallback_per_channel.get(route.name),
                )
                for route in audience.routes_of(broadcast)
            ],
            falls_back=broadcast.falls_back,
            languages=sorted(found.per_language.items()),
            duration=duration(found.expected_duration_seconds or 0),
        )

    def contents(self, broadcast: Broadcast) -> list[tuple[str, str]]:
        """Return (label, subject or text) of each translation; the label names the channel where there are several."""
        messages = list(broadcast.messages.select_related("channel").prefetch_related("translations"))
        return [
            (f"{message.channel}, {one.language}" if len(messages) > 1 else one.language, one.subject or one.text)
            for message in messages
            for one in message.translations.all()
        ]

    def page(self, request: HttpRequest, broadcast: Broadcast, name: str, title: str, **context: Any) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/broadcasts/broadcast/{name}.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": title,
                "broadcast": broadcast,
                "media": self.media,
                **context,
            },
        )
