"""Reading what a gateway says: values by their path, and the items of a callback."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ..callbacks import CallbackRequest

CALLBACK_KEYS = ("each", "id", "status", "code", "at", "key")
REPLY_KEYS = ("each", "from", "text", "id", "at", "answers")


def at(document: Any, path: str) -> Any:
    """Return the value at a path such as `messages.0.id`; None if there is none."""
    for step in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and step.isascii():
            document = next(iter(document[int(step) : int(step) + 1]), None)
        else:
            return None
    return document


def written(value: Any) -> str:
    """Return a scalar as JSON writes it, a text as it is."""
    return value if isinstance(value, str) else json.dumps(value)


def text_at(document: Any, path: str) -> str:
    value = at(document, path) if path else None
    return "" if value is None or isinstance(value, Mapping | list) else written(value)


def document_of(request: CallbackRequest) -> Any:
    """Return what a callback says: its JSON, or its form, with the parameters of its address; raises ValueError."""
    asked = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    body = request.body.strip()
    if "json" in request.headers.get("content-type", "") or body[:1] in (b"{", b"["):
        told = json.loads(body)
        return {**asked, **told} if isinstance(told, Mapping) else told
    return {**asked, **dict(parse_qsl(body.decode(), keep_blank_values=True))}


def items(document: Any, each: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects that a callback tells of: those of the list at `each`, or the whole."""
    found = at(document, each) if each else document
    for item in found if isinstance(found, list) else [found]:
        if isinstance(item, Mapping):
            yield item


def moment_at(item: Any, path: str) -> datetime | None:
    """Return an aware time in ISO 8601, or in seconds since 1970; None for any other."""
    text = text_at(item, path)
    try:
        if re.fullmatch(r"\d{10}", text):
            return datetime.fromtimestamp(int(text), timezone.get_default_timezone())
        moment = parse_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment and timezone.is_aware(moment) else None


def number(address: str) -> str:
    """Return a phone number as E.164 digits; another sender as it is."""
    digits = re.sub(r"[\s()+-]", "", address)
    return digits if digits.isdecimal() else address
