"""Render content that is not saved, as one contact would get it; for the live preview beside the editor and the API.

Nothing is stored or sent. The copy is composed by the code that sends, within the budget of a copy, and its personal
links have no effect. What is wrong is told by its path in the content of the language shown, and everything else is
rendered all the same, so that a preview stays while somebody types.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.core.exceptions import ValidationError

from broadcasts import designing, rendering, septets
from broadcasts.designing import Designed
from broadcasts.exceptions import InvalidInput, NotReady, RenderError
from broadcasts.languages import choose_language, normalize_language
from broadcasts.models import (
    Broadcast,
    Channel,
    Contact,
    Content,
    Layout,
    Media,
    Medium,
    Message,
    MessageTranslation,
    Organization,
    Syntax,
    Template,
)
from broadcasts.rendering import CompiledMessage, Filled
from broadcasts.transports import Bubble

EXAMPLE_ADDRESS = "someone@example.com"  # of mail to a person without an address
_PLACED = re.compile(r"([^,:]+)(?:, |: )(.*)", re.DOTALL)
NO_CONTENT = "Give the content of at least one language."


@dataclass
class Preview:
    """What one contact would get, and what is wrong with the content.

    `errors` are by path in the content of `language`: a field (`subject`, `html`, `attachments`), a part of the design
    (`blocks[2].href`, `source`, `slots.intro`) or of the parameters (`parameters[body][0]`), or `channel`.
    """

    contact: Contact
    language: str = ""
    address: str = ""
    subject: str = ""
    preheader: str = ""
    text: str = ""
    html: str = ""
    bubble: Bubble | None = None  # None where the other fields say it all
    sms: septets.Count | None = None  # of an SMS
    source: str = ""  # mail with its headers, without its files; or what a webhook is given
    files: list[Media] = field(default_factory=list)
    expressions: list[Filled] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> str:
        """The headers of `source` if it is mail, else ""."""
        return self.source.partition("\n\n")[0] if self.source and not self.source.startswith("{") else ""


def unsaved_message(
    organization: Organization,
    *,
    broadcast: Broadcast | None = None,
    channel: Channel | None = None,
    template: Template | None = None,
    layout: Layout | None = None,
    syntax: str = Syntax.LIQUID,
    parameters: dict[str, Any] | None = None,
    use_case: str = "",
) -> Message:
    """Return a message to render that is not saved; without a channel it is on the default one of its medium."""
    if broadcast is None:
        broadcast = Broadcast(
            organization=organization,
            name="Preview",
            use_case=use_case or organization.default_use_case,
            base_language=organization.primary_language,
        )
    if channel is None:
        channel = (template and template.channel) or organization.default_channel(
            template.medium if template else Medium.EMAIL
        )
    return Message(
        broadcast=broadcast,
        channel=channel,
        template=template,
        layout=layout,
        syntax=syntax,
        parameters=parameters or {},
    )


def example_contact(organization: Organization) -> Contact:
    """Return the contact that is shown until one is chosen: the first one, or an example that is not stored."""
    found = Contact.objects.for_organization(organization).order_by("id").first()
    return found or Contact(organization=organization, full_name="Jane Example", email="jane@example.com")


def render_unsaved(
    message: Message, contents: Mapping[str, Mapping[str, Any]], contact: Contact | None = None, language: str = ""
) -> Preview:
    """Render one language of content for one contact; raises InvalidInput for a language that is none.

    message: a saved one, or one of `unsaved_message`; its stored translations are not read.
    contents: {language: {field: value}}, with fields of `Content.CONTENT`; what is missing is blank.
    language: the one to show; "": the one that the contact would get.
    """
    contact = contact or example_contact(message.broadcast.organization)
    translation = _chosen(message, contents, language or contact.language)
    shown = Preview(contact, translation.language)
    _take(shown.errors, lambda: _fix(message, translation), None)
    shown.errors |= rendering.misfits(message, translation)
    shown.files = _take(shown.errors, lambda: _files(message, translation), [])
    _take(shown.errors, lambda: _check_templates(message, translation, shown), None)
    for path in shown.errors:
        _blank(translation, path)
    for _ in rendering.TEMPLATED:  # with the values of this contact one after another may fail
        try:
            _take(shown.errors, lambda: _compose(message, translation, shown), None)
            break
        except RenderError as error:
            path, words = _placed(error, translation)
            shown.errors.setdefault(path, words)
            _blank(translation, path)
        except NotReady as error:
            shown.errors["channel"] = str(error)
            break
    return shown


_Result = TypeVar("_Result")


def _take(errors: dict[str, str], act: Callable[[], _Result], otherwise: _Result) -> _Result:
    """Return what a step gives; keep its errors, and return `otherwise`, if there are any."""
    try:
        return act()
    except InvalidInput as error:
        errors |= error.errors
        return otherwise


def _chosen(message: Message, contents: Mapping[str, Mapping[str, Any]], wanted: str) -> MessageTranslation:
    """Return the language to show as a translation that is not saved."""
    tags = {_normalized(tag): tag for tag in contents}
    if not tags:
        raise InvalidInput({"translations": NO_CONTENT})
    broadcast = message.broadcast
    defaults = broadcast.organization.primary_language, broadcast.base_language
    language = choose_language(_normalized(wanted) if wanted else "", tags, defaults) or next(iter(tags))
    values = {name: value for name, value in contents[tags[language]].items() if name in Content.CONTENT}
    return MessageTranslation(message=message, language=language, tag=tags[language], **values)


def _fix(message: Message, translation: MessageTranslation) -> None:
    """Give a language the fixed design of its template; raises InvalidInput for another design."""
    language, rows = translation.language, MessageTranslation.objects.filter(message=message.pk)
    is_stored = message.pk is not None and message.template is not None and message.template.is_fixed
    stored = rows.filter(language=language).first() if is_stored else None
    values = designing.fixed_values(message.template, language, translation.content(), stored)
    for name, value in values.items():
        setattr(translation, name, value)


def _normalized(tag: str) -> str:
    try:
        return normalize_language(tag)
    except ValidationError as error:
        raise InvalidInput({"language": error.messages[0]}) from None


def _files(message: Message, translation: MessageTranslation) -> list[Media]:
    """Return the attached files; mail is shown without them, since reading them takes long."""
    found = rendering.validate_attachments(message.broadcast.organization, translation.attachments, message.medium)
    if message.channel and message.channel.transport_class.carries_mail:
        translation.attachments = []
    return found


def problems(message: Message, content: Content, checker: rendering.Checker) -> dict[str, str]:
    """Return what saving refuses of one language, {path in the content: words}; fills its HTML from its design.

    message: whose content it is, with its channel, template, layout and syntax as they are chosen.
    """
    translation = MessageTranslation(message=message, language=content.language, **content.content())
    found = rendering.misfits(message, translation)
    made = _take(found, lambda: designing.apply(message, translation), Designed(""))
    content.html = translation.html = made.html
    _take(found, lambda: designing.check(checker, message.syntax, _templates_of(message, translation), made), None)
    _take(found, lambda: _files(message, translation), None)
    return found


def _check_templates(message: Message, translation: MessageTranslation, shown: Preview) -> None:
    """Design a translation, check its templates as saving does, and keep the warnings; raises InvalidInput by path."""
    made = _take(shown.errors, lambda: designing.apply(message, translation), Designed(""))
    translation.html = made.html
    shown.warnings += made.warnings
    fields, organization = _templates_of(message, translation), message.broadcast.organization
    told = rendering.warnings(organization, message.syntax, fields)
    shown.warnings += [f"{path}: {words}" for path, faults in told.items() for words in faults]
    designing.check(rendering.Checker(organization), message.syntax, fields, made)


def _templates_of(message: Message, translation: MessageTranslation) -> dict[str, str]:
    fields = {name: value for name in rendering.TEMPLATED if (value := getattr(translation, name))}
    return fields | rendering.extra_texts(message, translation)


def _blank(translation: MessageTranslation, path: str) -> None:
    """Blank the field that a path of errors leads to, so that all others can be shown."""
    name = path.partition("[")[0].partition(".")[0]
    name = "html" if name in Content.DESIGN else name
    if name in Content.CONTENT:
        setattr(translation, name, MessageTranslation().content()[name])


def _placed(error: RenderError, translation: MessageTranslation) -> tuple[str, str]:
    """Return the path and the words of an error of one copy."""
    found = _PLACED.fullmatch(error.args[0].removeprefix(f"translations.{translation.language}."))
    return (found[1], found[2]) if found else ("contact", str(error))


def _compose(message: Message, translation: MessageTranslation, shown: Preview) -> None:
    """Compose the copy and keep what is seen of it; raises InvalidInput, NotReady or RenderError."""
    compiled = CompiledMessage(message, translations=[translation])
    recipient = rendering.previewed(compiled, shown.contact, translation.language)
    rendered = compiled.render(recipient)
    for name in (*rendering.TEMPLATED, "address"):
        setattr(shown, name, getattr(rendered, name))
    if message.medium == Medium.SMS:
        shown.sms = septets.count(shown.text.strip())
    shown.expressions = rendering.filled_in(compiled, recipient, shown.contact)
    if message.channel is None:
        return
    if not recipient.address:
        shown.warnings.append("This person has no address on this channel, and would be left out.")
        recipient.address = EXAMPLE_ADDRESS
    envelope = compiled.envelope(recipient)
    shown.source = message.channel.transport_class.source(envelope)
    shown.bubble = rendering.bubble_of(message, envelope, translation.language)
