"""The content page of a message or template: its words in each language, beside a preview; and its test sends."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms.widgets import Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from broadcasts import drafting, rendering, sending
from broadcasts.exceptions import BroadcastsError, InvalidInput, WrongState
from broadcasts.languages import LANGUAGES, language_name
from broadcasts.models import Media, Medium, Message, Template

from .access import Access
from .broadcast_form import CHANGED_ELSEWHERE
from .content import tell_warnings
from .content_changes import change
from .content_form import (
    ChoicesForm,
    LanguageForm,
    LanguagesFormSet,
    has_content,
    languages_formset,
)
from .content_preview import ContentPreviews, somebody

SCRIPTS: list[Any] = [
    Script("broadcasts/sms.js", defer=True),
    Script("broadcasts/expressions.js", type="module"),
    Script("broadcasts/unsaved.js", defer=True),
    Script("broadcasts/content.js", type="module"),
]
PLACE = re.compile(r"\b\d+\.translations\.")  # before what is wrong with the messages of a broadcast
UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_FILES = 500
MOST_SHOWN = 20  # errors above the page


class ContentPage(ContentPreviews):
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
                return self._page(request, owner, *self._forms(request, owner, None))
            if request.POST.get("_then") == "test" and not self.has_change_permission(request, owner):
                self._test(request, owner)
                return HttpResponseRedirect(request.path)
            if not self.has_change_permission(request, owner):
                messages.error(request, f"Nothing was saved: “{owner}” can no longer be changed.")
                return HttpResponseRedirect(request.path)
            return self._step(request, owner) if request.POST.get("_step") else self._save(request, owner)

    def render_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Render the form as it is typed for one person, as JSON; nothing is saved."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        owner = self._owner(request, pk)
        _, formset = self._forms(request, owner, request.POST)
        return self.preview_of(request, owner, formset)

    def _owner(self, request: HttpRequest, pk: int) -> Any:
        """Return the row, or 404; 403 for who may not write, since previews show what contacts are like."""
        owner = self.get_object(request, str(pk))
        if owner is None or (isinstance(owner, Template) and owner.channel_id):
            raise Http404
        if not self.may(request, "write", owner):  # type: ignore[attr-defined]
            raise PermissionDenied
        return owner

    def _forms(self, request: HttpRequest, owner: Any, data: Any) -> tuple[ChoicesForm, LanguagesFormSet]:
        may_change = self.has_change_permission(request, owner)
        choices = ChoicesForm(data, owner, may_change=may_change)
        first = base_language(owner)
        formset = languages_formset(owner)(
            data,
            instance=owner,
            choices=choices,
            may_change=may_change,
            initial=[{"language": first, "format": "blocks"}],
        )
        return choices, formset

    def _step(self, request: HttpRequest, owner: Any) -> HttpResponse:
        """Show the form again as a button changed it."""
        _, formset = self._forms(request, owner, request.POST)
        data: QueryDict = request.POST
        try:
            data, told = change(request.POST, formset, owner)
            if told:
                messages.info(request, told)
        except InvalidInput as error:
            for words in error.errors.values():
                messages.error(request, words)
        return self._page(request, owner, *self._forms(request, owner, data), is_unsaved=True)

    def _save(self, request: HttpRequest, owner: Any) -> HttpResponse:
        choices, formset = self._forms(request, owner, request.POST)
        errors: dict[str, str] = {}
        is_valid = choices.is_valid() & formset.is_valid()
        if request.POST.get("seen", stamp_of(owner)) != stamp_of(owner):
            errors = {"": CHANGED_ELSEWHERE}
        elif is_valid:
            try:
                with transaction.atomic():
                    self.save_content(request, owner, choices, formset)
                return self._saved(request, owner)
            except InvalidInput as error:
                errors = error.errors
            except WrongState as error:
                messages.error(request, f"Nothing was saved: {error}")
                return HttpResponseRedirect(request.path)
        return self._page(request, owner, choices, formset, errors=errors, is_unsaved=True, is_checked=True)

    def save_content(self, request: HttpRequest, owner: Any, choices: ChoicesForm, formset: LanguagesFormSet) -> None:
        """Store what stands in valid forms."""
        raise NotImplementedError

    def _saved(self, request: HttpRequest, owner: Any) -> HttpResponse:
        fresh: Any = self.get_object(request, str(owner.pk))
        tell_warnings(request, rendering.warnings_of(fresh))
        if request.POST.get("_then") == "test":
            messages.success(request, "Saved.")
            self._test(request, fresh)
            return HttpResponseRedirect(request.path)
        messages.success(request, f"The content of “{owner}” was saved.")
        return HttpResponseRedirect(self.back(owner) if "_back" in request.POST else request.path)

    def back(self, owner: Any) -> str:
        """Return the address of the page that this one belongs to."""
        return self.change_url(owner.pk)  # type: ignore[attr-defined]

    def _test(self, request: HttpRequest, owner: Any) -> None:
        """Send tests of what is stored, and tell what became of each; a template is sent by a message only."""
        if isinstance(owner, Template):
            raise Http404
        form = self._tests(request, owner, [one.language for one in owner.translations.all()], request.POST)
        if not form.is_valid():
            for faults in form.errors.values():
                messages.error(request, f"No test was sent: {' '.join(map(str, faults))}")
            return
        person, _ = somebody(rendering.organization_of(owner), request.POST.get("person", ""))
        try:
            tried = sending.send_test(
                owner.broadcast,
                form.cleaned_data["test_addresses"],
                by=Access.of(request).user,
                message=owner,
                languages=form.cleaned_data["test_languages"],
                person=person,
            )
        except BroadcastsError as error:
            messages.error(request, f"No test was sent: {error}")
            return
        for address, error_words in tried:
            if error_words:
                messages.error(request, error_words)
            else:
                messages.success(request, f"A test was sent to {address}.")

    def _tests(self, request: HttpRequest, owner: Any, languages: Sequence[str], data: Any = None) -> "TestsForm":
        may_send = self.may(request, "send", owner)  # type: ignore[attr-defined]
        return TestsForm(data, languages=languages, user=request.user, may_send=may_send)

    # What the page shows.

    def _page(
        self,
        request: HttpRequest,
        owner: Any,
        choices: ChoicesForm,
        formset: LanguagesFormSet,
        *,
        errors: dict[str, str] | None = None,
        is_unsaved: bool = False,
        is_checked: bool = False,
    ) -> HttpResponse:
        media = self.media + formset.media + forms.Media(js=SCRIPTS, css={"all": ["broadcasts/content.css"]})
        context = {
            **self.admin_site.each_context(request),
            **self._around(owner, formset, may_change=(may_change := self.has_change_permission(request, owner))),
            "opts": self.opts,
            "media": media,
            "choices": choices,
            "may_change": may_change,
            "seen": request.POST.get("seen", stamp_of(owner)),
            "is_unsaved": is_unsaved,
            "is_checked": is_checked,
            "faults": [PLACE.sub("", words) for words in (errors or {}).values()][:MOST_SHOWN],
            "tests": None if isinstance(owner, Template) else self._tests(request, owner, present(formset)),
            "chosen": request.POST,
            "step": request.POST.get("_step", ""),
            "then": request.POST.get("_then", ""),
        }
        return TemplateResponse(request, "admin/broadcasts/content/page.html", context)

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
            "others": other_messages(owner) if may_change and isinstance(owner, Message) else [],
            "choosable": choosable(organization, [form.shown_language for form in formset.languages]),
            "fallback": fallback_words(owner, organization),
            "files": file_names(organization, formset),
            "addresses": {
                what: reverse(f"admin:broadcasts_{self.opts.model_name}_{what}", args=[owner.pk])
                for what in ("render", "people")
            },
        }


class MessageContentPage(ContentPage):
    """The content page of a message, the first of a broadcast too."""

    def save_content(self, request: HttpRequest, owner: Message, choices: ChoicesForm, formset: Any) -> None:
        spec = {name: choices.cleaned_data[name] for name in ("channel", "template", "layout", "syntax")}
        spec["channel"] = spec["channel"] or drafting.default_channel(owner.broadcast.organization, spec["template"])
        spec |= {"uuid": owner.uuid, "translations": formset.contents()}
        drafting.save(owner.broadcast, {"messages": drafting.among_others(owner, spec)}, by=Access.of(request).user)

    def back(self, owner: Message) -> str:
        return reverse("admin:broadcasts_broadcast_change", args=[owner.broadcast_id])


class TemplateContentPage(ContentPage):
    """The content page of a template."""

    def save_content(self, request: HttpRequest, owner: Template, choices: ChoicesForm, formset: Any) -> None:
        for name in ("layout", "syntax"):
            setattr(owner, name, choices.cleaned_data[name])
        owner.save(update_fields=["layout", "syntax", "modified"])
        formset.save()
        self.log_change(request, owner, "Changed the content.")


class TestsForm(forms.Form):
    """To whom a test goes, and in which languages."""

    __test__ = False  # pytest takes it for tests otherwise

    test_addresses = forms.CharField(
        label="Send a test to",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One per line, at most 10.",
    )
    test_languages = forms.MultipleChoiceField(
        label="In",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: the language of the person.",
    )

    def __init__(self, data: Any, *, languages: Sequence[str], user: Any, may_send: bool) -> None:
        super().__init__(data, initial={"test_addresses": user.email}, auto_id="id_%s")
        offered: Any = self.fields["test_languages"]
        offered.choices = [(tag, language_name(tag)) for tag in languages]
        if not may_send:
            self.fields["test_addresses"].disabled = True
            self.fields["test_addresses"].help_text = "Authors send tests to themselves."

    def clean_test_addresses(self) -> list[str]:
        return [address for address in re.split(r"[\s,;]+", self.cleaned_data["test_addresses"]) if address]


def stamp_of(owner: Message | Template) -> str:
    """Write down which state of the content a page shows."""
    return (owner if isinstance(owner, Template) else owner.broadcast).modified.isoformat()


def present(formset: LanguagesFormSet) -> list[str]:
    return [form.shown_language for form in formset.languages if not form.is_removed]


def file_names(organization: Any, formset: LanguagesFormSet) -> dict[str, str]:
    """Return {uuid: name} of the files that the content names, for the lists of its page."""
    text = json.dumps([[one.attachments, one.parameters] for one in map(LanguageForm.drafted, formset.languages)])
    rows = Media.objects.for_organization(organization).filter(uuid__in=UUIDS.findall(text)[:MOST_FILES])
    return {str(one.uuid): str(one) for one in rows}


def base_language(owner: Message | Template) -> str:
    return (
        rendering.organization_of(owner).primary_language
        if isinstance(owner, Template)
        else owner.broadcast.base_language
    )


def other_messages(owner: Message) -> list[Message]:
    """Return the other messages of the broadcast that say something."""
    rows = owner.broadcast.messages.exclude(pk=owner.pk).select_related("channel").prefetch_related("translations")
    return [one for one in rows if has_content(one)]


def choosable(organization: Any, present: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the languages that can be added: the organization's first, then all that have a name."""
    own = [(tag, language_name(tag)) for tag in organization.languages if tag not in present]
    known = {*present, *organization.languages}
    return {
        "Of your organization": own,
        "All languages": [(one.code, one.label) for one in LANGUAGES if one.code not in known],
    }


def fallback_words(owner: Message | Template, organization: Any) -> str:
    """Return who reads which language, in a sentence or two."""
    defaults = [organization.primary_language]
    if isinstance(owner, Message) and owner.broadcast.base_language not in defaults:
        defaults.append(owner.broadcast.base_language)
    named = ", then ".join(language_name(tag) for tag in defaults)
    return (
        "Each person gets their own language if it is here, else a regional form of it (Spanish for Mexican Spanish), "
        f"else {named}."
    )
