"""The form of an organization, with its answers to STOP, START and HELP in each of its languages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from broadcasts.languages import normalize_language
from broadcasts.models import Keyword, Medium, Organization, answer_fault
from broadcasts.receiving import default_answer

from .content import Script
from .language_field import LanguagesField
from .quiet_hours import QuietHoursForm

PREFIX = "answer_"


class AnswerWidget(forms.MultiWidget):
    """One text area per language, each empty one with our own answer in it."""

    use_fieldset = True

    def __init__(self, keyword: str, languages: list[str], organization: Organization) -> None:
        self.languages = languages
        areas: dict[str, Any] = {}
        for language in languages:
            attrs = {
                "rows": 2,
                "class": "vLargeTextField",
                "placeholder": default_answer(keyword, language),
                "aria-label": f"Answer to {keyword.upper()}, {language}",
                "data-sms-count": reverse_lazy("admin:sms-count"),
                "data-medium": Medium.SMS,
                "data-organization": organization.pk or "",
            }
            areas[language] = forms.Textarea(attrs=attrs)
        super().__init__(areas)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        areas = self.get_context(name, value, attrs)["widget"]["subwidgets"]
        shown = [self._render(area["template_name"], {"widget": area}, renderer) for area in areas]  # type: ignore[attr-defined]
        rows = format_html_join("", '<div class="answer">{}<br>{}</div>', zip(self.languages, shown, strict=True))
        return format_html('<div class="answers">{}</div>', rows)

    def decompress(self, value: Any) -> list[str]:
        return [(value or {}).get(language, "") for language in self.languages]


class AnswerField(forms.MultiValueField):
    """The answers to one keyword: {language: text}, without those that are ours."""

    def __init__(self, keyword: str, languages: list[str], organization: Organization) -> None:
        self.keyword, self.languages, self.organization = keyword, languages, organization
        super().__init__(
            [forms.CharField(max_length=1000, required=False) for _ in languages],
            label=keyword.upper(),
            widget=AnswerWidget(keyword, languages, organization),
            required=False,
            require_all_fields=False,
        )

    def compress(self, data_list: list[str]) -> dict[str, str]:
        return {language: text for language, text in zip(self.languages, data_list, strict=False) if text}

    def validate(self, value: dict[str, str]) -> None:
        faults = {language: answer_fault(self.keyword, text, self.organization) for language, text in value.items()}
        if found := [f"{language}: {fault}" for language, fault in faults.items() if fault]:
            raise ValidationError(found)


class _AnswersForm(QuietHoursForm):
    languages = LanguagesField(help_text="The primary one first: what people without a language of their own get.")

    class Media:
        js = [Script("broadcasts/sms.js", defer=True)]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not set(ANSWER_FIELDS) <= set(self.fields):
            return  # they are only shown
        texts = self.instance.answer_texts
        for keyword in Keyword.values:
            languages = list(dict.fromkeys([*self._languages(), *texts.get(keyword, {})]))
            self.fields[PREFIX + keyword] = AnswerField(keyword, languages, self.instance)
            self.initial[PREFIX + keyword] = texts.get(keyword)

    def _languages(self) -> list[str]:
        return [normalize_language(tag) for tag in self.instance.languages]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if set(ANSWER_FIELDS) <= set(self.fields):
            found = {keyword: cleaned.get(PREFIX + keyword) for keyword in Keyword.values}
            self.instance.answer_texts = {keyword: texts for keyword, texts in found.items() if texts}
        return cleaned


ANSWER_FIELDS = [PREFIX + keyword for keyword in Keyword.values]
SettingsForm = type("SettingsForm", (_AnswersForm,), {name: forms.CharField(required=False) for name in ANSWER_FIELDS})
