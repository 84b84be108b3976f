"""Replies by mail that a service hands on: what the person wrote, and which copy it answers.

anymail takes each service's call apart into a message; quotes, and answers that programs write, are left out here.
"""

from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

from anymail.inbound import AnymailInboundMessage
from anymail.signals import AnymailInboundEvent

from broadcasts import links

from ..callbacks import InboundMessage
from ..reply_text import ids_named, own_words, text_of_html

# Written by programs only (RFC 3834, section 5, and what came before it).
AUTOMATIC_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Auto-Response")
AUTOMATIC_PRECEDENCE = frozenset({"auto_reply", "bulk", "junk", "list"})


def reply_of(event: AnymailInboundEvent, has_local_ids: bool) -> InboundMessage | None:
    """Return the reply in a message; None if a program wrote it or it has no sender.

    `has_local_ids` tells that the service's ids are those before the @ of a Message-ID.
    """
    message = event.message
    address = parseaddr(_header(message, "From"))[1]
    if "@" not in address or is_automatic(message):
        return None
    named = ids_named(_header(message, "In-Reply-To"), _header(message, "References"))
    subject, own_id = _header(message, "Subject")[:500], _header(message, "Message-ID")[:500]
    return InboundMessage(
        address,
        own_words(_text(message)) or subject,
        event.timestamp,
        {"subject": subject, "from": _header(message, "From")[:500], "message_id": own_id, "in_reply_to": named[:1]},
        own_id or str(event.event_id or ""),
        _provider_id(named[0], has_local_ids) if named else "",
        key=next((key for one in named if links.delivery_id(key := one.partition("@")[0])), ""),
    )


def is_automatic(message: AnymailInboundMessage) -> bool:
    """Tell whether a program wrote a message: an absence notice, a bounce or a mailing list (RFC 3834)."""
    submitted = _header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or _header(message, "Precedence").lower() in AUTOMATIC_PRECEDENCE
        or any(message.get(name) is not None for name in AUTOMATIC_HEADERS)
        or message.get_content_type() == "multipart/report"
        or message.envelope_sender in ("", "<>")
        or _header(message, "Return-Path") == "<>"
    )


def _text(message: AnymailInboundMessage) -> str:
    if stripped := (message.stripped_text or "").strip():
        return stripped
    if text := _part(message, "text/plain").strip():
        return text
    return text_of_html(_part(message, "text/html"))


def _part(message: AnymailInboundMessage, kind: str) -> str:
    """Return the text of one kind; read as UTF-8 if its charset is none that is known."""
    try:
        return (message.text if kind == "text/plain" else message.html) or ""
    except (LookupError, ValueError):
        parts = (one for one in message.walk() if one.get_content_type() == kind)
        raw = next((one.get_payload(decode=True) for one in parts), b"")
        return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


def _provider_id(message_id: str, is_local: bool) -> str:
    return message_id.partition("@")[0] if is_local else f"<{message_id}>"


def _header(message: Any, name: str) -> str:
    """Return the text of a header in one line; "" of one that cannot be read, as anybody may write it."""
    try:
        value = str(message.get(name) or "")
        return " ".join(str(make_header(decode_header(value)) if "=?" in value else value).split())
    except (ValueError, LookupError, AttributeError, TypeError):
        return ""
