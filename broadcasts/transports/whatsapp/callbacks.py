"""What Meta's callbacks tell: of copies, of replies, and of templates."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ..callbacks import Callback, Event, InboundMessage, TemplateNews
from .errors import details, meaning
from .templates import status_of

FACTS = {"sent": "sent", "delivered": "delivered", "read": "opened", "played": "played", "failed": "failed"}
MEDIA = ("image", "video", "document", "audio", "sticker")


def parsed(body: Mapping[str, Any]) -> Callback:
    """Return the content of a call; fields that we did not ask for are passed over."""
    events: list[Event] = []
    replies: list[InboundMessage] = []
    templates: list[TemplateNews] = []
    for entry in body["entry"]:
        for change in entry.get("changes", []):
            value = change["value"]
            if change["field"] == "messages":
                account = str(value["metadata"]["phone_number_id"])
                for status in value.get("statuses", []):
                    events += _events(status, account)
                replies += [_reply(message, account) for message in value.get("messages", [])]
            elif news := _template(change["field"], value):
                templates.append(news)
    return Callback(events=events, replies=replies, templates=templates)


def _events(status: Mapping[str, Any], account: str) -> Iterator[Event]:
    fact = FACTS.get(status["status"])
    if fact is None:  # such as `deleted`
        return
    error: Mapping[str, Any] = next(iter(status.get("errors") or []), {})
    code = error.get("code")
    about = {
        "code": str(code) if code is not None else "",
        "title": str(error.get("title") or ""),
        "details": details(error),
    }
    detail = {name: text for name, text in about.items() if text}
    key = str(status.get("biz_opaque_callback_data") or "")
    at = _moment(status.get("timestamp"))
    yield Event(str(status["id"]), fact, at, detail, account=account, key=key)
    known = meaning(code) if isinstance(code, int) else None
    if known and known.withdrawn:
        yield Event(str(status["id"]), "unsubscribed", at, {**detail, "source": known.words}, account=account, key=key)


def _reply(message: Mapping[str, Any], account: str) -> InboundMessage:
    # People with a username may hide their number; they are then known by an id of the business (BSUID) only.
    address = message.get("from") or message.get("from_user_id") or message.get("user_id") or ""
    reaction = message.get("reaction") or {}
    return InboundMessage(
        address=str(address),
        text=_text(message),
        at=_moment(message.get("timestamp")),
        payload=message,
        provider_id=str(message["id"]),
        answers=str((message.get("context") or {}).get("id") or reaction.get("message_id") or ""),
        account=account,
    )


def _text(message: Mapping[str, Any]) -> str:
    """Return what a person wrote or chose; "" for what has no words, such as a place."""
    kind = str(message.get("type", ""))
    content = message.get(kind) or {}
    if kind == "text":
        found = content.get("body")
    elif kind == "button":  # of a template
        found = content.get("text") or content.get("payload")
    elif kind == "interactive":
        chosen = content.get(content.get("type", "")) or {}
        found = chosen.get("title") or chosen.get("response_json") or chosen.get("body")
    elif kind == "reaction":
        found = content.get("emoji")
    else:
        found = content.get("caption") if kind in MEDIA else ""
    return str(found or "")


def _template(field: str, value: Mapping[str, Any]) -> TemplateNews | None:
    known: dict[str, Any] = {
        "provider_id": str(value.get("message_template_id", "")),
        "name": str(value.get("message_template_name", "")),
        "language": str(value.get("message_template_language", "")),
    }
    if field == "message_template_status_update":
        reason = str(value.get("reason") or "")
        return TemplateNews(**known, status=status_of(value["event"]), reason="" if reason == "NONE" else reason)
    if field == "message_template_quality_update":
        return TemplateNews(**known, quality=str(value["new_quality_score"]))
    if field == "template_category_update" and value.get("new_category"):
        return TemplateNews(**known, category=str(value["new_category"]))
    return None


def _moment(timestamp: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(timestamp), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
