"""A message with all its languages, compiled once; `envelope()` composes a copy in one of the package's two ways."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from broadcasts import links
from broadcasts.exceptions import InvalidInput, NotReady, RenderError
from broadcasts.languages import choose_language
from broadcasts.models import Contact, Delivery, Message, MessageTranslation, Syntax
from broadcasts.transports import Bubble, Envelope

from .attachments import mime_part, validate_attachments
from .budget import Budget
from .compiled_content import CompiledContent, compile_content
from .content import ContentTemplate, Recipient, Rendered
from .expressions import Expression, ExpressionScope, compile_program, marks
from .extras import Extras
from .fitting import provider_languages
from .mime import MailComposer, clean_address
from .names import LINKS, ContactSnapshot, contact_values, shared_values, uuid_of
from .placeholders import NotCompilable
from .return_path import return_path
from .templates import SCOPE, CompiledTemplate, add_tags
from .tracked_copies import Tracking

MOST_FILLED = 100  # expressions that a preview shows
NO_VALUE = "this person has no value here"


class CompiledMessage:
    """A message in all its languages, with the values that are equal for every recipient.

    translations: instead of the stored ones, for content that is not saved.
    Raises InvalidInput for content that cannot be parsed, NotReady for missing content, attachments or sender address.
    """

    def __init__(
        self,
        message: Message,
        tracking: Tracking | None = None,
        translations: Sequence[MessageTranslation] | None = None,
    ) -> None:
        translations = list(message.translations.all()) if translations is None else translations
        if not translations:
            raise NotReady("There is no content: write a subject and a body first.")
        self.message = message
        self.broadcast = message.broadcast
        self.organization = message.broadcast.organization
        self.contents: dict[str, ContentTemplate] = {}
        tags = 0
        for translation in translations:
            content = self.contents[translation.language] = ContentTemplate(message, translation)
            for template in content.templates():
                tags = add_tags(tags, template)
        self.languages = list(self.contents)
        self.checksum = _checksum(message, translations)
        self.shared = shared_values(self.organization, self.broadcast)
        self.scope: ExpressionScope | None = None  # of expressions
        if message.syntax == Syntax.EXPRESSIONS:
            self.scope = ExpressionScope(self.organization)
            self.shared[SCOPE] = self.scope
        self.composer: MailComposer | None = None
        self.context = _context(message) if message.channel and message.channel.transport_class.needs_context else {}
        self.attachments: dict[str, list[bytes]] = {}
        self.tracking = tracking  # None: nothing is measured
        self.translations = {translation.language: translation for translation in translations}
        self.tracked_contents: dict[str, ContentTemplate] = {}  # made at first use
        self.compiled_contents: dict[tuple[str, bool], CompiledContent | None] = {}  # by language, and whether tracked
        self.extras: dict[str, Extras] = {}  # only of languages that have any
        if message.channel and message.channel.transport_class.carries_mail:
            try:
                self.composer = MailComposer(message)
            except RenderError as error:
                raise NotReady(f"The channel “{message.channel}” has no good sender: {error}") from None
        for translation in translations:
            files = _attached(message, translation)
            if self.composer is not None:  # e-mail contains its files
                self.attachments[translation.language], files = [mime_part(media) for media in files], []
            extras = Extras(message, translation, files)
            for template in extras.templates():
                tags = add_tags(tags, template)
            if extras:
                self.extras[translation.language] = extras
        if self.scope is not None:
            self.scope.uses = frozenset().union(*(one.program.uses for one in self._templates() if one.program))

    def _templates(self) -> Iterator[CompiledTemplate]:
        for content in self.contents.values():
            yield from content.templates()
        for extras in self.extras.values():
            yield from extras.templates()

    def prepare(self) -> None:
        """Read the keys that sign the copies: while they are composed, an outage would count as a fault of each."""
        if self.composer is not None:
            self.composer.signer  # noqa: B018 -- it is read once

    def load(self, contacts: Iterable[ContactSnapshot | None]) -> None:
        """Read what the content uses and the snapshots of recipients do not hold, before their copies are composed."""
        if self.scope is not None and self.scope.uses:
            self.scope.load(contacts)

    def language_for(self, language: str) -> str:
        """Return the language that a recipient of this language is sent.

        Where the recipient would be skipped, it is the first one, so that a preview shows something.
        """
        defaults = self.organization.primary_language, self.broadcast.base_language
        return choose_language(language, self.languages, defaults) or self.languages[0]

    def tracks(self, recipient: Recipient) -> bool:
        """Tell whether opens and clicks of a recipient's copy are measured."""
        return self.tracking is not None and recipient.contact is not None and not recipient.contact.no_tracking

    def content(self, language: str, tracked: bool) -> ContentTemplate:
        """Return the content of a language, with what measures if it is tracked and there is anything to measure."""
        if not tracked:
            return self.contents[language]
        if language not in self.tracked_contents:
            made = ContentTemplate(self.message, self.translations[language], self.tracking)
            self.tracked_contents[language] = made if made.marks else self.contents[language]
        return self.tracked_contents[language]

    def render(self, recipient: Recipient, budget: Budget | None = None, *, tracked: bool = False) -> Rendered:
        """Render each field for one recipient, as previews show it; raises RenderError or OverBudget."""
        language = self.language_for(recipient.language)
        values = self._values(recipient, language)
        return self.content(language, tracked).render(values, recipient, budget or Budget())

    def tracked_html(self, recipient: Recipient) -> str:
        """Render the HTML of a copy that is measured, for one recipient; raises as `render` does."""
        language = self.language_for(recipient.language)
        return self.content(language, True).render_html(self._values(recipient, language), recipient, Budget())

    def _values(self, recipient: Recipient, language: str) -> dict[str, object]:
        """Return the values that templates may use."""
        values: dict[str, object] = {"contact": contact_values(recipient.contact), "language": language}
        if self.scope is not None:
            values[SCOPE] = self.scope.person(recipient.contact)
        return {
            **self.shared,
            **values,
            **{name: make(recipient.key) for name, make in LINKS.items()},
        }

    def envelope(self, recipient: Recipient) -> Envelope:
        """Compose the copy of one recipient, ready for its transport; raises RenderError or OverBudget."""
        budget = Budget()
        try:
            return self._together([recipient], [budget])[0]
        except NotCompilable:
            budget = budget.again()
        address = self._address(recipient)
        sender = self.sender(recipient.key)
        envelope = Envelope(recipient.key, address, sender, *self.compose_reference(recipient, address, budget))
        self._finish(envelope, recipient, budget)
        return envelope

    def envelopes(self, recipients: Sequence[Recipient]) -> list[Envelope | None]:
        """Compose copies together, in a fraction of the time; None for what only `envelope` can tell about.

        Each copy has its own budget, but where one exceeds it, `envelope` takes that time again.
        """
        groups: dict[tuple[str, bool], list[int]] = defaultdict(list)
        for place, recipient in enumerate(recipients):
            groups[recipient.language, self.tracks(recipient)].append(place)
        made: list[Envelope | None] = [None] * len(recipients)
        for places in groups.values():
            with suppress(Exception):
                some = self._together([recipients[place] for place in places], [Budget() for _ in places])
                for place, envelope in zip(places, some, strict=True):
                    made[place] = envelope
        return made

    def _together(self, recipients: Sequence[Recipient], budgets: Sequence[Budget]) -> list[Envelope]:
        """Compose copies of one language by its compiled content, or raise NotCompilable, RenderError or OverBudget."""
        compiled = self._compiled_content(recipients[0].language, self.tracks(recipients[0]))
        addresses = [self._address(one) for one in recipients]
        copies = compiled.fill(recipients, addresses, budgets)
        made = [
            Envelope(recipient.key, address, self.sender(recipient.key), *copy, compiled.is_smooth)
            for recipient, address, copy in zip(recipients, addresses, copies, strict=True)
        ]
        if self.context or self.extras:
            for envelope, recipient, budget in zip(made, recipients, budgets, strict=True):
                self._finish(envelope, recipient, budget)
        return made

    @cached_property
    def return_path(self) -> tuple[str, str]:
        """The sender of envelopes: what stands before and after the copy's key, or the whole and ""."""
        channel = self.message.channel
        if self.composer is not None and channel is not None:
            return return_path(self.composer.sender, channel.settings)
        return channel.from_address if channel else "", ""

    def sender(self, key: str) -> str:
        """Return the sender of the envelope of the copy with this key."""
        before, after = self.return_path
        return f"{before}{key}{after}" if after else before

    def _address(self, recipient: Recipient) -> str:
        return recipient.address if self.composer is None else clean_address(recipient.address)

    def _finish(self, envelope: Envelope, recipient: Recipient, budget: Budget) -> None:
        """Add what copies of some kinds of channel have besides their texts."""
        if self.context:
            envelope.context = {
                **self.context,
                "recipient": _recipient(recipient, self.language_for(recipient.language)),
            }
        if self.extras:
            self._add_extras(envelope, recipient, budget)

    def _add_extras(self, envelope: Envelope, recipient: Recipient, budget: Budget) -> None:
        language = self.language_for(recipient.language)
        if extras := self.extras.get(language):
            values = {} if extras.is_constant else self._values(recipient, language)
            extras.add_to(envelope, values, budget)

    def compose_reference(
        self, recipient: Recipient, address: str, budget: Budget | None = None
    ) -> tuple[str, str, str, bytes]:
        """Compose a copy by the reference; return the same four values as `CompiledContent.fill`."""
        rendered = self.render(recipient, budget, tracked=self.tracks(recipient))
        if self.composer is None:
            return rendered.subject, rendered.text, rendered.html, b""
        name = recipient.contact.full_name if recipient.contact else ""
        files = self.attachments[rendered.language]
        mime = self.composer.compose(
            recipient.key, name, address, rendered.subject, rendered.text, rendered.html, files
        )
        return rendered.subject, rendered.text, "", mime

    def _compiled_content(self, language: str, tracked: bool = False) -> CompiledContent:
        """Return a language's compiled content, or raise NotCompilable where there is none."""
        if language not in self.contents:
            language = self.language_for(language)
        if (language, tracked) not in self.compiled_contents:  # at first use: a preview needs none
            self.compiled_contents[language, tracked] = compile_content(
                self.content(language, tracked), self.shared, self.composer, self.attachments.get(language, [])
            )
        compiled = self.compiled_contents[language, tracked]
        if compiled is None:
            raise NotCompilable
        return compiled


def _context(message: Message) -> dict[str, object]:
    """Return what is equal in the context of all copies of a message."""
    broadcast, organization = message.broadcast, message.broadcast.organization
    started = broadcast.started_at
    return {
        "organization": {"uuid": str(organization.uuid), "name": organization.name},
        "broadcast": {"uuid": str(broadcast.uuid), "name": broadcast.name, "use_case": broadcast.use_case},
        "message": str(message.uuid),
        "started_at": started.isoformat() if started else None,
    }


def _recipient(recipient: Recipient, language: str) -> dict[str, object]:
    contact = recipient.contact
    uuid = uuid_of(contact) if contact else ""
    known = {"uuid": uuid, "external_id": contact.external_id or None} if contact and uuid else {}
    return {**known, "language": language, "address": recipient.address}


def _attached(message: Message, translation: MessageTranslation) -> list:
    try:
        return validate_attachments(message.broadcast.organization, translation.attachments, message.medium)
    except InvalidInput as error:
        raise InvalidInput(
            {f"translations.{translation.language}.{field}": e for field, e in error.errors.items()}
        ) from None


def _checksum(message: Message, translations: Sequence[MessageTranslation]) -> str:
    content = [[one.language, one.content()] for one in translations]
    frozen = json.dumps([message.syntax, message.parameters, content], sort_keys=True, default=str)
    return sha256(frozen.encode()).hexdigest()


def compile_message(message: Message, tracking: Tracking | None = None) -> CompiledMessage:
    """Compile a message for sending; raises InvalidInput or NotReady as CompiledMessage does.

    tracking: how opens and clicks of the copies are measured; None: they are not.
    """
    return CompiledMessage(message, tracking)


def preview(message: Message, contact: Contact, language: str | None = None) -> Rendered:
    """Render a message for one contact; unsubscribe and preference links in it have no effect."""
    compiled = CompiledMessage(message)
    return compiled.render(previewed(compiled, contact, language))


def copy_of(delivery: Delivery) -> Rendered:
    """Render the copy of a delivery again, as its person would read it now; nothing in it is measured."""
    recipient = Recipient(links.delivery_token(delivery.pk), delivery.address, delivery.language, delivery.contact)
    return CompiledMessage(delivery.message).render(recipient)


class Filled(NamedTuple):
    """An expression with what it gives for one recipient."""

    field: str
    source: str
    text: str
    reason: str  # why it is empty; "" if it is not


def filled_expressions(message: Message, contact: Contact, language: str | None = None) -> list[Filled]:
    """Return each expression of a message, filled in for one contact; [] for a message in another syntax."""
    compiled = CompiledMessage(message)
    return filled_in(compiled, previewed(compiled, contact, language), contact)


def filled_in(compiled: CompiledMessage, recipient: Recipient, contact: Contact) -> list[Filled]:
    """Return what `filled_expressions` does, of a message that is compiled already."""
    if compiled.scope is None:
        return []
    person = compiled.scope.person(contact)
    extras = compiled.extras.get(recipient.language)
    found: dict[tuple[str, str], Filled] = {}
    budget = Budget()
    for template in (*compiled.contents[recipient.language].templates(), *(extras.templates() if extras else ())):
        field = template.field.removeprefix(f"translations.{recipient.language}.")
        for one in template.program.expressions[:MOST_FILLED] if template.program else ():
            if (field, one.found.source) in found:
                continue
            text, error = one.result(person, budget)
            reason = "" if text else _why(one, compiled.scope) or error or NO_VALUE
            found[field, one.found.source] = Filled(field, one.found.source, text, reason)
    return list(found.values())[:MOST_FILLED]


def _why(expression: Expression, scope: ExpressionScope) -> str:
    """Return what its author did wrong, in the words of the editor; "" for nothing."""
    source = expression.found.source
    return next((mark.words for mark in marks(source, compile_program(source), scope)), "")


def bubble(message: Message, contact: Contact, language: str | None = None) -> Bubble | None:
    """Return a message for one contact as an app shows it; None where the fields of `preview` say it all."""
    if message.channel is None:
        return None
    compiled = CompiledMessage(message)
    recipient = previewed(compiled, contact, language)
    return bubble_of(message, compiled.envelope(recipient), recipient.language)


def bubble_of(message: Message, envelope: Envelope, language: str) -> Bubble | None:
    """Return what `bubble` does, of a copy that is composed already."""
    if message.channel is None:
        return None
    stored = provider_languages(message).get(language)
    return message.channel.transport_class.bubble(envelope, stored.structure if stored else {})


def previewed(compiled: CompiledMessage, contact: Contact, language: str | None) -> Recipient:
    """Return the recipient of a preview; the personal links of this copy have no effect."""
    channel = compiled.message.channel
    chosen = compiled.language_for(language or contact.language)
    address = contact.address_in(channel.contact_field if channel else "email")
    return Recipient(links.delivery_token(links.TEST_SEND), address, chosen, contact)
