"""Form fields for languages, chosen by name from one list; any other valid tag (BCP 47) can be typed."""

from functools import cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from broadcasts.languages import LANGUAGES, read_language, written_language

HELP = "Type the beginning of its name, or any BCP 47 tag, such as es or pt-BR."
MORE = 3  # empty lines below the languages that are chosen
LINE = {"size": 30, "autocomplete": "off", "spellcheck": "false"}  # attributes of a line for one language


@cache
def _options() -> SafeString:
    return format_html_join("", '<option value="{}"></option>', ((one.label,) for one in LANGUAGES))


def _datalist(id: str) -> SafeString:
    return format_html('<datalist id="{}">{}</datalist>', id, _options())


class LanguageInput(forms.TextInput):
    """A line that offers languages by their names; it needs no script."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({**LINE, **(attrs or {})})

    def format_value(self, value: Any) -> str | None:
        return written_language(value) if isinstance(value, str) else super().format_value(value)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        id = f"{(attrs or {}).get('id') or name}_languages"
        shown = super().render(name, value, {**(attrs or {}), "list": id}, renderer)
        return format_html("{}{}", shown, _datalist(id))


class LanguageField(forms.CharField):
    """A language; its value is a normalized tag."""

    widget = LanguageInput

    def to_python(self, value: Any) -> str:
        return read_language(super().to_python(value) or "")

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {}  # a name may be longer than a tag


class LanguagesInput(forms.Widget):
    """One line for each language, and some more."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        id, given = (attrs or {}).get("id") or name, [*(value or []), *[""] * MORE]
        lines, line = [], forms.TextInput(LINE)
        for place, tag in enumerate(given):
            own = {"id": f"{id}_{place}" if place else id, "list": f"{id}_languages"}
            label = {"aria-label": f"Language {place + 1}"} if place else {}
            lines.append((line.render(name, written_language(tag), {**own, **label}, renderer),))
        shown = format_html_join("", "<div>{}</div>", lines)
        return format_html('<div class="languages">{}{}</div>', shown, _datalist(f"{id}_languages"))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return data.getlist(name) if hasattr(data, "getlist") else data.get(name) or []


class LanguagesField(forms.Field):
    """An ordered list of languages; its value is a list of normalized tags, each once."""

    widget = LanguagesInput

    def to_python(self, value: Any) -> list[str]:
        read, wrong = [], []
        for text in value or []:
            try:
                read.append(read_language(str(text)))
            except ValidationError as error:
                wrong += error.messages
        if wrong:
            raise ValidationError(wrong)
        return list(dict.fromkeys(filter(None, read)))
