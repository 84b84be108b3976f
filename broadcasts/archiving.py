"""The public archive of an organization: mail that was sent, as an unnamed reader gets it.

Everybody may read it, so it has nothing of any person: merge fields take their defaults or nothing, conditions their
last branch, links of one's own are left out, nothing is measured, and files that are attached are not shown. It is
rendered from the content that was frozen at the start, within the budget of one copy, and remembered by each process.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Prefetch
from django.db.models.functions import Now

from broadcasts import links, rendering
from broadcasts.exceptions import BroadcastsError, NotReady, OverBudget, RenderError, WrongState
from broadcasts.languages import choose_language, normalize_language
from broadcasts.models import (
    AuditEntry,
    Broadcast,
    Medium,
    Message,
    MessageTranslation,
    Organization,
    OrganizationQuerySet,
    User,
)
from broadcasts.rendering import Budget, CompiledMessage, Recipient, Rendered

NOBODY = "nobody"  # stands for the token of a delivery: no link with it leads to anybody
NO_MAIL = "This broadcast has no mail, and the archive shows nothing else."
NO_ARCHIVE = "The organization has no public archive: an admin switches it on, under Organizations."
NOT_SENT = "The archive shows what was sent: of a draft, tick “in the public archive” in its form."
MOST_BYTES = 20_000_000  # of rendered mail in the memory of a process
FAILED_SECONDS = 600  # for which mail that cannot be rendered is not tried again
TITLE = ""  # stands for the language of what is kept of a mail for lists
_LINK = re.compile(r"<a\s", re.IGNORECASE)
_LINK_END = re.compile(r"</a\s*>", re.IGNORECASE)


def listed(organization: Organization) -> "OrganizationQuerySet[Broadcast]":
    """Return the broadcasts in the archive of an organization, newest first; none while it has no archive."""
    rows = Broadcast.objects.for_organization(organization)
    if not (organization.has_archive and organization.status == Organization.Status.ACTIVE):
        return rows.none()
    has_mail = Exists(Message.objects.filter(broadcast=OuterRef("pk"), channel__medium=Medium.EMAIL))
    return rows.filter(Broadcast.BEGUN, has_mail, in_archive=True, started_at__isnull=False).order_by(
        "-started_at", "-pk"
    )


def is_listed(broadcast: Broadcast) -> bool:
    """Tell whether everybody can read a broadcast in the archive now."""
    return broadcast.in_archive and listed(broadcast.organization).filter(pk=broadcast.pk).exists()


def public_address(broadcast: Broadcast) -> str:
    """Return the address at which everybody can read a broadcast; "" if nobody can."""
    return links.archived_url(broadcast.organization.slug, broadcast.uuid) if is_listed(broadcast) else ""


def put(broadcast: Broadcast, by: User | None = None) -> None:
    """Put a broadcast that has begun into the archive; raises NotReady, or WrongState before it begins."""
    if not broadcast.organization.has_archive:
        raise NotReady(NO_ARCHIVE)
    if not broadcast.messages.filter(channel__medium=Medium.EMAIL).exists():
        raise NotReady(NO_MAIL)
    _mark(broadcast, True, by)


def take_out(broadcast: Broadcast, by: User | None = None) -> None:
    """Take a broadcast that has begun out of the archive; raises WrongState before it begins."""
    _mark(broadcast, False, by)


def _mark(broadcast: Broadcast, in_archive: bool, by: User | None) -> None:
    begun = Broadcast.objects.filter(Broadcast.BEGUN, pk=broadcast.pk)
    if not begun.transition(in_archive=in_archive, modified=Now()):
        raise WrongState(NOT_SENT)
    broadcast.refresh_from_db(fields=["in_archive", "modified"])
    act = "archive" if in_archive else "unarchive"
    AuditEntry.write(broadcast, act, organization=broadcast.organization, user=by)


def mail_of(broadcast: Broadcast) -> Message:
    """Return the message that the archive shows: the first one by e-mail."""
    message = broadcast.messages.filter(channel__medium=Medium.EMAIL).prefetch_related("translations")[0]
    message.broadcast = broadcast
    return message


def mail_of_each(broadcasts: list[Broadcast]) -> list[Message]:
    """Return what `mail_of` does of each broadcast, in this order, with the titles of its translations alone."""
    short = MessageTranslation.objects.only("message", "language", "tag", "position", "subject", "preheader")
    rows = Message.objects.filter(broadcast__in=broadcasts, channel__medium=Medium.EMAIL).order_by("-position", "-id")
    first = {one.broadcast_id: one for one in rows.prefetch_related(Prefetch("translations", short))}
    found = []
    for broadcast in broadcasts:
        message = first[broadcast.pk]
        message.broadcast = broadcast
        found.append(message)
    return found


def language_of(message: Message, wanted: str = "") -> str:
    """Return the language that a reader of this one is shown; "": the language of the broadcast itself."""
    languages = [one.language for one in message.translations.all()]
    broadcast = message.broadcast
    try:
        wanted = normalize_language(wanted) if wanted else ""
    except ValidationError:
        wanted = ""
    defaults = broadcast.base_language, broadcast.organization.primary_language
    return choose_language(wanted, languages, defaults) or languages[0]


def titled(messages: list[Message]) -> tuple[list[tuple[Message, Rendered]], bool]:
    """Return subject and preheader of each mail in its own language, and whether another try would find the same.

    What cannot be rendered is left out. All of them share the budget of one copy; what fails because others spent it is
    tried again the next time, when those are remembered.
    """
    budget, found, is_final = Budget(), [], True
    for message in messages:
        try:
            found.append((message, _title(message, budget)))
        except BroadcastsError:
            is_final = is_final and _kept.get(_key(message, TITLE)) is not None
    return found, is_final


def _title(message: Message, budget: Budget) -> Rendered:
    def make() -> Rendered:
        stored = message.translation(language_of(message))
        fields = {"language": stored.language, "subject": stored.subject, "preheader": stored.preheader}
        return _impersonal(_rendered(message, MessageTranslation(**fields), budget), "")

    return _remembered(_key(message, TITLE), make, budget)


def render(message: Message, language: str) -> Rendered:
    """Render a mail for nobody in particular, in one of its languages; raises BroadcastsError if it cannot be."""
    budget = Budget()

    def make() -> Rendered:
        content = {**message.translation(language).content(), "attachments": []}  # reading files takes long
        address = links.archived_url(message.broadcast.organization.slug, message.broadcast.uuid)
        return _impersonal(_rendered(message, MessageTranslation(language=language, **content), budget), address)

    return _remembered(_key(message, language), make, budget)


def _remembered(key: tuple, make: Callable[[], Rendered], budget: Budget) -> Rendered:
    """Return what was made before, or make it; what failed fails again for minutes, so that reloading costs nothing."""
    kept = _kept.get(key)
    if kept is None:
        is_whole = budget.is_whole
        try:
            kept = make()
        except BroadcastsError as error:
            if is_whole or not isinstance(error, OverBudget):
                _kept.keep(key, Failed(str(error), time.monotonic() + FAILED_SECONDS))
            raise
        _kept.keep(key, kept)
    if isinstance(kept, Failed):
        raise RenderError(kept.why)
    return kept


def _key(message: Message, language: str) -> tuple:
    return message.pk, language, message.broadcast.modified, message.broadcast.organization.modified


def _rendered(message: Message, translation: MessageTranslation, budget: Budget) -> Rendered:
    """Render as sending does, but without the channel, which may have changed since and is not needed."""
    unsent = Message(broadcast=message.broadcast, syntax=message.syntax)
    compiled = CompiledMessage(unsent, translations=[translation])
    return compiled.render(Recipient(NOBODY, "", translation.language, None), budget)


def _impersonal(copy: Rendered, address: str) -> Rendered:
    """Return a copy without links of one's own; the one to the version in the browser leads to the archive."""
    web_url = links.web_url(NOBODY)
    fields = {name: getattr(copy, name).replace(web_url, address) for name in rendering.TEMPLATED}
    for url in (links.unsubscribe_url(NOBODY), links.preferences_url(NOBODY)):
        fields["html"] = without_link(fields["html"], url)
        fields["text"] = "".join(line for line in fields["text"].splitlines(keepends=True) if url not in line)
        for name in ("subject", "preheader"):
            fields[name] = fields[name].replace(url, "")
    return Rendered(**fields, language=copy.language, address="")


def without_link(html: str, url: str) -> str:
    """Return HTML without the links that lead to an address, and without the address where it stands alone.

    The time that it takes grows with the length of the HTML alone, whatever is written there.
    """
    parts: list[str] = []
    done = tag_end = link_end = 0
    while (at := html.find(url, done)) >= 0:
        start, end = html.rfind("<", done, at), at + len(url)
        if start >= 0 and _LINK.match(html, start) and ">" not in html[start:at]:
            tag_end = tag_end if tag_end >= end else _found(html.find(">", end), html)
            if link_end < tag_end:
                closing = _LINK_END.search(html, tag_end)
                link_end = closing.end() if closing else len(html)
            parts.append(html[done:start])
            done = link_end
        else:
            parts.append(html[done:at])
            done = end
    return "".join([*parts, html[done:]])


def _found(at: int, html: str) -> int:
    return at if at >= 0 else len(html)


@dataclass(frozen=True)
class Failed:
    """Stands for mail that could not be rendered, until a moment of the monotonic clock."""

    why: str
    until: float


class _Kept:
    """The mail that was read last, up to MOST_BYTES; its keys tell what it was made of, so it never gets old."""

    def __init__(self) -> None:
        self.rows: OrderedDict[tuple, Rendered | Failed] = OrderedDict()
        self.size = 0
        self.lock = Lock()

    def get(self, key: tuple) -> Rendered | Failed | None:
        with self.lock:
            found = self.rows.get(key)
            if found is None or (isinstance(found, Failed) and found.until < time.monotonic()):
                return None
            self.rows.move_to_end(key)
            return found

    def keep(self, key: tuple, copy: Rendered | Failed) -> None:
        with self.lock:
            self.size += _size(copy) - (_size(self.rows[key]) if key in self.rows else 0)
            self.rows[key] = copy
            while self.size > MOST_BYTES and self.rows:
                self.size -= _size(self.rows.popitem(last=False)[1])


def _size(copy: Rendered | Failed) -> int:
    said = len(copy.why) if isinstance(copy, Failed) else len(copy.html) + len(copy.text)
    return said + 1_000


_kept = _Kept()
