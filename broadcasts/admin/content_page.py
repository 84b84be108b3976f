"""The content page of a message or template: its words in each language, beside a preview; and its test sends."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.forms.widgets import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from broadcasts import rendering
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import Medium, Message, Template

from .broadcast_form import CHANGED_ELSEWHERE
from .content import tell_warnings
from .content_around import base_language, choosable, fallback_words, file_names, other_messages, present
from .content_changes import change
from .content_channels import ChannelsForm
from .content_form import ChoicesForm
from .content_formset import LanguagesFormSet, has_content, languages_formset
from .content_preview import ContentPreviews
from .content_stamps import is_seen, note_own, stamp_of
from .content_tests import ContentTests

SCRIPTS: list[Any] = [
    Script("broadcasts/sms.js", defer=True),
    Script("broadcasts/expressions.js", type="module"),
    Script("broadcasts/unsaved.js", defer=True),
    Script("broadcasts/only_for.js", defer=True),
    Script("broadcasts/content.js", type="module"),
]
MEDIA = forms.Media(js=SCRIPTS, css={"all": ["broadcasts/content.css"]})
PLACE = re.compile(r"\b\d+\.translations\.")  # before what is wrong with the messages of a broadcast
KNOWN = re.compile(r" known: [^:]*$")  # names that could stand there instead, which are told at the field
MOST_SHOWN = 20  # errors above the page
THEIRS = "theirs"  # asks for what is stored, whatever was typed


@dataclass
class ContentForms:
    """What stands on the page: what is equal in all languages, each language, and how the broadcast uses channels."""

    choices: ChoicesForm
    formset: LanguagesFormSet
    channels: ChannelsForm | None = None  # of a message

    def are_valid(self) -> bool:
        """Check all of them, so that each tells what is wrong."""
        are = [self.choices.is_valid(), self.formset.is_valid()]
        return all([*are, self.channels is None or not self.channels.is_bound or self.channels.is_valid()])

    def have_changed(self) -> bool:
        """Whether anything differs from what is stored; asked of valid forms."""
        is_other = self.choices.has_changed() or self.formset.has_changed()
        return is_other or (self.channels is not None and bool(self.channels.values()))

    def faults(self) -> list[str]:
        """Return all that is wrong in them, in words."""
        named = [(form.language_name, form.errors) for form in self.formset.languages]
        named += [("", form.errors) for form in (self.choices, self.channels) if form is not None]
        told = [str(words) for words in self.formset.non_form_errors()]
        for where, errors in named:
            for name, found in errors.items():
                place = ", ".join(filter(None, [where, "" if name == "__all__" else name.replace("_", " ")]))
                told += [f"{place}: {words}" if place else str(words) for words in found]
        return told


@dataclass
class Attempt:
    """What became of a try to store the page: it is stored, or not, with what is wrong in the draft as a whole."""

    is_stored: bool = False
    is_conflict: bool = False
    why_not: list[str] = field(default_factory=list)

    def words(self, shown: ContentForms) -> list[str]:
        """Return why it is not stored."""
        if self.is_conflict:
            return [CHANGED_ELSEWHERE]
        return [KNOWN.sub("", words) for words in (*self.why_not, *shown.faults())][:MOST_SHOWN]


class ContentPage(ContentTests, ContentPreviews):
    """The content page; for the admins of messages and templates.

    A button named `_step` changes the form without saving it; `_then` with the value `test` saves it and sends tests.
    """

    def get_urls(self) -> list:
        name = self.opts.model_name

        def page(suffix: str, view: Callable[..., HttpResponse], what: str) -> Any:
            return path(
                f"<int:pk>/content/{suffix}", self.admin_site.admin_view(view), name=f"broadcasts_{name}_{what}"
            )

        return [
            page("", self.content_view, "content"),
            page("render/", self.render_view, "render"),
            page("people/", self.people_view, "people"),
            page("shown/<str:key>/", self.shown_view, "shown"),
            *super().get_urls(),
        ]

    def content_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the page; with POST save it, or change the form by one step."""
        owner = self._owner(request, pk)
        with timezone.override(rendering.organization_of(owner).zone):
            if request.method != "POST":
                return self.opened(request, owner)
            if not self.has_change_permission(request, owner):
                return self.too_late(request, owner)
            return self.posted(request, owner)

    def opened(self, request: HttpRequest, owner: Any) -> HttpResponse:
        return self.shown_page(request, owner, self.forms(request, owner, None))

    def posted(self, request: HttpRequest, owner: Any) -> HttpResponse:
        return self.stepped(request, owner) if request.POST.get("_step") else self.saved(request, owner)

    def too_late(self, request: HttpRequest, owner: Any) -> HttpResponse:
        """Answer a form of what can no longer be changed; a test of it can be sent."""
        if request.POST.get("_then") == "test":
            self.send_tests(request, owner)
        else:
            messages.error(request, f"Nothing was saved: {self.why_locked(owner)}")
        return HttpResponseRedirect(request.path)

    def why_locked(self, owner: Any) -> str:
        """Return why the content cannot be changed any more."""
        return f"“{owner}” can no longer be changed."

    def render_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Render the form as it is typed for one person, as JSON; nothing is saved."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        owner = self._owner(request, pk)
        shown = self.forms(request, owner, request.POST, is_shown=THEIRS in request.POST)
        return self.preview_of(request, owner, shown.formset)

    def _owner(self, request: HttpRequest, pk: int) -> Any:
        """Return the row, or 404; 403 for who may not write, since previews show what contacts are like."""
        owner = self.get_object(request, str(pk))
        if owner is None or (isinstance(owner, Template) and owner.channel_id):
            raise Http404
        if not self.may(request, "write", owner):  # type: ignore[attr-defined]
            raise PermissionDenied
        prefetch_related_objects([owner], "translations")
        return owner

    def forms(self, request: HttpRequest, owner: Any, data: Any, *, is_shown: bool = False) -> ContentForms:
        """Return the forms of the page; `is_shown`: only to look at."""
        may_change = not is_shown and self.has_change_permission(request, owner)
        choices = ChoicesForm(data, owner, may_change=may_change)
        begins = None if has_content(owner) else [{"language": base_language(owner), "format": "blocks"}]
        formset = languages_formset(owner)(data, instance=owner, choices=choices, may_change=may_change, initial=begins)
        return ContentForms(choices, formset)

    def stepped(self, request: HttpRequest, owner: Any) -> HttpResponse:
        """Show the form again as a button changed it."""
        data: QueryDict = request.POST
        try:
            data, told = change(data, self.forms(request, owner, data).formset, owner)
            if told:
                messages.info(request, told)
        except InvalidInput as error:
            for words in error.errors.values():
                messages.error(request, words)
        return self.shown_page(request, owner, self.forms(request, owner, data), is_unsaved=True)

    def saved(self, request: HttpRequest, owner: Any) -> HttpResponse:
        """Save the form, and say so; where that fails, show it again with what is wrong."""
        shown = self.forms(request, owner, request.POST)
        try:
            outcome = self.attempt(request, owner, shown)
        except WrongState as error:
            messages.error(request, f"Nothing was saved: {error}")
            return HttpResponseRedirect(request.path)
        if not outcome.is_stored:
            return self.shown_page(request, owner, shown, outcome=outcome, is_unsaved=True)
        fresh: Any = self.get_object(request, str(owner.pk))
        tell_warnings(request, rendering.warnings_of(fresh))
        if request.POST.get("_then") == "test":
            messages.success(request, "Saved.")
            self.send_tests(request, fresh)
            return HttpResponseRedirect(request.path)
        messages.success(request, f"The content of “{owner}” was saved.")
        return HttpResponseRedirect(self.goal(request, owner))

    def goal(self, request: HttpRequest, owner: Any) -> str:
        """Return the address where a button leads that saves."""
        return self.back(owner) if "_back" in request.POST else request.path

    def attempt(self, request: HttpRequest, owner: Any, shown: ContentForms) -> Attempt:
        """Store the forms unless they are not valid, or somebody changed the same since the page was opened.

        Raises WrongState if it can no longer be changed.
        """
        is_over = "over" in request.POST
        if not is_over and not is_seen(request, owner):
            return Attempt(is_conflict=True)
        if not shown.are_valid():
            return Attempt()
        try:
            with transaction.atomic():
                stored = self.held(owner)
                if not is_over and (not is_seen(request, stored) or self.is_overtaken(shown, stored)):
                    return Attempt(is_conflict=True)
                self.save_content(request, owner, shown)
                note_own(request, self.fresh(owner))
        except InvalidInput as error:
            return Attempt(why_not=[PLACE.sub("", words) for words in error.errors.values()])
        return Attempt(is_stored=True)

    def fresh(self, owner: Any) -> Any:
        """Return the row as it is stored now, with its content."""
        return type(owner).objects.prefetch_related("translations").get(pk=owner.pk)

    def held(self, owner: Any) -> Any:
        """Return the row as it is stored now, and let nobody else change its content; raises WrongState."""
        type(owner).objects.select_for_update().get(pk=owner.pk)
        return self.fresh(owner)

    def is_overtaken(self, shown: ContentForms, stored: Any) -> bool:
        """Whether somebody else changed what is changed beside the content."""
        return False

    def save_content(self, request: HttpRequest, owner: Any, shown: ContentForms) -> None:
        """Store what stands in valid forms."""
        raise NotImplementedError

    def back(self, owner: Any) -> str:
        """Return the address of the page that this one belongs to."""
        return self.change_url(owner.pk)  # type: ignore[attr-defined]

    # What the page shows.

    def shown_page(
        self,
        request: HttpRequest,
        owner: Any,
        shown: ContentForms,
        *,
        outcome: Attempt | None = None,
        is_unsaved: bool = False,
        **context: Any,
    ) -> HttpResponse:
        """Return the page, drawn by a `template` of `content/`; the context is added to what it shows."""
        formset = shown.formset
        may_change = formset.may_change
        asked = request.POST
        own = {
            **self.admin_site.each_context(request),
            **self._around(owner, formset, may_change=may_change),
            "opts": self.opts,
            "media": self.media + formset.media + MEDIA,
            "choices": shown.choices,
            "may_change": may_change,
            "seen": asked.get("seen", stamp_of(owner)),
            "is_unsaved": is_unsaved,
            "is_checked": outcome is not None,
            "faults": outcome.words(shown) if outcome else [],
            "tests": self.tests_form(request, owner, present(formset)),
            "chosen": asked,
            "pressed": asked.get("_step", ""),
            "then": asked.get("_then", ""),
        }
        return TemplateResponse(
            request, f"admin/broadcasts/content/{context.pop('template', 'page')}.html", own | context
        )

    def _around(self, owner: Any, formset: LanguagesFormSet, *, may_change: bool) -> dict[str, Any]:
        """Return what the page shows that does not depend on who asks."""
        organization, message = rendering.organization_of(owner), formset.message
        return {
            "title": f"Content: {owner}",
            "owner": owner,
            "organization": organization,
            "broadcast": None if isinstance(owner, Template) else owner.broadcast,
            "back": self.back(owner),
            "formset": formset,
            "languages": list(formset.languages),
            "message": message,
            "medium": Medium(message.medium),
            "is_mail": message.medium == Medium.EMAIL,
            "takeable": other_messages(owner) if may_change and isinstance(owner, Message) else [],
            "choosable": choosable(organization, [form.shown_language for form in formset.languages]),
            "fallback": fallback_words(owner, organization),
            "files": file_names(organization, formset),
            "addresses": {
                what: reverse(f"admin:broadcasts_{self.opts.model_name}_{what}", args=[owner.pk])
                for what in ("render", "people")
            },
        }


class TemplateContentPage(ContentPage):
    """The content page of a template."""

    def save_content(self, request: HttpRequest, owner: Template, shown: ContentForms) -> None:
        for name in ("layout", "syntax"):
            setattr(owner, name, shown.choices.cleaned_data[name])
        owner.save(update_fields=["layout", "syntax", "modified"])
        shown.formset.store()
        self.log_change(request, owner, "Changed the content.")
