"""The parameters of a template, between Whautomate's positional texts and ours (docs/whatsapp.md)."""

import json
from collections.abc import Mapping
from typing import Any

from broadcasts.models import Message
from broadcasts.transports.whatsapp.parameters import text_of

MEDIA = ("image", "video", "document")
FALLBACK = "image"  # the header of a template that no sync has read


def ours(given: Mapping[str, Any], structure: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a message, fitted to the template's header and buttons where a sync has read it."""
    found: dict[str, Any] = {}
    if url := given.get("headerMediaUrl"):
        kind = (structure.get("header") or {}).get("kind")
        found["header"] = {kind if kind in MEDIA else FALLBACK: {"link": url}}
    elif texts := given.get("headerTextParameters"):
        found["header"] = {"text": texts[0]}
    if texts := given.get("bodyTextParameters"):
        found["body"] = texts
    places = [place for place, one in enumerate(structure.get("buttons") or []) if _takes_text(one)]
    if texts := given.get("buttonUrlParameters"):
        places += range(len(structure.get("buttons") or []), len(structure.get("buttons") or []) + len(texts))
        found["buttons"] = [{"index": place, "url": text} for place, text in zip(places, texts, strict=False)]
    if place := given.get("locationParameters"):
        found["location"] = dict(place)
    if flow := given.get("flowParameters"):
        found["flow"] = _flow(flow, structure)
    return found


def shown(message: Message | None, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return Whautomate's keys of a message's parameters; `kept` has header texts that WhatsApp has no place for."""
    value = message.parameters if message else {}
    header, flow = value.get("header") or {}, value.get("flow")
    media: Mapping[str, Any] = next((header[kind] for kind in MEDIA if isinstance(header.get(kind), Mapping)), {})
    texts, wrote = listed(header.get("text")), kept.get("headerTextParameters", [])
    return {
        "headerMediaUrl": media.get("link"),
        "headerTextParameters": wrote if wrote[:1] == texts else texts,
        "bodyTextParameters": listed(value.get("body")),
        "buttonUrlParameters": [one["url"] for one in value.get("buttons") or [] if "url" in one],
        "locationParameters": value.get("location"),
        "flowParameters": {"flowToken": flow.get("token", ""), "flowData": _json(flow.get("data"))} if flow else None,
    }


def listed(texts: Any) -> list[str]:
    """Return parameters as a list of texts, also those that have names, and a single one."""
    if isinstance(texts, Mapping | list):
        return [str(text_of(text)) for text in (texts.values() if isinstance(texts, Mapping) else texts)]
    return [texts] if isinstance(texts, str) else []


def _takes_text(button: Mapping[str, Any]) -> bool:
    return button["kind"] == "url" and bool(button.get("parameters"))


def _flow(flow: Mapping[str, Any], structure: Mapping[str, Any]) -> dict[str, Any]:
    buttons = structure.get("buttons") or []
    index = next((place for place, one in enumerate(buttons) if one["kind"] == "flow"), 0)
    found = {"index": index, "token": flow.get("flowToken"), "data": _json(flow.get("flowData"))}
    return {name: value for name, value in found.items() if value not in (None, "")}


def _json(data: Any) -> str:
    if data is None:
        return ""
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
