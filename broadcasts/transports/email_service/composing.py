"""The message of an envelope in the form that anymail's backends take.

The complete RFC 5322 message is composed in one place, by `rendering`; here it is taken apart, so that what a service
sends is what SMTP would send: with the same sender, files and list headers (RFC 8058).
"""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from typing import Any

from django.core.mail import EmailMultiAlternatives

from ..base import Envelope
from .services import Service

# Headers that a service writes itself, of fields that it has for them.
WRITTEN = frozenset(
    {"from", "to", "subject", "reply-to", "date", "message-id"}
    | {"mime-version", "content-type", "content-transfer-encoding"}
)


class ServiceMessage(EmailMultiAlternatives):
    """A message for a backend, with the complete one beside it."""

    def __init__(self, envelope: Envelope, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mime = envelope.mime
        self.address = envelope.address


def service_message(envelope: Envelope, service: Service) -> ServiceMessage:
    """Take the message of an envelope apart.

    With the parser's old policy: the modern one takes ten times as long for headers, which are our own and plain.
    """
    parsed = message_from_bytes(envelope.mime)
    headers = {name.lower(): (name, _text(value)) for name, value in parsed.raw_items()}
    bodies, files = _parts(parsed)
    message = ServiceMessage(
        envelope,
        subject=_text(headers.get("subject", ("", ""))[1], is_encoded=True),
        body=bodies.get("text/plain", ""),
        from_email=_mailbox(headers, "from") or envelope.sender,
        to=[_mailbox(headers, "to") or envelope.address],
        reply_to=[reply_to] if (reply_to := _mailbox(headers, "reply-to")) else None,
        headers=_kept(headers, service),
    )
    if html := bodies.get("text/html"):
        message.attach_alternative(html, "text/html")
    message.attachments.extend(files)
    if service.unsubscribe and "list-unsubscribe" in headers:
        message.esp_extra = {service.unsubscribe: headers["list-unsubscribe"][1]}  # type: ignore[attr-defined]
    return message


def _parts(parsed: Message) -> tuple[dict[str, str], list[tuple[str, str | bytes, str]]]:
    """Return the bodies by their types, and the files as Django attaches them."""
    bodies: dict[str, str] = {}
    files: list[tuple[str, str | bytes, str]] = []
    for part in _leaves(parsed):
        kind, data = part.get_content_type(), part.get_payload(decode=True)
        assert isinstance(data, bytes)  # as it has no parts
        if part.get_content_disposition() == "attachment":
            files.append(_file(part.get_filename("file"), data, kind))
        else:
            bodies.setdefault(kind, data.decode("utf-8", "replace").replace("\r\n", "\n"))
    return bodies, files


def _file(name: str, data: bytes, kind: str) -> tuple[str, str | bytes, str]:
    """Return a file as Django attaches it; text that is not UTF-8 as bytes, since services would encode it anew."""
    if not kind.startswith("text/"):
        return name, data, kind
    try:
        return name, data.decode(), kind
    except UnicodeDecodeError:
        return name, data, "application/octet-stream"


def _leaves(parsed: Message) -> Iterator[Message]:
    return (part for part in parsed.walk() if not part.is_multipart())


def _text(value: str, is_encoded: bool = False) -> str:
    """Return the text of a header that may be folded, in UTF-8 and, if told so, in encoded words (RFC 2047)."""
    value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    value = re.sub(r"\r?\n(?=[ \t])", "", value).strip()
    return str(make_header(decode_header(value))) if is_encoded and "=?" in value else value


def _mailbox(headers: dict[str, tuple[str, str]], name: str) -> str:
    """Return the mailbox of a header, its name in quotes; "" without one."""
    display_name, address = parseaddr(headers.get(name, ("", ""))[1])
    quoted = re.sub(r'(["\\])', r"\\\1", _text(display_name, is_encoded=True))
    return f'"{quoted}" <{address}>' if quoted else address


def _kept(headers: dict[str, tuple[str, str]], service: Service) -> dict[str, str]:
    kept = {name: value for lower, (name, value) in headers.items() if lower not in WRITTEN and service.keeps(lower)}
    if service.message_id is not None and "message-id" in headers:
        kept |= {"Message-ID": headers["message-id"][1], **service.message_id}
    return kept
