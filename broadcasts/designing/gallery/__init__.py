"""The designs that ship with the product: blocks, colours and words in several languages, as data beside this module.

A design is a JSON file: `name`, `about`, `palette` (a name of its colours), `style`, `header` and `footer` of its
layout, `blocks`, and `words` per language. A text of the blocks that begins with `$` names one of the words; `picture`
of an image names a file that `manage.py draw_gallery` draws, and that is copied into an organization's media when the
design is used.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from broadcasts.designing.blocks import walk
from broadcasts.languages import nearest_language

FOLDER = Path(__file__).parent
DRAWINGS = FOLDER / "pictures"  # the SVG files that the pictures are drawn from
STATIC = "broadcasts/gallery"  # where the drawn pictures are, below the static files
# As the gallery shows them: what most people look for first.
ORDER = ("newsletter", "event", "notice", "welcome", "class", "offer", "appeal", "survey", "receipt", "letter")
ENVELOPE = ("subject", "preheader")


@dataclass(frozen=True)
class Design:
    """One design; what it is made of is shared by all users of it and must not be changed."""

    slug: str
    name: str
    about: str
    palette: str
    style: Mapping[str, Any]
    header: list[dict[str, Any]]
    footer: list[dict[str, Any]]
    blocks: list[dict[str, Any]]
    words: Mapping[str, Mapping[str, str]]

    @property
    def languages(self) -> list[str]:
        return list(self.words)

    @property
    def picture(self) -> str:
        """Return the static path of its picture in the gallery."""
        return f"{STATIC}/{self.slug}.png"

    def pictures(self) -> dict[str, str]:
        """Return {name: key of the word that describes it} of the pictures it shows."""
        return {image["picture"]: image["alt"] for _, image in walk(self.blocks) if "picture" in image}

    def header_of(self, name: str) -> list[dict[str, Any]]:
        """Return the header with the name of an organization, in words that mean the same in each syntax."""
        safe = escape(name).translate({ord(sign): f"&#{ord(sign)};" for sign in "{}@"})
        return [_filled(block, {"organization": f"<strong>{safe}</strong>"}, _no_picture) for block in self.header]

    def in_language(self, language: str) -> str:
        """Return the language to use for readers of a language: the nearest one (es for es-MX), or English."""
        return nearest_language(language, self.words) or "en"

    def has_language(self, language: str) -> bool:
        return bool(nearest_language(language, self.words))

    def content(self, language: str, picture: Callable[[str], Mapping[str, str]]) -> dict[str, Any]:
        """Return the content in a language that it has; `picture` returns an image's `media` or `url` by its name."""
        words = self.words[language]
        envelope = {name: words[name] for name in ENVELOPE}
        return {**envelope, "format": "blocks", "blocks": [_filled(block, words, picture) for block in self.blocks]}


@cache
def listed() -> dict[str, Design]:
    """Return all designs by their slug, in the order of the gallery."""
    return {slug: Design(slug, **json.loads((FOLDER / f"{slug}.json").read_text("utf-8"))) for slug in ORDER}


def _no_picture(name: str) -> Mapping[str, str]:
    return {}


def _filled(value: Any, words: Mapping[str, str], picture: Callable[[str], Mapping[str, str]]) -> Any:
    if isinstance(value, str):
        return words[value[1:]] if value.startswith("$") else value
    if isinstance(value, list):
        return [_filled(one, words, picture) for one in value]
    if not isinstance(value, dict):
        return value
    filled = {name: _filled(one, words, picture) for name, one in value.items() if name != "picture"}
    return {**filled, **picture(value["picture"])} if "picture" in value else filled
