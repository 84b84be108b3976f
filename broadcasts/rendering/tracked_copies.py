"""Put tracked addresses in the place of a template's links, and add what measures opens.

The links are marked in the source, by characters for private use and a random word, so that no value can forge a mark;
the marks travel through each syntax, and whoever composes a copy replaces them.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from django.conf import settings

from broadcasts import formats, links
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Link, Message, MessageTranslation

from .mime import quoted_address
from .placeholders import CopyContext, Filled, NotCompilable, Piece, Placeholders, join
from .tracked_links import ENDS, TAME, FoundLink, find_links, web_address

MOST_LINKS = 1_000  # of one message
LONGEST_PERSONAL = 2_500  # characters of a personal address; sealed it is longer, and servers refuse long addresses
HEAD, TAIL = "\ue010", "\ue01f"
LETTERS = [chr(number) for number in range(0xE100, 0xE500)]  # ten bits each
OUR_PAGES = "cdhioptuw"  # pages of ours, whose addresses stay what they are


@dataclass(frozen=True)
class Tracking:
    """How opens and clicks of one message are measured."""

    base: str  # what our addresses begin with
    opens: bool
    clicks: bool
    message_id: int = links.TEST_LINK
    ids: Mapping[str, int] = field(default_factory=dict)  # of its links, by URL; a test send has none
    signer: links.CopySigner = field(default_factory=links.copy_signer, repr=False)

    @classmethod
    def of(cls, message: Message) -> "Tracking | None":
        """Return how a started message is measured, with its links; None if it is not."""
        if not (message.track_opens or message.track_clicks):
            return None
        ids = dict(Link.objects.filter(message=message).values_list("url", "id")) if message.track_clicks else {}
        return cls(_base(message), bool(message.track_opens), bool(message.track_clicks), message.pk, ids)

    @classmethod
    def of_test(cls, message: Message) -> "Tracking | None":
        """Return how a test send shows what recipients will get: its links lead on, and nothing is counted."""
        if not (tracked := message.tracked):
            return None
        return cls(_base(message), "opened" in tracked, "clicked" in tracked)

    def copy_key(self, token: str) -> str:
        return self.signer.key(token, self.message_id)


def _base(message: Message) -> str:
    return links.tracking_base(message.broadcast.organization.tracking_domain)


def own_pages(base: str) -> tuple[str, ...]:
    """Return what addresses of ours begin with that are not tracked, such as the one to unsubscribe."""
    return tuple(f"{ours}/{page}/" for ours in {base, settings.BASE_URL} for page in OUR_PAGES)


def clicked_field(translation: MessageTranslation) -> str:
    """Return the field whose links are measured: the text only where there is no HTML."""
    return "html" if translation.html.strip() else "text"


def links_of(message: Message) -> list[str]:
    """Return the URLs of the links of a message, each once; raises InvalidInput at the field that has too many."""
    urls: dict[str, None] = {}
    own = own_pages(_base(message))
    for translation in message.translations.all():
        name = clicked_field(translation)
        found = find_links(getattr(translation, name), message.syntax, html=name == "html")
        urls |= dict.fromkeys(link.url for link in found if not link.url.startswith(own))
        if len(urls) > MOST_LINKS:
            words = f"All languages together have more than {formats.number(MOST_LINKS)} different links to measure; "
            raise InvalidInput(
                {f"translations.{translation.language}.{name}": f"{words}use fewer, or switch clicks off."}
            )
    return list(urls)


class MarkedSource:
    """A template whose links are marked, and what replaces the marks in a copy."""

    def __init__(self, source: str, syntax: str, tracking: Tracking, *, html: bool) -> None:
        found = find_links(source, syntax, html=html) if tracking.clicks else []
        self.tracking = tracking
        self.own = own_pages(tracking.base)
        self.links = [link for link in found if link.is_personal or not link.url.startswith(self.own)]
        word = "".join(secrets.choice(LETTERS) for _ in range(7))
        self.tail = TAIL + word
        ends = "".join(ENDS)
        self._mark = re.compile(rf"{HEAD}{word}([0-9]+)([{ends}])(.*?){self.tail}", re.DOTALL)
        self._token = re.compile(rf"{HEAD}{word}([0-9]+)([{ends}])|{self.tail}")
        pieces, done = [], 0
        for number, link in enumerate(self.links):
            head = f"{HEAD}{word}{number}{link.ends}"
            pieces += [source[done : link.start], head, source[link.start : link.end], self.tail]
            done = link.end
        self.source = "".join([*pieces, source[done:]])

    def original(self, text: str) -> str:
        """Return a text without marks."""
        return self._token.sub("", text) if self.links else text

    def tracked(self, text: str, key: str) -> str:
        """Return a text with tracked addresses in the place of the marked ones; `key` is the copy's."""
        if not self.links:
            return text

        def replaced(found: re.Match[str]) -> str:
            link = self.links[int(found[1])]
            if (ends := self._constant(link)) is not None:
                return f"{ends[0]}{key}{ends[1]}"
            return self._sealed(link, self.original(found[3]), key)

        return self.original(self._mark.sub(replaced, text))  # a filter may have cut a mark in two

    def _constant(self, link: FoundLink) -> tuple[str, str] | None:
        """Return the tracked address of a link before and after the copy's key; None if each copy has its own."""
        number = self.tracking.ids.get(link.url)
        if link.is_personal or number is None:
            return None
        before, _, after = links.tracked_url(self.tracking.base, "\0", number).partition("\0")
        return before, after

    def _sealed(self, link: FoundLink, value: str, key: str) -> str:
        """Return the tracked address for what a copy has between a link's marks, and what does not belong to it."""
        tracking = self.tracking
        number = tracking.ids.get(link.url, links.TEST_LINK)
        if number == links.TEST_LINK and tracking.message_id != links.TEST_LINK:
            return value
        if TAME.fullmatch(value):
            url, rest = value, ""
        else:
            address = ENDS[link.ends].match(value)[0]  # type: ignore[index]
            url, rest = web_address(address, link.ends), value[len(address) :]
        if not url or len(url) > LONGEST_PERSONAL or url.startswith(self.own):
            return value
        sealed = tracking.signer.seal(url, key, number)
        if len(sealed) > links.LONGEST_SEALED:
            return value
        return links.tracked_url(tracking.base, key, number, sealed) + rest

    def pieces(self, pieces: Sequence[Piece], placeholders: Placeholders) -> list[Piece]:
        """Return pieces with tracked addresses in the place of the marked ones, as `tracked` gives them."""
        if not self.links:
            return list(pieces)
        return _Pieces(self, placeholders).replaced(pieces)

    def measuring_html(self, token: str) -> str:
        """Return what is added to HTML: a picture that tells of an open, and a link that only scanners follow."""
        base, parts = self.tracking.base, []
        if self.tracking.opens:
            picture = links.picture_url(base, token)
            parts.append(f'<img src="{picture}" alt="" width="1" height="1" style="border:0">')
        if self.links:
            hidden = links.hidden_url(base, token)
            parts.append(f'<a href="{hidden}" aria-hidden="true" tabindex="-1" style="display:none"></a>')
        return "".join(parts)


class _Pieces:
    """Replaces the marks in pieces of one content; raises NotCompilable where a value could hold a half of one."""

    def __init__(self, source: MarkedSource, placeholders: Placeholders) -> None:
        self.source = source
        self.placeholders = placeholders
        self.key = copy_key_placeholder(placeholders, source.tracking)
        self.result: list[Piece] = []
        self.link: FoundLink | None = None  # whose marks have begun
        self.inside: list[Piece] = []

    def replaced(self, pieces: Sequence[Piece]) -> list[Piece]:
        marked = sum(len(self.source._token.findall(piece)) for piece in pieces if isinstance(piece, str))
        in_values = marked < 2 * len(self.source.links)
        for piece in pieces:
            if isinstance(piece, str):
                self._take(piece)
            elif in_values and not self.link and piece in self.placeholders.raw:
                self.result.append(self._of_value(piece))
            else:
                self._add(piece)
        if self.link:
            raise NotCompilable
        return self.result

    def _take(self, constant: str) -> None:
        texts = iter(self.source._token.split(constant))
        self._add(next(texts))
        for number, _, text in zip(texts, texts, texts, strict=True):
            if (number is None) == (self.link is None):
                raise NotCompilable
            if number is None:
                self._close()
            else:
                self.link, self.inside = self.source.links[int(number)], []
            self._add(text)

    def _add(self, piece: Piece) -> None:
        (self.inside if self.link else self.result).append(piece)

    def _close(self) -> None:
        link, inside, key, source = cast(FoundLink, self.link), tuple(self.inside), self.key, self.source
        self.link = None
        if (ends := source._constant(link)) is not None:
            self.result += [ends[0], key, ends[1]]
            return

        base, number, seal = source.tracking.base, source.tracking.ids.get(link.url), source.tracking.signer.seal
        ours, tame = (base, settings.BASE_URL), TAME.fullmatch

        def fill(copy: CopyContext, filled: Filled) -> str:
            value = join(inside, filled)
            if number and tame(value) and len(value) <= LONGEST_PERSONAL and not value.startswith(ours):
                # What `_sealed` would return, without the calls that take a third of the time of a measured copy.
                return f"{base}/t/{filled[key]}/{number}/{seal(value, filled[key], number)}/"
            if TAIL in value:
                raise NotCompilable
            return source._sealed(link, value, filled[key])

        has_tags = any(isinstance(piece, str) and "<" in piece for piece in inside)
        place = self.placeholders.add(fill, raw=has_tags or not self.placeholders.raw.isdisjoint(inside))
        self.placeholders.encoders[place] = quoted_address
        self.result.append(place)

    def _of_value(self, number: int) -> int:
        key, source = self.key, self.source
        return self.placeholders.add(
            lambda copy, filled: source.tracked(filled[number], filled[key]), ("tracked", number), raw=True
        )


def copy_key_placeholder(placeholders: Placeholders, tracking: Tracking) -> int:
    key, message_id = tracking.signer.key, tracking.message_id
    return placeholders.of_copy("copy key", lambda copy, filled: key(copy.key, message_id))


def token_placeholder(placeholders: Placeholders) -> int:
    return placeholders.of_copy("token", lambda copy, filled: copy.key)
