"""From a message to what each recipient gets.

A Program holds all translations of one message, compiled once. Callers know `envelope()` only; behind it a copy
is filled into compiled bytes, or rendered the plain way where those cannot express it.
"""

import json
from hashlib import sha256

from broadcasts import links
from broadcasts.exceptions import InvalidInput, NotReady, RenderError
from broadcasts.languages import choose_language
from broadcasts.models import Contact, Message, MessageTranslation
from broadcasts.transports import Envelope

from .attachments import mime_part, validate_attachments
from .budget import Budget
from .compiled import CompiledWording, compile_wording
from .extras import Extras
from .holes import TakeReference
from .mime import Letterhead, clean_address
from .names import contact_values, shared_values
from .templates import add_tags
from .wording import Recipient, Rendered, Wording


class Program:
    """A message compiled: all its languages, and what is the same for every recipient."""

    def __init__(self, message: Message) -> None:
        translations = list(message.translations.all())
        if not translations:
            raise NotReady("There is no content: write a subject and a body first.")
        self.message = message
        self.broadcast = message.broadcast
        self.organization = message.broadcast.organization
        self.wordings: dict[str, Wording] = {}
        tags = 0
        for translation in translations:
            wording = self.wordings[translation.language] = Wording(message, translation)
            for template in wording.templates():
                tags = add_tags(tags, template)
        self.languages = list(self.wordings)
        self.checksum = _checksum(message, translations)
        self.shared = shared_values(self.organization, self.broadcast)
        self.letterhead: Letterhead | None = None
        self.attachments: dict[str, list[bytes]] = {}
        self.compiled: dict[str, CompiledWording | None] = {}
        self.extras: dict[str, Extras] = {}  # of those languages alone that have some
        if message.channel and message.channel.transport_class.carries_mail:
            try:
                self.letterhead = Letterhead(message)
            except RenderError as error:
                raise NotReady(f"The channel “{message.channel}” has no good sender: {error}") from None
        for translation in translations:
            files = _attached(message, translation)
            if self.letterhead is not None:  # mail holds its files
                self.attachments[translation.language], files = [mime_part(media) for media in files], []
            extras = Extras(message, translation, files)
            for template in extras.templates():
                tags = add_tags(tags, template)
            if extras:
                self.extras[translation.language] = extras

    def language_for(self, language: str) -> str:
        """Return the language that somebody is sent; the first, to be looked at, where they would be sent none."""
        defaults = self.organization.primary_language, self.broadcast.base_language
        return choose_language(language, self.languages, defaults) or self.languages[0]

    def render(self, recipient: Recipient, budget: Budget | None = None) -> Rendered:
        """Return what a recipient reads, whole, or raise RenderError."""
        language = self.language_for(recipient.language)
        values = self._values(recipient, language)
        return self.wordings[language].render(values, recipient.address, budget or Budget())

    def _values(self, recipient: Recipient, language: str) -> dict[str, object]:
        """Return what templates may name."""
        return {
            **self.shared,
            "contact": contact_values(recipient.contact),
            "unsubscribe_url": links.unsubscribe_url(recipient.key),
            "preferences_url": links.preferences_url(recipient.key),
            "language": language,
        }

    def envelope(self, recipient: Recipient) -> Envelope:
        """Return a recipient's copy, ready to be handed over, or raise RenderError."""
        if self.letterhead is None:
            sender = self.message.channel.from_address if self.message.channel else ""
            address = recipient.address
        else:
            sender, address = self.letterhead.sender, clean_address(recipient.address)
        budget = Budget()
        try:
            compiled = self._compiled(recipient.language)
            subject, text, html, mime = compiled.fill(recipient, address, budget)
            is_smooth = compiled.is_smooth
        except TakeReference:
            budget = budget.again()
            subject, text, html, mime = self.plain(recipient, address, budget)
            is_smooth = False
        envelope = Envelope(recipient.key, address, sender, subject, text, html, mime, is_smooth)
        if self.extras:
            self._add_extras(envelope, recipient, budget)
        return envelope

    def _add_extras(self, envelope: Envelope, recipient: Recipient, budget: Budget) -> None:
        language = self.language_for(recipient.language)
        if extras := self.extras.get(language):
            values = {} if extras.is_constant else self._values(recipient, language)
            extras.add_to(envelope, values, budget)

    def plain(self, recipient: Recipient, address: str, budget: Budget | None = None) -> tuple[str, str, str, bytes]:
        """Return subject, text, HTML and mail, each rendered whole: what the compiled way is held against.

        The HTML of mail is in the mail alone.
        """
        rendered = self.render(recipient, budget)
        if self.letterhead is None:
            return rendered.subject, rendered.text, rendered.html, b""
        name = recipient.contact.full_name if recipient.contact else ""
        files = self.attachments[rendered.language]
        mime = self.letterhead.compose(
            recipient.key, name, address, rendered.subject, rendered.text, rendered.html, files
        )
        return rendered.subject, rendered.text, "", mime

    def _compiled(self, language: str) -> CompiledWording:
        """Return a language's compiled wording, or raise TakeReference where there is none."""
        if language not in self.wordings:
            language = self.language_for(language)
        if language not in self.compiled:  # at first use: a preview needs none
            self.compiled[language] = compile_wording(
                self.wordings[language], self.shared, self.letterhead, self.attachments.get(language, [])
            )
        compiled = self.compiled[language]
        if compiled is None:
            raise TakeReference
        return compiled


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
    """Render a message as one contact would get it; its links do nothing."""
    program = Program(message)
    field = message.channel.contact_field if message.channel else "email"
    chosen = program.language_for(language or contact.language)
    return program.render(Recipient(links.delivery_token(0), getattr(contact, field), chosen, contact))
