"""What the questions are asked about: a broadcast read once, with each language as one person would get it."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from broadcasts import designing, previewing, rendering
from broadcasts.exceptions import BroadcastsError
from broadcasts.languages import language_name
from broadcasts.models import Broadcast, Contact, Medium, Message, MessageTranslation, Organization, UseCase
from broadcasts.rendering import CompiledMessage, Rendered, Tracking

from .lines import Detail, Level, Line
from .pages import HtmlPage, read_html

SECONDS = 2  # of designing, rendering and reading examples; the languages beyond that are not looked at
LONG_ID = 10**9
_LANGUAGE = re.compile(r"^translations\.[\w-]+(?:\.|$)")
_BLOCK = re.compile(r"blocks\[(\d+)\]")
_PARTS = re.compile(r"\w+", re.ASCII)


@dataclass
class Copy:
    """One language of a message, as an example person would get it.

    rendered: None where that fails, and `fault` says why.
    size: bytes of its HTML as it is sent, with the addresses that measure clicks.
    page: what its HTML shows the example person. written: the same as it was written, with its tags and without what
    is added to it.
    is_seen: whether there was time to render it.
    """

    message: Message
    content: MessageTranslation
    rendered: Rendered | None = None
    size: int = 0
    adds_html_footer: bool = False
    adds_text_footer: bool = False
    fault: str = ""
    page: HtmlPage = field(default_factory=HtmlPage)
    written: HtmlPage = field(default_factory=HtmlPage)
    is_seen: bool = True

    @property
    def language(self) -> str:
        return self.content.language

    @property
    def subject(self) -> str:
        """The subject as the example person reads it; "" where none is written."""
        written = self.content.subject.strip()
        return (self.rendered.subject if self.rendered else written) if written else ""


@dataclass
class Draft:
    """A broadcast with its messages, each on the channel that it would go through, and their copies.

    compiled: by the id of its message, what its start would compile; without those that have a fault, or took too long.
    """

    broadcast: Broadcast
    messages: Sequence[Message]
    copies: list[Copy] = field(default_factory=list)
    compiled: dict[int, CompiledMessage] = field(default_factory=dict)

    @property
    def organization(self) -> Organization:
        return self.broadcast.organization

    @property
    def is_marketing(self) -> bool:
        return self.broadcast.use_case == UseCase.MARKETING

    @property
    def mail(self) -> list[Copy]:
        return [copy for copy in self.copies if copy.message.medium == Medium.EMAIL]

    @property
    def html_mail(self) -> list[Copy]:
        return [copy for copy in self.mail if copy.content.html.strip()]

    def place(self, copy: Copy) -> str:
        """Name a copy among the others: its language, and its channel if there are several."""
        channel = f"{copy.message.channel or 'No channel'}, " if len(self.messages) > 1 else ""
        return f"{channel}{language_name(copy.language)}"

    def detail(self, copy: Copy, words: str) -> Detail:
        """Say something about one copy."""
        return Detail(f"{self.place(copy)}: {words}", copy.message, copy.language)


def read(broadcast: Broadcast) -> Draft:
    """Read a broadcast, and render each of its languages for an example person, as far as there is time.

    The HTML of each language is the one that the start would make of its design.
    """
    rows = broadcast.messages.select_related("channel__organization", "template__channel", "template__layout", "layout")
    draft = Draft(broadcast, list(rows.prefetch_related("translations", "template__translations")))
    ends = time.monotonic() + SECONDS
    person: Contact | None = None
    for message in draft.messages:
        message.broadcast = broadcast
        message.channel = message.channel or broadcast.organization.default_channel(message.medium)
        copies = _copies(message)
        draft.copies += copies
        for copy in copies:
            copy.is_seen = time.monotonic() < ends
            if copy.is_seen:
                _design(copy)
        if any(copy.is_seen for copy in copies):
            person = person or previewing.example_contact(broadcast.organization)
            _compile(draft, message, copies, person, ends)
    return draft


def _copies(message: Message) -> list[Copy]:
    """Return the languages of a message; without any, those of its template, which the start would take."""
    contents = list(message.translations.all())
    if not contents and message.template:
        message.layout, message.syntax = message.template.layout, message.template.syntax
        usable = message.template.usable()
        contents = [MessageTranslation(message=message, language=one.language, **one.content()) for one in usable]
    return [Copy(message, content) for content in contents]


def _design(copy: Copy) -> None:
    try:
        designing.apply(copy.message, copy.content)
    except BroadcastsError as error:
        copy.fault = in_words(error)


def _compile(draft: Draft, message: Message, copies: Sequence[Copy], person: Contact, ends: float) -> None:
    """Compile the languages of a message as for sending, and render each; none that there is no time for."""
    seen = [copy for copy in copies if copy.is_seen]
    try:
        compiled = CompiledMessage(message, _tracking(message), [copy.content for copy in seen])
    except BroadcastsError as error:
        for copy in seen:
            copy.fault = copy.fault or in_words(error)
        return
    if seen == copies and not any(copy.fault for copy in copies):
        draft.compiled[message.pk] = compiled
    for copy in seen:
        copy.is_seen = time.monotonic() < ends
        if copy.is_seen:
            _render(copy, compiled, person)


def _tracking(message: Message) -> Tracking | None:
    """Return how copies will be measured; with ids of links that are as long as real ones."""
    tracking = Tracking.of_test(message)
    if tracking is None or not tracking.clicks:
        return tracking
    return replace(tracking, message_id=LONG_ID, ids=dict.fromkeys(rendering.links_of(message), LONG_ID))


def _render(copy: Copy, compiled: CompiledMessage, person: Contact) -> None:
    recipient = rendering.previewed(compiled, person, copy.language)
    template = compiled.contents[copy.language]
    copy.adds_html_footer, copy.adds_text_footer = template.html_footer, template.text_footer
    try:
        copy.rendered = compiled.render(recipient)
        copy.size = len((compiled.tracked_html(recipient) if compiled.tracking else copy.rendered.html).encode())
    except BroadcastsError as error:
        copy.fault = copy.fault or in_words(error)
    copy.written = read_html(copy.content.html)
    copy.page = read_html(copy.rendered.html) if copy.rendered else copy.written


def in_words(error: BroadcastsError) -> str:
    """Return what an error says of one language, with its places as they are called on pages, and for programs too."""
    return " ".join(place_in_words(path, words) for path, words in getattr(error, "errors", {"": str(error)}).items())


def place_in_words(path: str, words: str) -> str:
    """Put the place of an error before its words, without the language: Block 3, HTML: Close the tag."""
    inner = _LANGUAGE.sub("", path)
    block = _BLOCK.match(inner)
    names = [f"Block {int(block[1]) + 1}"] if block else []
    names += [_named(part) for part in _PARTS.findall(inner[block.end() :] if block else inner)]
    place = ", ".join(names)
    return f"{place[0].upper()}{place[1:]}: {words}" if place else words


def _named(part: str) -> str:
    return {"html": "HTML", "mjml": "MJML"}.get(part) or (
        f"no. {int(part) + 1}" if part.isdecimal() else part.replace("_", " ")
    )


def told(name: str, faults: Sequence[Detail], *, fine: str, bad: str, level: Level = Level.WARNING, **more) -> Line:
    """Return a line about copies: `fine` where none has a fault, else `bad` with each of them, mended at the first."""
    if not faults:
        return Line(name, Level.OK, fine, step="what", **more)
    first = faults[0]
    return Line(
        name, level, bad, step="what", message=first.message, language=first.language, detail=tuple(faults), **more
    )
