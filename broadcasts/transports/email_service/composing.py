"""The message of an envelope in the form that anymail's backends take.

The complete RFC 5322 message is composed in one place, by `rendering`; here it is taken apart, so that what a service
sends is what SMTP would send: with the same sender, files and list headers (RFC 8058).
"""

from email import message_from_bytes, policy
from email.message import EmailMessage as Parsed
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
    """Take the message of an envelope apart."""
    parsed: Any = message_from_bytes(envelope.mime, policy=policy.default)
    html = parsed.get_body(("html",))
    message = ServiceMessage(
        envelope,
        subject=str(parsed["Subject"] or ""),
        body=_content(parsed.get_body(("plain",))),
        from_email=_mailbox(parsed, "From") or envelope.sender,
        to=[_mailbox(parsed, "To") or envelope.address],
        reply_to=[reply_to] if (reply_to := _mailbox(parsed, "Reply-To")) else None,
        headers=_headers(parsed, service),
    )
    if html is not None:
        message.attach_alternative(_content(html), "text/html")
    message.attachments.extend(parsed.iter_attachments())  # anymail reads them as they are
    if service.unsubscribe and (listed := parsed["List-Unsubscribe"]):
        message.esp_extra = {service.unsubscribe: str(listed)}  # type: ignore[attr-defined]
    return message


def _content(part: Parsed | None) -> str:
    return "" if part is None else str(part.get_content())


def _mailbox(parsed: Any, name: str) -> str:
    """Return the mailbox of a header, quoted where its name needs it; "" without one."""
    header = parsed[name]
    addresses = header.addresses if header is not None else ()
    return str(addresses[0]) if addresses else ""


def _headers(parsed: Any, service: Service) -> dict[str, str]:
    headers = {
        name: str(value)
        for name, value in parsed.items()
        if (lower := name.lower()) not in WRITTEN and service.keeps(lower)
    }
    if service.message_id is not None and parsed["Message-ID"]:
        headers |= {"Message-ID": str(parsed["Message-ID"]), **service.message_id}
    return headers
