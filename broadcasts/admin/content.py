"""Content in several languages, checked where it was typed; shared by templates, messages and broadcasts."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.forms.widgets import Script
from django.http import HttpRequest
from django.urls import reverse, reverse_lazy
from django.utils.functional import cached_property, lazy
from django.utils.html import format_html

from broadcasts import drafting, rendering
from broadcasts.database import as_id
from broadcasts.exceptions import InvalidInput
from broadcasts.json_field import JsonFormField
from broadcasts.models import Broadcast, Channel, Medium, Message, Template
from broadcasts.rendering.budget import Exceeded

from .language_field import HELP as LANGUAGE_HELP
from .language_field import LanguageField, LanguageInput

MOST_TOLD = 5
MOST_READ = 2_000  # characters of a text that cannot be changed
ELSEWHERE = "The content page shows all of it."
format_html_lazy = lazy(format_html, str)

# Of fields that may hold merge fields.
CHECKS = {
    "data-expressions": reverse_lazy("admin:expressions-check"),
    "data-fields": reverse_lazy("admin:broadcasts-fields"),
}
JSON_CHECKS = {**CHECKS, "data-json": "parameters"}  # of fields whose JSON has texts that may
CODE = {"class": "vLargeTextField code", "spellcheck": "false"}
SYNTAX_HELP = format_html_lazy(
    'How names and functions are written below. <a href="{}" target="_blank">Liquid and expressions side by side</a>',
    reverse_lazy("admin:syntax"),
)
CHECKED = ("subject", "preheader", "text", "html")


class ParametersField(JsonFormField):
    def to_python(self, value: Any) -> Any:
        read = super().to_python(value)
        if read is not None and not isinstance(read, dict):
            raise ValidationError("Give an object in braces, such as {}.")
        return read or {}


class ContentForm(forms.ModelForm):
    """One language of some content; its formset tells it the syntax, and who checks it."""

    class Media:
        css = {"all": ["broadcasts/editors.css"]}
        js = [Script("broadcasts/sms.js", defer=True), Script("broadcasts/expressions.js", type="module")]

    class Meta:
        fields = ("language", "subject", "preheader", "text", "html")  # a formset adds to a list that it finds here
        widgets = {
            "language": LanguageInput(),
            "subject": forms.TextInput(attrs={"class": "vLargeTextField", **CHECKS}),
            "preheader": forms.TextInput(attrs={"class": "vLargeTextField", **CHECKS}),
            "text": forms.Textarea(
                attrs={
                    "rows": 10,
                    "class": "vLargeTextField",
                    "data-sms-count": reverse_lazy("admin:sms-count"),
                    **CHECKS,
                }
            ),
            "html": forms.Textarea(
                attrs={"rows": 10, "class": "vLargeTextField code", "spellcheck": "false", **CHECKS}
            ),
            "parameters": forms.Textarea(attrs={**CODE, **JSON_CHECKS, "rows": 5}),
        }
        help_texts = {
            "language": LANGUAGE_HELP,
            "preheader": "What mail programs show beside the subject.",
            "text": "Such as: Hello {{ contact.name }}. In expressions: Hello @contact.name.",
            "html": "Optional; the text is always sent too.",
            "parameters": 'What fills the template of a provider: {"body": ["{{ contact.name }}", "Monday"]}; also '
            "header, buttons, location and flow. Webhooks get it whole.",
        }
        field_classes: ClassVar = {"language": LanguageField, "parameters": ParametersField}

    checker: rendering.Checker | None = None
    syntax = "liquid"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "html" in self.fields and self.instance.is_designed:
            self.fields["html"].disabled = True
            self.fields["html"].widget.attrs.pop("data-expressions", None)
            self.fields["html"].help_text = f"Made from {self.instance.get_format_display()}; see the content page."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.checker is None or cleaned.get("DELETE"):
            return cleaned
        try:
            self.checker.check(self.syntax, {name: cleaned.get(name) or "" for name in CHECKED})
        except InvalidInput as error:
            for name, message in error.errors.items():
                self.add_error(name if name in self.fields else None, ValidationError(message))
        return cleaned

    def check_fit(self, message: Message) -> None:
        """Add what of the language does not fit a message's channel and its provider's template."""
        errors = rendering.misfits(message, self.instance)
        try:
            texts = rendering.extra_texts(message, self.instance)
            if self.checker is not None:
                self.checker.check(self.syntax, texts)
        except InvalidInput as error:
            errors |= error.errors
        for path, text in errors.items():
            name = path.partition("[")[0]
            self.add_error(name if name in self.fields else None, ValidationError(f"{path}: {text}"))

    def has_changed(self) -> bool:
        """A new language counts as filled in only if it has content."""
        return bool(set(self.changed_data) - (set() if self.instance.pk else {"language"}))

    def tag(self) -> str:
        """Return the language as it was given, as a tag."""
        if "language" not in self.changed_data and self.instance.pk:
            return self.instance.tag
        typed, read = self.data.get(self.add_prefix("language"), "").strip(), self.cleaned_data["language"]
        return typed[:35] if typed.replace("_", "-").casefold() == read.casefold() else read

    def save(self, commit: bool = True) -> Any:
        self.instance.tag = self.tag()
        return super().save(commit)


class ContentFormSet(BaseInlineFormSet):
    """Languages in the order in which they stand."""

    checker: rendering.Checker | None = None

    def owner(self) -> tuple[Any, str]:
        """Return the organization and the syntax that the content is checked against."""
        raise NotImplementedError

    def written(self) -> Message | None:
        """Return the message whose content this is, as it is chosen in the form; None for a template."""
        return None

    def clean(self) -> None:
        super().clean()
        if any(self.errors) or not (message := self.written()):
            return
        for form in self._said():
            form.check_fit(message)

    def _said(self) -> list[Any]:
        kept: list[Any] = [form for form in self.forms if form not in self.deleted_forms]
        return [form for form in kept if form.instance.pk or form.has_changed()]

    @property
    def content_url(self) -> str:
        """The address of the content page; "" for what is not stored yet."""
        return (
            reverse(f"admin:broadcasts_{self.instance._meta.model_name}_content", args=[self.instance.pk])
            if self.instance.pk
            else ""
        )

    def contents(self) -> dict[str, dict[str, Any]]:
        """Return {language as it was given: content} of what stands in a valid formset, as `drafting.save` takes it."""
        return {form.tag() or form.instance.language: form.instance.content() for form in self._said()}

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        organization, syntax = self.owner()
        for field in form.fields.values() if organization else ():
            if "data-expressions" in field.widget.attrs:
                field.widget.attrs["data-organization"] = organization.pk
        if self.is_bound:
            form.syntax = syntax
            # One for all languages, since what all of them take to be checked is limited.
            self.checker = form.checker = self.checker or rendering.Checker(organization)
        form.instance.position = i
        return form


class ReadableContent(admin.options.InlineModelAdmin):
    """Shows content that cannot be changed as its words; goes before the class of an inline."""

    @cached_property
    def budget(self) -> rendering.Budget:
        """One for all languages of a page: inlines are made for each request."""
        return rendering.Budget()

    def written_fields(self, obj: Any) -> list[str]:
        """Return the fields of content that can be changed."""
        raise NotImplementedError

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = self.written_fields(obj)
        if obj is None or self.has_change_permission(request, obj):
            return fields
        return [*(name for name in fields if name not in ("text", "html")), "words"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "words"]

    @admin.display(description="text")
    def words(self, row: Any) -> str:
        """Return the beginning of the text; where the HTML alone is written, that of the text that is made of it."""
        text = row.text
        try:
            text = text or rendering.html_to_text(row.html, self.budget)
        except Exceeded:
            return ELSEWHERE
        return text if len(text) <= MOST_READ else f"{text[:MOST_READ].rstrip()}…\n\n{ELSEWHERE}"


def chosen_message(data: Mapping[str, Any], broadcast: Broadcast, parameters: dict[str, Any]) -> Message:
    """Return a message, not saved, with the channel and the template that a posted form chooses."""
    organization = broadcast.organization

    def chosen(model: Any) -> Any:
        pk = as_id(data.get(model._meta.model_name, ""))
        return model.objects.for_organization(organization).filter(pk=pk).first() if pk else None

    template = chosen(Template)
    channel = chosen(Channel) or drafting.default_channel(organization, template)
    return Message(broadcast=broadcast, channel=channel, template=template, parameters=parameters)


def tell_warnings(request: HttpRequest, told: Iterable[str]) -> None:
    """Tell of saved content which of its expressions are empty, and why; it is saved all the same."""
    for words in islice(told, MOST_TOLD):
        messages.warning(request, f"Saved, with a wrong expression in {words}")


def with_syntax_help(field: Any, name: str) -> Any:
    if name == "syntax" and field is not None:
        field.help_text = SYNTAX_HELP
    return field


def content_fields(medium: str) -> list[str]:
    """Return the fields that content on a medium has in a form: parameters where a provider may store the template."""
    return [*ContentForm.Meta.fields, *([] if medium == Medium.EMAIL else ["parameters"])]
