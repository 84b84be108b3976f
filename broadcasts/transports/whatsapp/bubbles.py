"""What a person sees on the phone: an envelope, laid over the texts of its template."""

from collections.abc import Mapping
from typing import Any

from ..base import Bubble, Envelope
from .parameters import MEDIA, header_kind, index_of, text_of, values
from .payload import media_kind, one_line, reply_title
from .templates import PLACEHOLDER


def bubble(envelope: Envelope, structure: Mapping[str, Any]) -> Bubble:
    if envelope.template is None:
        return _free(envelope)
    given = envelope.template.components
    header, kind = structure.get("header") or {}, header_kind(given)
    content: Any = (given.get("header") or {}).get(kind)
    place: Mapping[str, Any] = given.get("location") or {}
    shown = Bubble(
        kind=kind or header.get("kind", ""),
        body=_filled((structure.get("body") or {}).get("text", ""), given.get("body") or []),
        footer=structure.get("footer", ""),
        buttons=[_button(index, one, given) for index, one in enumerate(structure.get("buttons") or [])],
    )
    if kind == "location":
        shown.header = ", ".join(
            str(place[name]) for name in ("name", "address", "latitude", "longitude") if name in place
        )
    elif kind in MEDIA:
        shown.link, shown.header = str(content.get("link", "")), str(content.get("filename", ""))
    elif header.get("kind") == "text":
        text = content if isinstance(content, Mapping) else [content] if content is not None else []
        shown.header = _filled(header["text"], text)
    return shown


def _filled(text: str, given: Any) -> str:
    """Fill the parameters in; those that are not given stay as they stand in the template."""
    known = {name: one_line(text_of(value)) for name, value in values(given)}
    return PLACEHOLDER.sub(lambda found: known.get(found[1]) or found[0], text)


def _button(index: int, button: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[str, str]:
    """Return (words, what it does)."""
    for place, one in enumerate(given.get("buttons") or []):
        if index_of(one, place) == index:
            told = one.get("code") or one.get("payload") or ""
            return button["text"], _filled(button["url"], [one["url"]]) if "url" in one and "url" in button else str(
                told
            )
    return button["text"], button.get("url", "")


def _free(envelope: Envelope) -> Bubble:
    shown = Bubble(body=envelope.text.strip())
    for file in envelope.media[:1]:
        shown.kind, shown.link, shown.header = media_kind(file.content_type), file.url, file.name
    shown.buttons = [(reply_title(one), "") for one in envelope.quick_replies]
    return shown
