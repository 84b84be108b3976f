"""Templates as Meta lists them, read into a StoredTemplate.

`structure` is JSON that `parameters.py`, `payload.py` and `bubbles.py` read:

    {"header": {"kind": "text", "text": "Hello {{name}}", "parameters": ["name"]},
     "body": {"text": "...", "parameters": ["1", "2"]}, "footer": "...", "named": false,
     "buttons": [{"kind": "url", "text": "Track it", "url": "https://x.example/{{1}}", "parameters": ["1"]}]}
"""

import re
from collections.abc import Mapping
from typing import Any

from ..base import StoredTemplate

FIELDS = "id,name,language,status,category,quality_score,parameter_format,rejected_reason,components"
# Events of callbacks that name a state otherwise than lists do.
STATES = {"REINSTATED": "APPROVED", "UNARCHIVED": "APPROVED", "UNPAUSED": "APPROVED", "FLAGGED": ""}
PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def page(answer: Mapping[str, Any]) -> tuple[list[StoredTemplate], str]:
    """Return the templates of one page, and the cursor of the next; "" after the last."""
    paging = answer.get("paging") or {}
    after = (paging.get("cursors") or {}).get("after") if paging.get("next") else ""
    return [_template(one) for one in answer["data"]], str(after or "")


def status_of(word: object) -> str:
    """Return a template's status; "" for an event that changes none."""
    return STATES.get(str(word), str(word))[:20]


def placeholders(text: str) -> list[str]:
    """Return the names of the parameters in a text, in order and once."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def _template(told: Mapping[str, Any]) -> StoredTemplate:
    quality = told.get("quality_score")
    reason = str(told.get("rejected_reason") or "")
    return StoredTemplate(
        provider_id=str(told["id"]),
        name=str(told["name"]),
        language=str(told["language"]),
        status=status_of(told["status"]),
        category=str(told.get("category") or "")[:20],
        quality=str(quality.get("score") or "")[:20] if isinstance(quality, Mapping) else "",
        reason="" if reason == "NONE" else reason[:255],
        structure=_structure(told),
    )


def _structure(told: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"body": {"text": "", "parameters": []}, "buttons": []}
    for component in told.get("components") or []:
        text = str(component.get("text") or "")
        match str(component.get("type")).upper():
            case "HEADER":
                kind = str(component.get("format") or "TEXT").lower()
                found["header"] = {"kind": kind, "text": text, "parameters": placeholders(text)}
            case "BODY":
                found["body"] = {"text": text, "parameters": placeholders(text)}
            case "FOOTER":
                found["footer"] = text
            case "BUTTONS":
                found["buttons"] = [_button(one) for one in component.get("buttons") or []]
    texts = [found["body"], found.get("header", {})]
    names = [name for text in texts for name in text.get("parameters", [])]
    found["named"] = str(told.get("parameter_format")).upper() == "NAMED" or any(not name.isdigit() for name in names)
    return found


def _button(told: Mapping[str, Any]) -> dict[str, Any]:
    kind, url = str(told.get("type")).lower(), str(told.get("url") or "")
    button: dict[str, Any] = {"kind": kind, "text": str(told.get("text") or "")}
    if url:
        button |= {"url": url, "parameters": placeholders(url)}
    return button
