"""What the questions are asked about: a broadcast read once, with each language as one person would get it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from broadcasts import designing, previewing, rendering
from broadcasts.exceptions import BroadcastsError
from broadcasts.languages import language_name
from broadcasts.models import Broadcast, Medium, Message, MessageTranslation, Organization, UseCase
from broadcasts.rendering import CompiledMessage, Rendered, Tracking

from .lines import Detail, Level, Line
from .pages import HtmlPage, read_html

SECONDS = 2  # of rendering and reading examples; the languages beyond that are not looked at
LONG_ID = 10**9


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
    """A broadcast with its messages, each on the channel that it would go through, and their copies."""

    broadcast: Broadcast
    messages: Sequence[Message]
    copies: list[Copy] = field(default_factory=list)

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
    """Read a broadcast, and render each of its languages for an example person."""
    draft = contents_of(broadcast)
    compiled = {message.pk: _compiled(draft, message) for message in draft.messages}
    ends = time.monotonic() + SECONDS
    for copy in draft.copies:
        found = compiled[copy.message.pk]
        copy.is_seen = time.monotonic() < ends
        if isinstance(found, str):
            copy.fault = copy.fault or found
        elif copy.is_seen:
            _render(copy, found)
    return draft


def contents_of(broadcast: Broadcast) -> Draft:
    """Read a broadcast with the HTML that its start would make of each language, and render nothing."""
    rows = broadcast.messages.select_related("channel__organization", "template__channel", "template__layout", "layout")
    messages = list(rows.prefetch_related("translations", "template__translations"))
    for message in messages:
        message.broadcast = broadcast
        message.channel = message.channel or broadcast.organization.default_channel(message.medium)
    return Draft(broadcast, messages, [copy for message in messages for copy in _copies(message)])


def _copies(message: Message) -> list[Copy]:
    """Return the languages of a message; without any, those of its template, which the start would take."""
    contents = list(message.translations.all())
    if not contents and message.template:
        message.layout, message.syntax = message.template.layout, message.template.syntax
        usable = message.template.usable()
        contents = [MessageTranslation(message=message, language=one.language, **one.content()) for one in usable]
    copies = [Copy(message, content) for content in contents]
    for copy in copies:
        try:
            designing.apply(message, copy.content)
        except BroadcastsError as error:
            copy.fault = str(error)
    return copies


def _compiled(draft: Draft, message: Message) -> CompiledMessage | str:
    """Return a message compiled as for sending, or why it cannot be."""
    contents = [copy.content for copy in draft.copies if copy.message is message]
    try:
        return CompiledMessage(message, _tracking(message), contents)
    except BroadcastsError as error:
        return str(error)


def _tracking(message: Message) -> Tracking | None:
    """Return how copies will be measured; with ids of links that are as long as real ones."""
    tracking = Tracking.of_test(message)
    if tracking is None or not tracking.clicks:
        return tracking
    return replace(tracking, message_id=LONG_ID, ids=dict.fromkeys(rendering.links_of(message), LONG_ID))


def _render(copy: Copy, compiled: CompiledMessage) -> None:
    person = previewing.example_contact(compiled.organization)
    recipient = rendering.previewed(compiled, person, copy.language)
    template = compiled.contents[copy.language]
    copy.adds_html_footer, copy.adds_text_footer = template.html_footer, template.text_footer
    try:
        copy.rendered = compiled.render(recipient)
        sent = compiled.render(recipient, tracked=True) if compiled.tracking else copy.rendered
        copy.size = len(sent.html.encode())
    except BroadcastsError as error:
        copy.fault = copy.fault or str(error)
    copy.written = read_html(copy.content.html)
    copy.page = read_html(copy.rendered.html) if copy.rendered else copy.written


def told(name: str, faults: Sequence[Detail], *, fine: str, bad: str, level: Level = Level.WARNING, **more) -> Line:
    """Return a line about copies: `fine` where none has a fault, else `bad` with each of them, mended at the first."""
    if not faults:
        return Line(name, Level.OK, fine, step="what", **more)
    first = faults[0]
    return Line(
        name, level, bad, step="what", message=first.message, language=first.language, detail=tuple(faults), **more
    )
