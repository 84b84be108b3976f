"""Convert HTML to text, for messages that were written as HTML only.

HTML is parsed here in a single pass. The standard library's parser starts again at every unclosed “<”, and takes half a
minute for 40 KB of them.
"""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import NamedTuple

from .budget import Budget

PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "hr", "section", "article"}
)
LINES = frozenset({"div", "tr", "li", "dt", "dd", "header", "footer", "address"})
HIDDEN = frozenset({"head", "script", "style", "title", "template"})

_TAG_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?:([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?+)?+""", re.DOTALL
)
_CODE_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")}


class Tag(NamedTuple):
    """A start tag, an end tag, or a self-closing tag, which is both."""

    name: str
    attributes: dict[str, str]
    begins: bool
    ends: bool


def tokens(html: str, budget: Budget) -> Iterator[Tag | str]:
    """Yield the tags of HTML and the raw text between them; comments and unclosed tags are left out."""
    position = 0
    while (start := html.find("<", position)) >= 0:
        budget.spend(1)
        if start > position:
            yield html[position:start]
        name = _TAG_NAME.match(html, start + 1)
        closing = name is None and html.startswith("/", start + 1)
        if closing:
            name = _TAG_NAME.match(html, start + 2)
        if name is None:
            if not (closing or html.startswith(("!", "?"), start + 1)):
                yield "<"
                position = start + 1
                continue
            position = _comment_end(html, start)
        else:
            attributes, position, slash = _attributes(html, name.end(), budget)
            if position > 0:
                yield Tag(name[0].lower(), attributes, not closing, closing or slash)
                if not (closing or slash) and (code_end := _CODE_ENDS.get(name[0].lower())):
                    found = code_end.search(html, position)
                    position = found.start() if found else 0
        if position <= 0:
            return
    if position < len(html):
        yield html[position:]


def _comment_end(html: str, start: int) -> int:
    """Return the end index of a comment, declaration or instruction; 0 if it is not closed."""
    if not html.startswith("<!--", start):
        return html.find(">", start) + 1
    end = html.find("-->", start + 4)
    return end + 3 if end >= 0 else 0


def _attributes(html: str, position: int, budget: Budget) -> tuple[dict[str, str], int, bool]:
    """Return a tag's attributes, its end index (0 if it is not closed), and whether it is self-closing."""
    found: dict[str, str] = {}
    while True:
        match = _ATTRIBUTE.match(html, position)
        assert match is not None
        position = match.end()
        budget.spend(1)
        if match[1] is None:
            is_over = html.startswith(">", position)
            return found, position + 1 if is_over else 0, is_over and html.endswith("/", 0, position)
        value = next((one for one in match.groups()[1:] if one is not None), "")
        found.setdefault(match[1].lower(), unescaped(value))


def unescaped(text: str) -> str:
    """Replace character references; text whose references have thousands of digits is returned unchanged."""
    try:
        return unescape(text) if "&" in text else text
    except ValueError:
        return text


def without_tags(html: str) -> str:
    """Return HTML without tags, scripts and styles; character references stay as they are."""
    return "".join(piece for piece in tokens(html, Budget()) if isinstance(piece, str))


def html_to_text(html: str, budget: Budget) -> str:
    """Return the visible text: paragraphs and lines, lists with dashes, links as “text (address)”."""
    return text_and_links(html, budget)[0]


def text_and_links(html: str, budget: Budget) -> tuple[str, list[tuple[str, str]]]:
    """Return the visible text, and (text, address) of each link; an address that equals its text is not repeated."""
    return text_of(tokens(html, budget))


def text_of(pieces: Iterable[Tag | str]) -> tuple[str, list[tuple[str, str]]]:
    """Return what `text_and_links` does, for the tags and texts of HTML."""
    builder = _TextBuilder()
    for piece in pieces:
        if isinstance(piece, str):
            builder.take_text(unescaped(piece))
        else:
            builder.take(piece)
    lines = "".join(builder.pieces).split("\n")
    text = "\n".join(line.strip(" \t") for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip(), builder.compared


class _TextBuilder:
    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.hidden = 0
        self.link: tuple[str, int] | None = None
        self.compared: list[tuple[str, str]] = []
        self.is_line_start = True

    def take(self, tag: Tag) -> None:
        if tag.begins:
            self._begin(tag.name, tag.attributes)
        if tag.ends:
            self._end(tag.name)

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in HIDDEN:
            self.hidden += 1
        self._break(tag)
        if tag == "li":
            self._add("- ")
        elif tag in ("td", "th"):
            self._add(" ")
        elif tag == "img":
            self.take_text(attributes.get("alt", ""))
        elif tag == "a":
            self._end("a")
            self.link = attributes.get("href", "").strip(), len(self.pieces)

    def _end(self, tag: str) -> None:
        if tag in HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag == "a" and self.link:
            (href, start), self.link = self.link, None
            text = "".join(self.pieces[start:]).strip()
            self.compared.append((text, href.removeprefix("mailto:")))
            if href and not href.startswith("#") and href.removeprefix("mailto:") != text:
                self._add(f" ({href})" if text else href)
        elif tag != "br":
            self._break(tag)

    def take_text(self, text: str) -> None:
        if not self.hidden:
            self._add(re.sub(r"\s+", " ", text))

    def _break(self, tag: str) -> None:
        if tag in PARAGRAPHS:
            self._add("\n\n")
        elif tag == "br" or (tag in LINES and not self.is_line_start):
            self._add("\n")

    def _add(self, piece: str) -> None:
        self.pieces.append(piece)
        if piece.strip(" "):
            self.is_line_start = piece.endswith("\n")
