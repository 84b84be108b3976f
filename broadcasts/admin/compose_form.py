"""A step that is a form: shown, saved as somebody types or by a button, kept where it cannot be saved."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from broadcasts import drafting
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import Broadcast

from .access import Access
from .begin import step_url
from .broadcast_form import BroadcastForm
from .compose_frame import STEPS, next_step, step_page
from .compose_saving import (
    begun,
    discard,
    is_autosave,
    is_only_open,
    keep,
    kept,
    last_editor,
    locked,
    opened,
    restored,
    saved,
)
from .compose_stamps import stamp

PRESS_SAVE = "It is scheduled, so it changes only when you press Save."
CONFLICT = "Somebody saved this step after you opened it."


class StepForm(BroadcastForm):
    """Some of the fields of a broadcast; the step itself finds out whether somebody else changed them."""

    own_fields: ClassVar[tuple[str, ...]] = ()  # beside those of a broadcast

    def is_changed_elsewhere(self) -> bool:
        return False

    def values(self) -> dict[str, Any]:
        """Return what `drafting.save` stores of a valid form: what was changed."""
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def words(self) -> list[str]:
        """Return what is wrong, each with the label of its field."""
        labels = {name: str(field.label or name).capitalize() for name, field in self.fields.items()}
        return [
            f"{labels[name]}: {words}" if name in labels else str(words)
            for name, found in self.errors.items()
            for words in found
        ]


@dataclass(frozen=True)
class FormStep:
    """A step: its name, its form, the fields that a broadcast has there, and what its page shows beside them."""

    name: str
    form: type[StepForm]
    fields: Callable[[Broadcast], list[str]]
    context: Callable[[HttpRequest, Broadcast, StepForm], dict[str, Any]]

    def __call__(self, model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
        """Show the step; save it, or keep what cannot be saved, on POST."""
        with timezone.override(broadcast.organization.zone):
            if request.method != "POST":
                return self._show(model_admin, request, broadcast)
            if "_discard" in request.POST:
                return discard(request, broadcast, self.name)
            if is_only_open(request):
                return opened(request, broadcast, self.name, stamp(broadcast, self.name))
            try:
                form, words, is_conflict = self._store(model_admin, request, broadcast)
            except WrongState:
                return self._begun(request, broadcast)
            stored = Broadcast.objects.select_related("organization").get(pk=broadcast.pk)
            if is_autosave(request):
                if words:
                    return kept(request, stored, self.name, words, is_conflict=is_conflict)
                return saved(request, stored, self.name, stamp(stored, self.name))
            return self._answer(model_admin, request, stored, form, words, is_conflict=is_conflict)

    def bound(self, model_admin: Any, request: HttpRequest, broadcast: Broadcast, data: Any) -> StepForm:
        """Return the form of the step, over a copy of the broadcast, since a form writes into its instance."""
        names = self.fields(broadcast)
        made = model_admin.get_form(request, broadcast, change=True, form=self.form, fields=names)
        for name in set(made.base_fields) - {*names, *self.form.own_fields}:
            del made.base_fields[name]  # those of the whole page that are declared
        form: StepForm = made(data, instance=copy(broadcast))
        return form

    def _store(self, model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> tuple[StepForm, list[str], bool]:
        """Store a form; return it with why it was not stored, and whether that is because somebody changed the same.

        A form that differs from nothing stored is no conflict: the answer to an earlier request may have been lost.
        """
        try:
            with transaction.atomic():
                held = drafting.lock(broadcast)
                form = self.bound(model_admin, request, held, request.POST)
                is_valid = form.is_valid()
                if not (is_valid and not form.values()) and self._is_conflict(request, held):
                    return form, [CONFLICT], True
                if not is_valid:
                    return form, form.words(), False
                if held.status == Broadcast.Status.SCHEDULED and is_autosave(request) and form.values():
                    return form, [PRESS_SAVE], False
                drafting.save(held, form.values(), Access.of(request).user, is_autosave=is_autosave(request))
        except InvalidInput as error:
            for name, text in error.errors.items():
                form.add_error(name if name in form.fields else None, text)
            return form, form.words(), False
        return form, [], False

    def _is_conflict(self, request: HttpRequest, held: Broadcast) -> bool:
        now = stamp(held, self.name)
        return "over" not in request.POST and request.POST.get("seen", now) != now

    def _begun(self, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
        if is_autosave(request):
            return begun(broadcast)
        goal, words = locked(broadcast)
        messages.error(request, f"Nothing was saved: {words}")
        return HttpResponseRedirect(goal)

    def _answer(
        self,
        model_admin: Any,
        request: HttpRequest,
        broadcast: Broadcast,
        form: StepForm,
        words: list[str],
        *,
        is_conflict: bool,
    ) -> HttpResponse:
        """Answer a button: go on where all is stored, else show the form again."""
        if words:
            keep(request, broadcast, self.name, words)
            return self._page(model_admin, request, broadcast, form, words, is_conflict=is_conflict)
        discard(request, broadcast, self.name)
        goal = next((name for name in STEPS if f"_{name}" in request.POST), self.name)
        if goal == self.name:
            messages.success(request, "Saved.")
        return HttpResponseRedirect(step_url(broadcast, goal))

    def _show(self, model_admin: Any, request: HttpRequest, broadcast: Broadcast) -> HttpResponse:
        """Show what is stored, or what this user typed that could not be stored."""
        data, words = (None, []) if "theirs" in request.GET else restored(request, broadcast, self.name)
        form = self.bound(model_admin, request, broadcast, data)
        is_conflict = data is not None and data.get("seen") != stamp(broadcast, self.name)
        return self._page(model_admin, request, broadcast, form, words, is_conflict=is_conflict)

    def _page(
        self,
        model_admin: Any,
        request: HttpRequest,
        broadcast: Broadcast,
        form: StepForm,
        words: list[str],
        *,
        is_conflict: bool,
    ) -> HttpResponse:
        return step_page(
            model_admin,
            request,
            broadcast,
            self.name,
            f"admin/broadcasts/compose/{self.name}.html",
            form=form,
            media=form.media,
            seen=form.data.get("seen") or stamp(broadcast, self.name),
            is_theirs="theirs" in request.GET,
            conflict_by=(last_editor(request, broadcast) or "Somebody") if is_conflict else "",
            kept_words=[] if is_conflict else words,
            next_step=next_step(self.name),
            **self.context(request, broadcast, form),
        )
