"""Test sends from the content page, of a message or of a template."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from broadcasts import rendering, sending
from broadcasts.exceptions import BroadcastsError
from broadcasts.languages import language_name
from broadcasts.models import Message, MessageTranslation, Template

from .access import Access
from .content_form import ChoicesForm
from .content_preview import somebody


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


class ContentTests(admin.ModelAdmin):
    """Sends tests of what is stored; for the admins of messages and templates."""

    def tests_form(
        self, request: HttpRequest, owner: Message | Template, languages: Sequence[str], data: Any = None
    ) -> TestsForm:
        may_send = self.may(request, "send", owner)  # type: ignore[attr-defined]
        return TestsForm(data, languages=languages, user=request.user, may_send=may_send)

    def send_tests(self, request: HttpRequest, owner: Message | Template) -> None:
        """Send the tests that a form asks for, and tell what became of each."""
        form = self.tests_form(request, owner, [one.language for one in owner.translations.all()], request.POST)
        if not form.is_valid():
            for faults in form.errors.values():
                messages.error(request, f"No test was sent: {' '.join(map(str, faults))}")
            return
        person, _ = somebody(rendering.organization_of(owner), request.POST.get("person", ""))
        addresses, languages = form.cleaned_data["test_addresses"], form.cleaned_data["test_languages"]
        asked: dict[str, Any] = {"by": Access.of(request).user, "languages": languages, "person": person}
        try:
            if isinstance(owner, Template):
                tried = sending.send_template_test(*said_by(owner), addresses, **asked)
            else:
                tried = sending.send_test(owner.broadcast, addresses, message=owner, **asked)
        except BroadcastsError as error:
            messages.error(request, f"No test was sent: {error}")
            return
        for address, error_words in tried:
            if error_words:
                messages.error(request, error_words)
            else:
                messages.success(request, f"A test was sent to {address}.")


def said_by(template: Template) -> tuple[Message, list[MessageTranslation]]:
    """Return what a template says as a message, not saved, that is named like it."""
    message = ChoicesForm(None, template, may_change=False).message()
    message.broadcast.name = template.name
    languages = [
        MessageTranslation(message=message, language=one.language, tag=one.tag, **one.content())
        for one in template.translations.all()
    ]
    return message, languages
