"""What the HTML of a mail shows: its words, pictures and links."""

from dataclasses import dataclass
from typing import Self

from broadcasts.rendering import Budget
from broadcasts.rendering.budget import Exceeded
from broadcasts.rendering.plaintext import Tag, text_and_links, tokens

DECORATION = frozenset({"presentation", "none"})
TINY = 3  # pixels: spacers, and pictures that measure


@dataclass(frozen=True)
class HtmlPage:
    """words: without tags. pictures: what each shows, "" for no alternative text. links: (words, address)."""

    words: str = ""
    pictures: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, html: str) -> Self:
        """Read HTML; what costs more than a copy may is read as empty, since such a copy is not sent either."""
        budget = Budget()
        try:
            pictures = [one for one in tokens(html, budget) if isinstance(one, Tag) and one.name == "img"]
            words, links = text_and_links(html, budget)
        except Exceeded:
            return cls()
        shown = tuple(one.attributes.get("alt", "").strip() for one in pictures if not _is_decoration(one))
        return cls(words, shown, tuple(links))


def _is_decoration(picture: Tag) -> bool:
    """Tell whether a picture is marked as decoration, or too small to be seen."""
    named = picture.attributes
    if named.get("role", "").lower() in DECORATION or named.get("aria-hidden", "").lower() == "true":
        return True
    return any(_pixels(named.get(side, "")) < TINY for side in ("width", "height"))


def _pixels(value: str) -> int:
    digits = value.strip().removesuffix("px")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 6 else TINY
