"""The content page of a message: the step What of the guided page, which saves itself while somebody types.

What is valid is stored. What is not, or what somebody else changed meanwhile, is kept as it was typed for this user
alone, and stands there again when the page is opened the next time. What is scheduled is only kept, so that half a
sentence is never sent: its author saves it by the button.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse

from broadcasts import drafting, editing
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import Broadcast, Message

from . import compose_saving
from .access import Access
from .begin import step_url
from .compose_form import PRESS_SAVE
from .compose_frame import STEPS, STYLES, frame
from .content_channels import ChannelsForm, act, addable, tabs
from .content_page import MEDIA, THEIRS, Attempt, ContentForms, ContentPage
from .content_stamps import PAGE, is_seen, new_page, stamp_of

STEP = "what"


def place_of(message: Message) -> str:
    """Return where `editing` keeps what is typed on the page of a message."""
    return f"{STEP}:{message.pk}"


class MessageContentPage(ContentPage):
    """The content page of a message, the first of a broadcast too."""

    def forms(self, request: HttpRequest, owner: Message, data: Any, *, is_shown: bool = False) -> ContentForms:
        shown = super().forms(request, owner, data, is_shown=is_shown)
        shown.channels = ChannelsForm(data, owner.broadcast, may_change=shown.formset.may_change)
        return shown

    def opened(self, request: HttpRequest, owner: Message) -> HttpResponse:
        """Show what this user typed and could not save, if there is any; else what is stored.

        What is restored is a page of its own: the one on which it was typed may still be open, and save.
        """
        if THEIRS in request.GET:
            stored = self.forms(request, owner, None, is_shown=True)
            return self.shown_page(request, owner, stored, is_theirs=True, tests=None)
        if not self.has_change_permission(request, owner):
            return super().opened(request, owner)
        kept, words = compose_saving.restored(request, owner.broadcast, place_of(owner))
        if kept is None:
            return super().opened(request, owner)
        typed: Any = _without_buttons(kept)
        request.POST = typed
        shown = self.forms(request, owner, typed)
        outcome = Attempt(is_conflict=not is_seen(request, owner))
        if shown.are_valid():
            outcome.why_not = words
        typed[PAGE] = new_page()
        if not outcome.is_conflict:
            typed["seen"] = stamp_of(owner)
        return self.shown_page(request, owner, shown, outcome=outcome, is_unsaved=True)

    def posted(self, request: HttpRequest, owner: Message) -> HttpResponse:
        if compose_saving.is_autosave(request):
            return self._autosaved(request, owner)
        if "_discard" in request.POST:
            return compose_saving.discard(request, owner.broadcast, place_of(owner))
        try:
            if "_channels" in request.POST:
                return self._channels(request, owner)
            if request.POST.get("_step") == "refresh" and self._is_stored_first(request, owner):
                return HttpResponseRedirect(request.path)
            return super().posted(request, owner)
        except WrongState:
            return self.too_late(request, owner)

    def too_late(self, request: HttpRequest, owner: Message) -> HttpResponse:
        if compose_saving.is_autosave(request):
            return compose_saving.begun(owner.broadcast)
        return super().too_late(request, owner)

    def why_locked(self, owner: Message) -> str:
        return compose_saving.locked(owner.broadcast)[1]

    def _autosaved(self, request: HttpRequest, owner: Message) -> HttpResponse:
        """Store what the page's script posts, or keep it; answer which."""
        broadcast, place = owner.broadcast, place_of(owner)
        if compose_saving.is_only_open(request):
            return compose_saving.opened(request, broadcast, place, stamp_of(owner))
        shown = self.forms(request, owner, request.POST)
        try:
            outcome = self._attempt_unless_scheduled(request, owner, shown)
        except WrongState:
            return self.too_late(request, owner)
        if not outcome.is_stored:
            words, is_conflict = outcome.words(shown), outcome.is_conflict
            return compose_saving.kept(request, broadcast, place, words, is_conflict=is_conflict)
        return compose_saving.saved(request, broadcast, place, stamp_of(self.fresh(owner)))

    def _attempt_unless_scheduled(self, request: HttpRequest, owner: Message, shown: ContentForms) -> Attempt:
        if owner.broadcast.status != Broadcast.Status.SCHEDULED:
            return super().attempt(request, owner, shown)
        if not is_seen(request, owner):
            return Attempt(is_conflict=True)
        if not shown.are_valid():
            return Attempt()
        return Attempt(why_not=[PRESS_SAVE]) if shown.have_changed() else Attempt(is_stored=True)

    def _is_stored_first(self, request: HttpRequest, owner: Message) -> bool:
        """Store or keep the form before a button leads away; whether it is stored."""
        shown = self.forms(request, owner, request.POST)
        outcome = self._attempt_unless_scheduled(request, owner, shown)
        self._keep_or_forget(request, owner, shown, outcome)
        return outcome.is_stored

    def _channels(self, request: HttpRequest, owner: Message) -> HttpResponse:
        """Do what a button beside the channels says; what was typed is stored or kept first."""
        asked, chosen = request.POST["_channels"], request.POST.get("new_channel", "")
        self._is_stored_first(request, owner)
        try:
            goal = act(owner, asked, chosen, Access.of(request).user)
        except InvalidInput as error:
            messages.error(request, str(error))
            goal = request.path
        return HttpResponseRedirect(goal)

    def attempt(self, request: HttpRequest, owner: Message, shown: ContentForms) -> Attempt:
        """Store the forms, or keep them as they were typed."""
        outcome = super().attempt(request, owner, shown)
        self._keep_or_forget(request, owner, shown, outcome)
        return outcome

    def _keep_or_forget(self, request: HttpRequest, owner: Message, shown: ContentForms, outcome: Attempt) -> None:
        if outcome.is_stored:
            editing.forget(owner.broadcast, Access.of(request).user, place_of(owner))
        else:
            compose_saving.keep(request, owner.broadcast, place_of(owner), outcome.words(shown))

    def fresh(self, owner: Message) -> Message:
        rows = Message.objects.select_related("broadcast", "channel", "template", "layout")
        return rows.prefetch_related("translations").get(pk=owner.pk)

    def held(self, owner: Message) -> Message:
        drafting.lock(owner.broadcast)
        return self.fresh(owner)

    def is_overtaken(self, shown: ContentForms, stored: Message) -> bool:
        return shown.channels is not None and shown.channels.is_overtaken(stored.broadcast)

    def save_content(self, request: HttpRequest, owner: Message, shown: ContentForms) -> None:
        chosen = shown.choices.cleaned_data
        spec = {name: chosen[name] for name in ("channel", "template", "layout", "syntax")}
        spec["channel"] = spec["channel"] or drafting.default_channel(owner.broadcast.organization, spec["template"])
        spec |= {"uuid": owner.uuid, "translations": shown.formset.contents()}
        values = shown.channels.values() if shown.channels else {}
        values["messages"] = drafting.among_others(owner, spec)
        is_autosave = compose_saving.is_autosave(request)
        drafting.save(owner.broadcast, values, Access.of(request).user, is_autosave=is_autosave)

    def back(self, owner: Message) -> str:
        return reverse("admin:broadcasts_broadcast_change", args=[owner.broadcast_id])

    def goal(self, request: HttpRequest, owner: Message) -> str:
        step = next((name for name in STEPS if f"_{name}" in request.POST), "")
        return step_url(owner.broadcast, step) if step else super().goal(request, owner)

    # What the page shows.

    def shown_page(
        self,
        request: HttpRequest,
        owner: Message,
        shown: ContentForms,
        *,
        outcome: Attempt | None = None,
        **context: Any,
    ) -> HttpResponse:
        if shown.formset.may_change:
            context |= self._framed(request, owner, shown, outcome)
        return super().shown_page(request, owner, shown, outcome=outcome, **context)

    def _framed(
        self, request: HttpRequest, owner: Message, shown: ContentForms, outcome: Attempt | None
    ) -> dict[str, Any]:
        """Return what stands around the content while it can be changed."""
        broadcast = owner.broadcast
        is_conflict = outcome is not None and outcome.is_conflict
        return {
            **frame(request, broadcast, STEP),
            "template": "step",
            "media": self.media + shown.formset.media + MEDIA + STYLES,
            "form_id": "content_form",
            "page": request.POST.get(PAGE) or new_page(),
            "channels": shown.channels,
            "tabs": tabs(owner),
            "addable": addable(owner),
            "is_scheduled": broadcast.status == Broadcast.Status.SCHEDULED,
            "conflict_by": (compose_saving.last_editor(request, broadcast) or "Somebody") if is_conflict else "",
            "kept_words": outcome.words(shown) if outcome and not is_conflict else [],
        }


def _without_buttons(kept: QueryDict) -> QueryDict:
    """Return a form without the button by which it was posted."""
    typed = kept.copy()
    for name in [name for name in typed if name.startswith("_")]:
        del typed[name]
    return typed
