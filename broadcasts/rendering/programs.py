"""From a message to what each recipient gets.

A Program holds all translations of one message, compiled once. Callers know `envelope()` only, so that faster
ways to the same bytes can take its place behind it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from broadcasts import links
from broadcasts.exceptions import InvalidInput, NotReady, RenderError
from broadcasts.models import Contact, Message, MessageTranslation, UseCase
from broadcasts.transports import Envelope

from .attachments import mime_part, validate_attachments
from .footers import html_footer, text_footer
from .mime import Letterhead, clean_address, clean_body, one_line
from .names import contact_values, shared_values
from .plaintext import html_to_text
from .templates import compile_template

_BODY_START = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom one copy is for."""

    key: str  # the delivery's public token
    address: str
    language: str
    contact: Contact | None


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one recipient reads."""

    subject: str
    preheader: str
    text: str
    html: str
    language: str
    address: str


class Wording:
    """One translation, compiled."""

    def __init__(self, message: Message, translation: MessageTranslation) -> None:
        broadcast = message.broadcast
        self.organization = broadcast.organization
        self.language = translation.language
        self.default_subject = self.organization.default_subject or broadcast.name
        self.subject, self.preheader, self.text, self.html = (
            compile_template(
                f"translations.{translation.language}.{field}",
                getattr(translation, field),
                message.syntax,
                html=field == "html",
            )
            for field in ("subject", "preheader", "text", "html")
        )
        marketing = broadcast.use_case == UseCase.MARKETING
        self.html_footer = marketing and not self.html.uses("unsubscribe_url")
        carries_link = self.text if self.text.source.strip() else self.html
        self.text_footer = marketing and not carries_link.uses("unsubscribe_url")

    def render(self, values: Mapping[str, object], url: str, address: str) -> Rendered:
        html = clean_body(self.html.render(values)) if self.html.source.strip() else ""
        text = clean_body(self.text.render(values)) if self.text.source.strip() else html_to_text(html)
        preheader = one_line(self.preheader.render(values))
        if self.text_footer:
            text = text.rstrip() + text_footer(self.organization, self.language, url)
        if html and self.html_footer:
            html = _before(_BODY_END, html, html_footer(self.organization, self.language, url))
        if html and preheader:
            html = _after(_BODY_START, html, f'<div style="display:none;max-height:0">{escape(preheader)}</div>')
        subject = one_line(self.subject.render(values)) or one_line(self.default_subject)
        return Rendered(subject, preheader, text, html, self.language, address)


def _before(mark: re.Pattern[str], html: str, addition: str) -> str:
    found = list(mark.finditer(html))
    at = found[-1].start() if found else len(html)
    return html[:at] + addition + html[at:]


def _after(mark: re.Pattern[str], html: str, addition: str) -> str:
    found = mark.search(html)
    at = found.end() if found else 0
    return html[:at] + addition + html[at:]


class Program:
    """A message compiled: all its languages, and what is the same for every recipient."""

    def __init__(self, message: Message) -> None:
        translations = list(message.translations.all())
        if not translations:
            raise NotReady("There is no content: write a subject and a body first.")
        self.message = message
        self.broadcast = message.broadcast
        self.organization = message.broadcast.organization
        self.wordings = {translation.language: Wording(message, translation) for translation in translations}
        self.languages = list(self.wordings)
        self.checksum = _checksum(message, translations)
        self.shared = shared_values(self.organization, self.broadcast)
        self.letterhead: Letterhead | None = None
        self.attachments: dict[str, list[bytes]] = {}
        if message.channel and message.channel.transport_class.carries_mail:
            try:
                self.letterhead = Letterhead(message)
            except RenderError as error:
                raise NotReady(f"The channel “{message.channel}” has no good sender: {error}") from None
            for translation in translations:
                files = _attached(message, translation)
                self.attachments[translation.language] = [mime_part(media) for media in files]

    def language_for(self, language: str) -> str:
        """Return the language that somebody reads: theirs, the organization's primary, the base, or the first."""
        for wanted in (language, self.organization.primary_language, self.broadcast.base_language):
            while wanted:
                if wanted in self.wordings:
                    return wanted
                wanted = wanted.rpartition("-")[0]
        return self.languages[0]

    def render(self, recipient: Recipient) -> Rendered:
        """Return what a recipient reads, whole, or raise RenderError."""
        language = recipient.language if recipient.language in self.wordings else self.language_for(recipient.language)
        url = links.unsubscribe_url(recipient.key)
        values = {
            **self.shared,
            "contact": contact_values(recipient.contact),
            "unsubscribe_url": url,
            "language": language,
        }
        return self.wordings[language].render(values, url, recipient.address)

    def envelope(self, recipient: Recipient) -> Envelope:
        """Return a recipient's copy, ready to be handed over, or raise RenderError."""
        if self.letterhead is None:
            rendered = self.render(recipient)
            sender = self.message.channel.from_address if self.message.channel else ""
            return Envelope(
                recipient.key, recipient.address, sender, rendered.subject, rendered.text, b"", self.message.parameters
            )
        address = clean_address(recipient.address)
        rendered = self.render(recipient)
        mime = self.letterhead.compose(
            recipient.key,
            recipient.contact.full_name if recipient.contact else "",
            address,
            rendered.subject,
            rendered.text,
            rendered.html,
            self.attachments[rendered.language],
        )
        sender = self.letterhead.sender
        return Envelope(recipient.key, address, sender, rendered.subject, rendered.text, mime, self.message.parameters)


def _attached(message: Message, translation: MessageTranslation) -> list:
    try:
        return validate_attachments(message.broadcast.organization, translation.attachments)
    except InvalidInput as error:
        raise InvalidInput(
            {f"translations.{translation.language}.{field}": e for field, e in error.errors.items()}
        ) from None


def _checksum(message: Message, translations: list[MessageTranslation]) -> str:
    content = [[one.language, one.content()] for one in translations]
    frozen = json.dumps([message.syntax, message.parameters, content], sort_keys=True, default=str)
    return sha256(frozen.encode()).hexdigest()


def compile_message(message: Message) -> Program:
    """Compile a message for sending; what is wrong with its content is InvalidInput or NotReady."""
    return Program(message)


def preview(message: Message, contact: Contact, language: str | None = None) -> Rendered:
    """Render a message as one contact would get it; its unsubscribe link does nothing."""
    program = Program(message)
    field = message.channel.contact_field if message.channel else "email"
    chosen = language if language in program.wordings else program.language_for(language or contact.language)
    return program.render(Recipient(links.delivery_token(0), getattr(contact, field), chosen, contact))
