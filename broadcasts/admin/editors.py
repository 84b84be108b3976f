"""The fields that content is edited in: blocks, source, slots and style; scripts show them, text areas hold them."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.forms.widgets import Script
from django.urls import reverse
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString

from broadcasts import designing
from broadcasts.designing import Slot, slots, styles
from broadcasts.json_field import JsonFormField

from .library import LIBRARY

COLOURS = {
    "background": "Page",
    "body": "Behind the words",
    "text": "Words",
    "heading": "Headings",
    "quiet": "Small print",
    "link": "Links",
    "button": "Buttons",
    "button_text": "Words of buttons",
    "divider": "Lines",
    "panel": "Panels",
}
STYLES = {"all": ["broadcasts/editors.css"]}


def script(name: str) -> Script:
    return Script(f"broadcasts/{name}.js", type="module")


class EditorWidget(forms.Textarea):
    """A text area that a script turns into an editor; without scripts it is edited as it is.

    Its attributes `data-organization` and `data-syntax` count where the form has no such field.
    """

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 12, "class": "vLargeTextField code", "spellcheck": "false", **(attrs or {})})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"].setdefault("data-fields", reverse("admin:broadcasts-fields"))
        return context


class BlocksWidget(EditorWidget):
    """Blocks. `has_slots`: they may be named as slots; `data-fixed`: only the words of the slots may be written."""

    class Media:
        css = STYLES
        js = [LIBRARY, script("blocks")]

    def __init__(self, attrs: dict[str, Any] | None = None, *, has_slots: bool = False) -> None:
        super().__init__({"data-blocks": "", **({"data-slot-names": ""} if has_slots else {}), **(attrs or {})})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"]["data-pictures"] = reverse("admin:broadcasts_media_pick")
        return context

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """Write the kinds of blocks beside the text area, where the script reads them."""
        area = super().render(name, value, attrs, renderer)
        return format_html("{}{}", area, json_script(vocabulary(), f"{(attrs or {}).get('id', name)}_vocabulary"))


def vocabulary() -> list[dict[str, Any]]:
    """Return the kinds of blocks for the script; `slot` names the fields that may be written where it is a slot."""
    return [{**one, "slot": slots.FIELDS.get(one["type"])} for one in designing.vocabulary()]


class SourceWidget(EditorWidget):
    """The source of MJML, Markdown or HTML, with highlighting and errors at their lines."""

    class Media:
        css = STYLES
        js = [script("source")]

    def __init__(self, language: str, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"data-source": language, **(attrs or {})})


class SlotsWidget(EditorWidget):
    """The words of slots, {name: words}, which `data-slots` lists as {name, label, kind, default}."""

    class Media:
        css = STYLES
        js = [script("slots")]

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"data-slots": "[]", **(attrs or {})})


class StyleWidget(EditorWidget):
    """The style of a layout: colours, font and width."""

    class Media:
        css = STYLES
        js = [script("layout_style")]

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"data-style": json.dumps(style_fields()), **(attrs or {})})


def style_fields() -> list[dict[str, Any]]:
    """Return the fields of a style for the script: {name, label, kind, default} and choices or limits."""
    colours = [
        {"name": f"{prefix}{name}", "label": COLOURS[name], "kind": "colour", "default": default}
        for prefix, colours in (("", styles.LIGHT), ("dark_", styles.DARK))
        for name, default in colours.items()
    ]
    fonts = [[name, name.capitalize()] for name in styles.FONTS]
    widths = {"min": styles.LEAST_WIDTH, "max": styles.MOST_WIDTH, "default": styles.MOST_WIDTH}
    return [
        {"name": "font", "label": "Font", "kind": "choice", "choices": fonts},
        {"name": "width", "label": "Width in pixels", "kind": "number", **widths},
        {"name": "radius", "label": "Round corners, pixels", "kind": "number", "min": 0, "max": styles.MOST_RADIUS},
        *colours,
    ]


def written_slots(found: Iterable[Slot]) -> str:
    """Return what `data-slots` says of a content's slots."""
    return json.dumps([asdict(one) for one in found])


def written_errors(errors: dict[str, str]) -> str:
    """Return what `data-errors` says of errors by path, such as {"blocks[2].href": "Give an address."}."""
    return json.dumps([{"path": path, "words": words} for path, words in errors.items()])


class _ShapedField(JsonFormField):
    """JSON of one shape; blank is empty."""

    shape: type = list
    wanted = "Give a list in brackets, such as []."

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, **kwargs, "encoder": DjangoJSONEncoder})

    def to_python(self, value: Any) -> Any:
        read = super().to_python(value)
        if read is not None and not isinstance(read, self.shape):
            raise ValidationError(self.wanted)
        return self.shape() if read is None else read


class BlocksField(_ShapedField):
    """Blocks in a form; whoever saves them checks their fields by `designing.design`."""

    widget = BlocksWidget


class SlotsField(_ShapedField):
    shape = dict
    wanted = 'Give an object in braces, such as {"intro": "Welcome"}.'
    widget = SlotsWidget


class StyleField(_ShapedField):
    shape = dict
    wanted = 'Give an object in braces, such as {"link": "#0b57d0"}.'
    widget = StyleWidget
