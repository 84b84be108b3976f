"""WhatsApp's Cloud API as its documents describe it: messages, templates, errors, callbacks.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from . import templates
from .templates import component, merged, value, variables

# Code: HTTP status and title. A number that ends in one of the six-digit codes gets that error.
ERRORS: dict[int, tuple[int, str]] = {
    1: (500, "API Unknown"),
    2: (503, "API Service"),
    4: (400, "API Too Many Calls"),
    10: (403, "Permission Denied"),
    100: (400, "Invalid parameter"),
    190: (401, "Access token has expired"),
    368: (403, "Temporarily blocked for policies violations"),
    80007: (400, "Rate limit issues"),
    130429: (400, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country"),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Account has been locked"),
    131042: (400, "Business eligibility payment issue"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "This message was not delivered to maintain healthy ecosystem engagement"),
    131050: (400, "User has stopped marketing messages from this business"),
    131051: (400, "Unsupported message type"),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit"),
    132000: (400, "Template Param Count Mismatch"),
    132001: (404, "Template does not exist"),
    132012: (400, "Template Parameter Format Mismatch"),
    132015: (400, "Template is Paused"),
    132016: (400, "Template is Disabled"),
    133010: (400, "Phone number not registered"),
}
MEDIA = ("image", "video", "document", "audio", "sticker")
PER_PAGE = 100  # templates, unless the caller asks for another number


class CloudError(Exception):
    """A request that the Cloud API refuses."""

    def __init__(self, code: int, details: str = "") -> None:
        self.code = code
        self.status, self.title = ERRORS.get(code, (400, "Error"))
        self.details = details or self.title
        super().__init__(f"{code} {self.title}" + (f": {details}" if details else ""))

    @property
    def body(self) -> dict[str, Any]:
        data = {"messaging_product": "whatsapp", "details": self.details}
        error = {"message": f"(#{self.code}) {self.title}", "type": "OAuthException", "code": self.code}
        return {"error": {**error, "error_data": data, "fbtrace_id": secrets.token_urlsafe(8)}}


@dataclass
class CaughtBubble:
    """What a person sees of a message."""

    text: str
    header: str = ""  # a text, or what stands for a medium
    link: str = ""  # of the header's or the message's medium
    footer: str = ""
    buttons: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        buttons = " ".join(f"[{button}]" for button in self.buttons)
        return "\n".join(filter(None, (self.header, self.text, self.footer, buttons)))


def new_id(to: str) -> str:
    return f"wamid.HBg{to[-4:]}{secrets.token_urlsafe(18)}"


def accepted(to: str, message_id: str) -> dict[str, Any]:
    """Return the answer to a message that was taken."""
    messages = [{"id": message_id, "message_status": "accepted"}]
    return {"messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": to}], "messages": messages}


def read(body: Mapping[str, Any]) -> tuple[str, CaughtBubble]:
    """Return a message's recipient and what it shows; raises CloudError."""
    if body.get("messaging_product") != "whatsapp":
        raise CloudError(100, "messaging_product must be “whatsapp”")
    to = str(body.get("to") or body.get("recipient") or "").lstrip("+")
    if not to:
        raise CloudError(131008, "to")
    type_ = body.get("type", "text")
    content = body.get(type_)
    if not isinstance(content, Mapping):
        raise CloudError(131008, str(type_))
    if (code := magic(to)) is not None:
        raise CloudError(code, "The number ends in this code.")
    return to, _bubble(str(type_), content)


def describe(body: Mapping[str, Any]) -> str:
    """Return in short what a message says that cannot be shown whole."""
    content = body.get(str(body.get("type", "text")))
    if not isinstance(content, Mapping):
        return ""
    language = content.get("language")
    code = language.get("code", "") if isinstance(language, Mapping) else ""
    return f"({content['name']}, {code})" if content.get("name") else str(content.get("body", ""))


def magic(to: str) -> int | None:
    """Return the error code that a number ends in, if it does."""
    code = int(to[-6:]) if to[-6:].isdecimal() and len(to) > 6 else 0
    return code if code >= 100_000 and code in ERRORS else None


def _bubble(type_: str, content: Mapping[str, Any]) -> CaughtBubble:
    if type_ == "template":
        return _of_template(content)
    if type_ == "text":
        if not (text := str(content.get("body", ""))):
            raise CloudError(131008, "text.body")
        return CaughtBubble(text)
    if type_ in MEDIA:
        return CaughtBubble(str(content.get("caption", "")), _medium(type_, content), str(content.get("link", "")))
    if type_ == "location":
        return CaughtBubble(_place(content))
    if type_ == "interactive":
        buttons = content.get("action", {}).get("buttons", [])
        titles = [str(button.get("reply", {}).get("title", "")) for button in buttons]
        return CaughtBubble(str(content.get("body", {}).get("text", "")), buttons=titles)
    raise CloudError(131051, f"type {type_}")


def _medium(type_: str, content: Mapping[str, Any]) -> str:
    if not (content.get("link") or content.get("id")):
        raise CloudError(131008, f"{type_}.link")
    return f"({type_}: {content['filename']})" if content.get("filename") else f"({type_})"


def _place(content: Mapping[str, Any]) -> str:
    if content.get("latitude") is None or content.get("longitude") is None:
        raise CloudError(131008, "location.latitude, location.longitude")
    named = filter(None, (content.get("name"), content.get("address")))
    return f"(location: {content['latitude']}, {content['longitude']}) {', '.join(map(str, named))}".strip()


def _of_template(content: Mapping[str, Any]) -> CaughtBubble:
    name, language = str(content.get("name", "")), str((content.get("language") or {}).get("code", ""))
    template = templates.find(name, language)
    if template is None:
        raise CloudError(132001, f"template name ({name}) does not exist in {language}")
    if template["status"] != "APPROVED":
        raise CloudError(132015 if template["status"] == "PAUSED" else 132016)
    given = content.get("components") or []
    header, link = _header(component(template, "HEADER"), _parameters(given, "header"))
    text = component(template, "BODY").get("text", "")
    parameters = _parameters(given, "body")
    _expect("body", text, parameters)
    buttons = component(template, "BUTTONS").get("buttons", [])
    for index, button in enumerate(buttons):
        if variables(button.get("url", "")) and not _parameters(given, "button", index):
            raise CloudError(131008, f"buttons: Button at index {index} of type Url requires a parameter")
    labels = [button["text"] for button in buttons]
    return CaughtBubble(merged(text, parameters), header, link, component(template, "FOOTER").get("text", ""), labels)


def _parameters(given: Sequence[Mapping[str, Any]], type_: str, index: int | None = None) -> list[dict[str, Any]]:
    """Return the parameters given for a component."""
    for one in given:
        if str(one.get("type", "")).lower() == type_ and (index is None or str(one.get("index")) == str(index)):
            return list(one.get("parameters") or [])
    return []


def _expect(where: str, text: str, parameters: Sequence[Mapping[str, Any]]) -> None:
    names = variables(text)
    if len(parameters) != len(names):
        told = f"number of localizable_params ({len(parameters)}) does not match the expected number of params"
        raise CloudError(132000, f"{where}: {told} ({len(names)})")
    if any(not value(one) for one in parameters):
        raise CloudError(131008, f"{where}: a parameter is empty")
    if not all(name.isdecimal() for name in names) and {one.get("parameter_name") for one in parameters} != set(names):
        raise CloudError(100, f"{where}: the names of the parameters must be {', '.join(names)}")


def _header(header: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return what a header shows, and the link of its medium."""
    if not header:
        return "", ""
    wanted = header["format"].lower()
    if wanted == "text":
        _expect("header", header["text"], parameters)
        return merged(header["text"], parameters), ""
    got = parameters[0].get("type") if parameters else None
    if got != wanted:
        raise CloudError(132012, f"header: Format mismatch, expected {wanted.upper()}, received {got or 'UNKNOWN'}")
    content = parameters[0].get(wanted) or {}
    if wanted == "location":
        return _place(content), ""
    return _medium(wanted, content), str(content.get("link", ""))


def template_list(query: Mapping[str, str], address: str) -> dict[str, Any]:
    """Return a page of the templates; `address` is where the next one is asked for."""
    limit = max(1, min(int(query["limit"]) if query.get("limit", "").isdecimal() else PER_PAGE, PER_PAGE))
    start = int(query["after"]) if query.get("after", "").isdecimal() else 0
    fits = [one for one in templates.TEMPLATES if query.get("name", one["name"]) == one["name"]]
    end = min(start + limit, len(fits))
    paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(end)}}
    if end < len(fits):
        paging["next"] = f"{address}?{urlencode({**query, 'limit': limit, 'after': end})}"
    return {"data": fits[start:end], "paging": paging}


def number(phone_id: str) -> dict[str, Any]:
    """Return what the API tells about a sending number."""
    shown = {"display_phone_number": "+34 600 000 000", "verified_name": "Demo Club", "quality_rating": "GREEN"}
    return {"id": phone_id, **shown, "code_verification_status": "VERIFIED", "status": "CONNECTED"}


def statuses(
    phone_id: str, business_id: str, told: Iterable[tuple[str, str, str]], status: str, code: int = 0
) -> dict[str, Any]:
    """Return the body of a call that reports one status (sent, delivered, read, failed) of messages.

    Each is told as (id, recipient, reference): the `biz_opaque_callback_data` that came with it, if any.
    """
    more: dict[str, Any] = {}
    if status == "failed":
        title = ERRORS.get(code, (400, "Error"))[1]
        more["errors"] = [{"code": code, "title": title, "message": title, "error_data": {"details": title}}]
    at = str(int(time.time()))
    rows = [
        {"id": key, "status": status, "timestamp": at, "recipient_id": to, **_named(reference), **more}
        for key, to, reference in told
    ]
    return _call(phone_id, business_id, {"statuses": rows})


def _named(reference: str) -> dict[str, str]:
    return {"biz_opaque_callback_data": reference} if reference else {}


def reply(phone_id: str, business_id: str, sender: str, text: str, answers: str = "") -> dict[str, Any]:
    """Return the body of a call that brings a person's text, in answer to a message or to none."""
    message: dict[str, Any] = {"from": sender, "id": new_id(sender), "timestamp": str(int(time.time()))}
    message |= {"type": "text", "text": {"body": text}}
    if answers:
        message["context"] = {"from": "34600000000", "id": answers}
    contacts = [{"profile": {"name": "Somebody"}, "wa_id": sender}]
    return _call(phone_id, business_id, {"contacts": contacts, "messages": [message]})


def _call(phone_id: str, business_id: str, told: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"display_phone_number": "34600000000", "phone_number_id": phone_id}
    value = {"messaging_product": "whatsapp", "metadata": metadata, **told}
    changes = [{"field": "messages", "value": value}]
    return {"object": "whatsapp_business_account", "entry": [{"id": business_id, "changes": changes}]}


def signed(body: Mapping[str, Any], app_secret: str) -> tuple[bytes, dict[str, str]]:
    """Return a call's bytes and its headers, signed with the app secret."""
    data = json.dumps(body).encode()
    digest = hmac.new(app_secret.encode(), data, hashlib.sha256).hexdigest()
    return data, {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"}
