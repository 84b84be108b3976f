"""What can be done with a broadcast: each act asks first, then does one thing and says what happened."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from broadcasts import audience, drafting, sending, stats
from broadcasts.audience import Audience, Estimate
from broadcasts.exceptions import BroadcastsError, WrongState
from broadcasts.explaining import when
from broadcasts.models import Broadcast, Engagement, Reason, User

from .broadcast_views import RecipientViews
from .confirmations import Confirmation, ScheduleForm, SendForm, TestForm
from .progress import progress
from .saving_first import SavingFirst

Status = Broadcast.Status
SHOWN = ("preview", "recipients")  # pages that show what is stored


class RetargetForm(Confirmation):
    """Asks for whom, with their numbers."""

    engagement = forms.ChoiceField(label="To those who", choices=Engagement.choices, widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = [(value, f"{words} ({n:,})") for value, words, n in engagements(self.broadcast)]
        self.fields["engagement"].widget.choices = told  # another one is refused by `sending`, which says why not


WHO_DID = {
    Engagement.SENT: "were sent it",
    Engagement.DELIVERED: "received it",
    Engagement.OPENED: "opened it",
    Engagement.NOT_OPENED: "did not open it",
    Engagement.CLICKED: "clicked in it",
    Engagement.REPLIED: "replied to it",
    Engagement.FAILED: "could not be reached",
}


def engagements(broadcast: Broadcast) -> list[tuple[str, str, int]]:
    """Return (engagement, in words, copies) for each that a broadcast can be retargeted by; none before its start."""
    if broadcast.status not in Broadcast.STARTED:
        return []
    messages = list(broadcast.messages.all())
    counts = stats.message_counts(messages)
    told = []
    for one in audience.measured(broadcast):
        n = 0
        for message in messages:
            if message.pk in counts and (not one.fact or one.fact in message.reports):
                numbers = counts[message.pk]
                n += numbers["sent"] - numbers["opened"] if one == Engagement.NOT_OPENED else numbers[one.value]
        if n > 0:
            told.append((one.value, WHO_DID[one], n))
    return told


@dataclass(frozen=True)
class Action:
    """One thing to do: who may, in which states, what is asked, what is done."""

    name: str
    label: str
    act: str
    statuses: Iterable[str]
    question: Callable[[Broadcast], str]
    run: Callable[[Broadcast, User, dict[str, Any]], "str | tuple[str, Broadcast]"]
    form: type[Confirmation] = Confirmation
    estimates: bool = False
    style: str = ""
    is_useful: Callable[[Broadcast], bool] = lambda broadcast: True


def _what_now(broadcast: Broadcast) -> str:
    if broadcast.local_time:
        return "It begins at once; people whose clock time has not come yet wait for it."
    if broadcast.status == Status.SCHEDULED:
        planned = when(broadcast.scheduled_at, broadcast.organization.zone)
        return f"It is sent at once, and not at {planned}."
    return "It is sent at once."


def _send(broadcast: Broadcast, user: User, values: dict[str, Any]) -> str:
    sending.send(broadcast, by=user, seen=broadcast.modified)
    return f"“{broadcast}” is being sent."


def _schedule(broadcast: Broadcast, user: User, values: dict[str, Any]) -> str:
    sending.schedule(broadcast, values["at"], by=user, seen=broadcast.modified)
    return f"“{broadcast}” is scheduled for {when(broadcast.scheduled_at, broadcast.organization.zone)}."


def _test(broadcast: Broadcast, user: User, values: dict[str, Any]) -> str:
    tried = sending.send_test(broadcast, values["addresses"], by=user)
    sent = [address for address, error in tried if not error]
    said = f"A test was sent to {', '.join(sent)}." if sent else ""
    if errors := [error for _, error in tried if error]:
        raise BroadcastsError(" ".join([*([said] if said else []), *errors]))
    return said


def _retry(broadcast: Broadcast, user: User, values: dict[str, Any]) -> tuple[str, Broadcast]:
    child = sending.retry(broadcast, by=user)
    return f"The failed ones of “{broadcast}” are being sent again, as “{child}”.", child


def _retarget(broadcast: Broadcast, user: User, values: dict[str, Any]) -> tuple[str, Broadcast]:
    with transaction.atomic():
        child = sending.retarget(broadcast, values["engagement"], by=user)
        drafting.refresh_preview(child)
    words = WHO_DID[Engagement(values["engagement"])]
    return f"“{child}” is a draft to those who {words}: change what it says, then send it.", child


def _duplicate(broadcast: Broadcast, user: User, values: dict[str, Any]) -> tuple[str, Broadcast]:
    child = sending.duplicate(broadcast, by=user)
    return f"“{child}” is a draft of its own.", child


def _simply(function: Callable[..., None], said: str) -> Callable[[Broadcast, User, dict[str, Any]], str]:
    def run(broadcast: Broadcast, user: User, values: dict[str, Any]) -> str:
        function(broadcast, by=user)
        return f"“{broadcast}” {said}"

    return run


ANY = frozenset(Status)
ACTIONS = {
    action.name: action
    for action in (
        Action("send", "Send now", "send", Broadcast.STARTABLE, _what_now, _send, SendForm, True),
        Action(
            "schedule",
            "Schedule",
            "send",
            Broadcast.STARTABLE,
            lambda b: "When should it be sent?",
            _schedule,
            ScheduleForm,
            True,
        ),
        Action(
            "unschedule",
            "Unschedule",
            "send",
            {Status.SCHEDULED},
            lambda b: "It becomes a draft again and keeps its time.",
            _simply(sending.unschedule, "is a draft again."),
        ),
        Action(
            "pause",
            "Pause",
            "send",
            {Status.SENDING},
            lambda b: "Sending stops within seconds; nobody is lost, and it can go on later.",
            _simply(sending.pause, "is paused."),
        ),
        Action(
            "resume",
            "Resume",
            "send",
            {Status.PAUSED},
            lambda b: "It goes on where it stopped.",
            _simply(sending.resume, "goes on."),
        ),
        Action(
            "cancel",
            "Cancel",
            "send",
            Broadcast.STOPPABLE,
            lambda b: "Sending stops for good. What has left stays sent; all others get nothing.",
            _simply(sending.cancel, "is cancelled."),
            style="deletelink",
        ),
        Action(
            "retry",
            "Retry failed",
            "send",
            Broadcast.FINISHED,
            lambda b: "Everybody whom it failed to reach is sent it again at once, as a linked broadcast.",
            _retry,
            is_useful=lambda b: stats.counts([b])[b.pk]["failed"] > 0,
        ),
        Action(
            "retarget",
            "Retarget",
            "write",
            Broadcast.STARTED,
            lambda b: "A draft with the same content is made, linked to this one. Nothing is sent.",
            _retarget,
            RetargetForm,
            is_useful=lambda b: bool(engagements(b)),
        ),
        Action(
            "test", "Send a test to me", "write", ANY, lambda b: "Its first message is sent as a test.", _test, TestForm
        ),
        Action(
            "duplicate",
            "Duplicate",
            "write",
            ANY,
            lambda b: "A draft is made that says the same to the same people, without a time.",
            _duplicate,
        ),
    )
}


def estimate(broadcast: Broadcast) -> Estimate:
    """Count whom a broadcast will reach: the same query as its start."""
    return audience.estimate(Audience.of(broadcast), drafting.outlets(broadcast))


def reasons(found: Estimate) -> list[tuple[str, str, int]]:
    """Return (reason, in words, people) in the order of precedence."""
    return [(reason.value, str(reason.label), n) for reason in Reason if (n := found.skipped.get(reason.value))]


def in_words(seconds: int | None) -> str:
    """Tell a duration in the two largest units that it has; "" for none."""
    days, rest = divmod(seconds or 0, 86_400)
    parts = ((days, "d"), (rest // 3600, "h"), (rest // 60 % 60, "min"), (rest % 60, "s"))
    first = next((i for i, (n, _) in enumerate(parts) if n), len(parts))
    return " ".join(f"{n} {unit}" for n, unit in parts[first : first + 2] if n)


class BroadcastActions(RecipientViews, SavingFirst):
    """The addresses and pages of the actions, for the broadcast's admin."""

    def get_urls(self) -> list:
        def page(suffix: str, view: Callable[..., HttpResponse], name: str) -> Any:
            return path(f"<int:pk>/{suffix}", self.admin_site.admin_view(view), name=f"broadcasts_broadcast_{name}")

        return [
            *(page(f"{name}/", self.action_view(name), name) for name in ACTIONS),
            page("progress/", self.progress_view, "progress"),
            page("recipients/", self.recipients_view, "recipients"),
            page("recipients/list/", self.people_view, "people"),
            page("preview/", self.preview_view, "preview"),
            page("preview/html/", self.preview_html_view, "preview_html"),
            *super().get_urls(),
        ]

    def actions_for(self, request: HttpRequest, broadcast: Broadcast) -> list[dict[str, str]]:
        """Return the actions that this user can take on it now, with their addresses."""
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
            and action.is_useful(broadcast)
        ]

    def steps(self, request: HttpRequest, obj: Broadcast) -> dict[str, Callable[[], HttpResponse]]:
        names = [*(action["name"] for action in self.actions_for(request, obj)), *SHOWN]
        goals = {name: reverse(f"admin:broadcasts_broadcast_{name}", args=[obj.pk]) for name in names}
        return {name: partial(HttpResponseRedirect, goal) for name, goal in goals.items()}

    def retargets_for(self, request: HttpRequest, broadcast: Broadcast) -> list[dict[str, Any]]:
        """Return whom it can be written to again, with how many they are and where that begins."""
        if not self.may(request, ACTIONS["retarget"].act, broadcast):  # type: ignore[attr-defined]
            return []
        address = reverse("admin:broadcasts_broadcast_retarget", args=[broadcast.pk])
        return [
            {"words": words, "number": n, "url": f"{address}?engagement={value}"}
            for value, words, n in engagements(broadcast)
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
        if action.estimates and request.method == "GET" and self.takes_long(request, broadcast):
            return self.waiting_page(request, broadcast)
        found = estimate(broadcast) if action.estimates else None
        kwargs: dict[str, Any] = {"broadcast": broadcast, "user": request.user}
        if "engagement" in request.GET:
            kwargs["initial"] = {"engagement": request.GET["engagement"]}
        kwargs["may_send"] = self.may(request, "send", broadcast)  # type: ignore[attr-defined]
        if issubclass(action.form, SendForm):
            kwargs["recipients"] = found.will_receive if found else 0
        form = action.form(request.POST if request.method == "POST" else None, **kwargs)
        if request.method == "POST" and form.is_valid():
            done = action.run(broadcast, request.user, form.cleaned_data)  # type: ignore[arg-type]
            said, goal = done if isinstance(done, tuple) else (done, broadcast)
            messages.success(request, said)
            return HttpResponseRedirect(self.change_url(goal.pk))  # type: ignore[attr-defined]
        return self.page(
            request,
            broadcast,
            "confirm",
            f"{action.label}: {broadcast}",
            action=action,
            question=action.question(broadcast),
            form=form,
            estimate=found,
            reasons=reasons(found) if found else [],
            wordings=self.wordings(broadcast),
            media=self.media + form.media,
        )

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        response = JsonResponse(progress(self.broadcast_for(request, pk, "read")))
        response["Cache-Control"] = "no-store"
        return response

    def recipients_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say how many will receive it, and why not the others."""
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
            channels=sorted(found.per_channel.items()),
            languages=sorted(found.per_language.items()),
            duration=in_words(found.expected_duration_seconds),
        )

    def wordings(self, broadcast: Broadcast) -> list[tuple[str, str]]:
        """Return what a broadcast says, by language; by channel too where there are several."""
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
