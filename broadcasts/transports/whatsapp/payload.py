"""The JSON that sends an envelope: a template with its components, or a text within the window of a reply."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from broadcasts.formats import number

from ..base import Envelope, File, ProviderTemplate, TransportError
from ..fields import NO_CURRENCY
from .parameters import (
    BOUNDS,
    BUTTONS,
    MEDIA,
    NO_AMOUNT,
    coordinate,
    currency,
    has_tags,
    header_kind,
    index_of,
    special_kind,
    thousandths,
)

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024  # also of a text above buttons
MOST_REPLIES = 3
LONGEST_REPLY = 20
PICTURES = ("image/jpeg", "image/png")
VIDEOS = ("video/mp4", "video/3gpp")
# What WhatsApp shows a file as -> the types it takes there (none: any), their names, and the most MB.
FILES = {
    "image": (PICTURES, "JPEG and PNG", 5),
    "video": (VIDEOS, "MP4 and 3GP", 16),
    "audio": ((), "", 16),
    "document": ((), "", 100),
}

Json = dict[str, Any]


def message(envelope: Envelope) -> Json:
    """Return the body of the request; raises TransportError where this person's copy cannot be sent."""
    address = envelope.address.lstrip("+")
    # A person without a phone number is known by an id of the business, which has a field of its own.
    to = {"to": address} if address.isdigit() else {"recipient": address}
    head = {"messaging_product": "whatsapp", "recipient_type": "individual", **to}
    content = _template(envelope.template, envelope.key) if envelope.template else _free(envelope)
    return {**head, **content, "biz_opaque_callback_data": envelope.key}


def unsendable(content: Mapping[str, Any]) -> dict[str, str]:
    """Return {field: what is wrong} of content without a template."""
    errors = {}
    replies = content.get("quick_replies") or []
    if len(content.get("attachments") or []) > 1:
        errors["attachments"] = "WhatsApp sends one file with a message."
    titles = [reply_title(reply) for reply in replies]
    if len(titles) > MOST_REPLIES or not all(titles):
        errors["quick_replies"] = f"WhatsApp shows {MOST_REPLIES} replies at most, each a text or an object with text."
    elif too_long := [title for title in titles if len(title) > LONGEST_REPLY and not has_tags(title)]:
        errors["quick_replies"] = f"“{too_long[0]}” is longer than the {LONGEST_REPLY} characters of a reply."
    return errors


def reply_title(reply: object) -> str:
    """Return the words of a quick reply: a text, or an object that has `text` or `title`."""
    found = reply.get("text") or reply.get("title") if isinstance(reply, Mapping) else reply
    return found if isinstance(found, str) else ""


def one_line(value: object) -> str:
    """Return a value as WhatsApp takes it: line breaks, tabs and rows of spaces in it are refused."""
    return " ".join(str(value).split())


def filled(value: object, *path: object) -> str:
    text = one_line(value)
    if not text:
        raise _unfit(path, "is empty for this person.")
    return text


def _unfit(path: tuple[object, ...], words: str) -> TransportError:
    name = "".join(f"[{key}]" for key in path)
    return TransportError(f"parameters{name} {words}", permanent=True)


def _template(template: ProviderTemplate, key: str) -> Json:
    components = list(_components(template.components, key))
    body: Json = {"name": template.name, "language": {"code": template.language}}
    return {"type": "template", "template": {**body, "components": components} if components else body}


def _components(value: Mapping[str, Any], key: str) -> Iterator[Json]:
    if kind := header_kind(value):
        yield {"type": "header", "parameters": [_header(kind, value)]}
    if body := value.get("body"):
        yield {"type": "body", "parameters": _values(body, "body")}
    for place, button in enumerate(value.get("buttons") or []):
        yield _button(button, place)
    if flow := value.get("flow"):
        action: Json = {"flow_token": str(flow.get("token") or key)}
        if data := _flow_data(flow.get("data")):
            action |= {"flow_action_data": data}
        yield _of_button("flow", index_of(flow, 0), {"type": "action", "action": action})


def _values(given: Any, *path: object) -> list[Json]:
    if isinstance(given, Mapping):
        return [{"parameter_name": name, **_value(one, *path, name)} for name, one in given.items()]
    return [_value(one, *path, place) for place, one in enumerate(given)]


def _value(value: Any, *path: object) -> Json:
    kind = special_kind(value)
    if not kind:
        return {"type": "text", "text": filled(value, *path)}
    path, content = (*path, kind), value[kind]
    told: Json = {"fallback_value": filled(content["fallback_value"], *path, "fallback_value")}
    if kind == "currency":
        for key, read, words in (("code", currency, NO_CURRENCY), ("amount_1000", thousandths, NO_AMOUNT)):
            text = one_line(content[key])
            told[key] = read(text)
            if told[key] is None:
                raise _unfit((*path, key), f"is “{text:.40}” for this person. {words}")
    return {"type": kind, kind: told}


def _header(kind: str, value: Mapping[str, Any]) -> Json:
    if kind == "location":
        place = value["location"]
        for name, bound in BOUNDS.items():
            if not coordinate(place[name], bound):
                raise _unfit(("location", name), "is no coordinate for this person.")
        return {"type": "location", "location": {name: str(one) for name, one in place.items()}}
    content = value["header"][kind]
    if kind in MEDIA:
        return {"type": kind, kind: _link(kind, content)}
    path = ("header", "text")
    return _values(content, *path)[0] if isinstance(content, Mapping) else _value(content, *path)


def _link(kind: str, content: Mapping[str, Any]) -> Json:
    link = str(content.get("link", "")).strip()
    if not link.startswith(("https://", "http://")):
        raise _unfit(("header", kind, "link"), "is no address for this person.")
    named = kind == "document" and content.get("filename")
    return {"link": link, **({"filename": one_line(content["filename"])} if named else {})}


def _button(button: Mapping[str, Any], place: int) -> Json:
    key = next(key for key in BUTTONS if key in button)
    text = filled(button[key], "buttons", place, key)
    shapes = {
        "url": {"type": "text", "text": text},
        "payload": {"type": "payload", "payload": text},
        "code": {"type": "coupon_code", "coupon_code": text},
    }
    return _of_button(BUTTONS[key], index_of(button, place), shapes[key])


def _of_button(kind: str, index: int, parameter: Json) -> Json:
    return {"type": "button", "sub_type": kind, "index": str(index), "parameters": [parameter]}


def _flow_data(data: object) -> object:
    if not isinstance(data, str) or not data.strip():
        return data
    try:
        return json.loads(data)
    except ValueError:
        raise _unfit(("flow", "data"), "is no JSON for this person.") from None


# Without a template.


def _free(envelope: Envelope) -> Json:
    text = envelope.text.strip()
    files = list(envelope.media)
    titles = [one_line(reply_title(reply))[:LONGEST_REPLY] for reply in envelope.quick_replies]
    longest = LONGEST_CAPTION if files or titles else LONGEST_TEXT
    if len(text) > longest:
        words = f"The text has {number(len(text))} characters; WhatsApp takes {number(longest)} here."
        raise TransportError(words, permanent=True)
    if titles:
        return _with_replies(text, titles, files[:1])
    if files:
        kind, content = _media(files[0])
        caption = {"caption": text} if text and kind != "audio" else {}
        return {"type": kind, kind: {**content, **caption}}
    if not text:
        raise TransportError("The text is empty for this person.", permanent=True)
    preview = {"preview_url": True} if "https://" in text or "http://" in text else {}
    return {"type": "text", "text": {"body": text, **preview}}


def _with_replies(text: str, titles: list[str], files: list[File]) -> Json:
    buttons = [
        {"type": "reply", "reply": {"id": f"{place}-{title}", "title": title}} for place, title in enumerate(titles)
    ]
    shown: Json = {"type": "button", "body": {"text": text}, "action": {"buttons": buttons}}
    for file in files:
        kind, content = _media(file)
        shown["header"] = {"type": kind, kind: content}
    return {"type": "interactive", "interactive": shown}


def media_kind(content_type: str) -> str:
    """Return what WhatsApp shows a file as."""
    if content_type in PICTURES:
        return "image"
    if content_type in VIDEOS:
        return "video"
    return "audio" if content_type.startswith("audio/") else "document"


def file_fault(content_type: str, size: int, kind: str = "") -> str:
    """Return why WhatsApp would not take a file, by its size in bytes; "" if it does. `kind`: what it is to show."""
    types, names, most = FILES[kind or media_kind(content_type)]
    if types and content_type not in types:
        return f"is of the type {content_type}; WhatsApp takes {names} here."
    if size > most * 10**6:
        return f"has {number(-(-size // 10**6))} MB; WhatsApp takes {most} MB at most here."
    return ""


def _media(file: File) -> tuple[str, Json]:
    kind = media_kind(file.content_type)
    return kind, {"link": file.url, **({"filename": file.name} if kind == "document" else {})}
