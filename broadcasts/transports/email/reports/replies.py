"""Replies of people: who wrote, what they wrote, and which copy they answer."""

from email.utils import parseaddr
from hashlib import blake2b

from ...callbacks import InboundMessage
from ...reply_text import ids_named, own_words, text_of_html
from . import tokens
from .parts import Mail

LONGEST = 500  # characters of a header that are kept


def reply_in(mail: Mail) -> InboundMessage | None:
    """Return the reply in a mail; None if it has no sender."""
    address = parseaddr(mail.header("from"))[1]
    if "@" not in address:
        return None
    named = ids_named(mail.header("in-reply-to"), mail.header("references"))
    subject, own_id = mail.header("subject")[:LONGEST], mail.header("message-id")[:LONGEST]
    return InboundMessage(
        address,
        own_words(_text(mail)) or subject,
        mail.written_at,
        {"subject": subject, "from": mail.header("from")[:LONGEST], "message_id": own_id, "in_reply_to": named[:1]},
        own_id or blake2b(mail.raw, digest_size=16).hexdigest(),  # a mail that comes twice is stored once
        key=tokens.first_own(one.partition("@")[0] for one in named) or tokens.to_return_path(mail),
    )


def _text(mail: Mail) -> str:
    plain = mail.part("text/plain")
    if plain and plain.text.strip():
        return plain.text
    html = mail.part("text/html")
    return text_of_html(html.text) if html else ""
