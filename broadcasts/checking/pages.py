"""What the HTML of a mail shows: its words, pictures and links."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from broadcasts.rendering import Budget
from broadcasts.rendering.budget import Exceeded
from broadcasts.rendering.plaintext import HIDDEN, Tag, text_of, tokens, unescaped

DECORATION = frozenset({"presentation", "none"})
TINY = 3  # pixels: spacers, and pictures that measure


@dataclass
class HtmlPage:
    """words: without tags. pictures: what each shows, "" for no alternative text. links: (words, address)."""

    words: str = ""
    pictures: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)


def read_html(html: str) -> HtmlPage:
    """Read HTML; what costs more than a copy may is read as empty, since such a copy is not sent either."""
    budget = Budget()
    try:
        pieces = list(tokens(html, budget))
    except Exceeded:
        return HtmlPage()
    page = HtmlPage(text_of(pieces)[0])
    _read_tags(page, pieces)
    return page


def _read_tags(page: HtmlPage, pieces: Iterable[Tag | str]) -> None:
    link: tuple[str, list[str]] | None = None  # that has begun: its address and its words
    hidden = 0
    for piece in pieces:
        if isinstance(piece, str):
            if link and not hidden:
                link[1].append(unescaped(piece))
            continue
        if piece.name in HIDDEN:
            hidden = max(0, hidden + piece.begins - piece.ends)
        elif piece.name == "img":
            alt = piece.attributes.get("alt", "").strip()
            page.pictures += [] if _is_decoration(piece) else [alt]
            if link:
                link[1].append(alt)
        elif piece.name == "a":
            if link:  # an end tag, or the next link, which ends this one
                page.links.append((re.sub(r"\s+", " ", "".join(link[1])).strip(), link[0]))
            href = piece.attributes.get("href") if piece.begins else None
            link = None if href is None else (href.strip(), [])


def _is_decoration(picture: Tag) -> bool:
    """Tell whether a picture is marked as decoration, or too small to be seen."""
    named = picture.attributes
    if named.get("role", "").lower() in DECORATION or named.get("aria-hidden", "").lower() == "true":
        return True
    return any(_pixels(named.get(side, "")) < TINY for side in ("width", "height"))


def _pixels(value: str) -> int:
    digits = value.strip().removesuffix("px")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 6 else TINY
