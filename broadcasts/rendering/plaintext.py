"""The text part of a message that was written as HTML only."""

import re
from html.parser import HTMLParser

PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "hr", "section", "article"}
)
LINES = frozenset({"div", "tr", "li", "dt", "dd", "header", "footer", "address"})
HIDDEN = frozenset({"head", "script", "style", "title", "template"})

# Conditional comments for one mail program, which the parser does not know.
_CONDITIONAL = re.compile(r"<!\[[^>]*>?")


def html_to_text(html: str) -> str:
    """Return what a reader sees: paragraphs and lines, lists with dashes, links as “text (address)”."""
    return text_and_links(html)[0]


def text_and_links(html: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what a reader sees, and of each link the words and the address that were compared."""
    reader = _Reader()
    reader.feed(_CONDITIONAL.sub("", html))
    reader.close()
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", "".join(reader.pieces))
    return re.sub(r"\n{3,}", "\n\n", text).strip(), reader.compared


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.hidden = 0
        self.links: list[tuple[str, int]] = []
        self.compared: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self.hidden += 1
        self._break(tag)
        given = {name: value or "" for name, value in attrs}
        if tag == "li":
            self.pieces.append("- ")
        elif tag in ("td", "th"):
            self.pieces.append(" ")
        elif tag == "img":
            self.handle_data(given.get("alt", ""))
        elif tag == "a":
            self.links.append((given.get("href", "").strip(), len(self.pieces)))

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag == "a" and self.links:
            href, start = self.links.pop()
            text = "".join(self.pieces[start:]).strip()
            self.compared.append((text, href.removeprefix("mailto:")))
            if href and not href.startswith("#") and href.removeprefix("mailto:") != text:
                self.pieces.append(f" ({href})" if text else href)
        elif tag != "br":
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if tag in PARAGRAPHS:
            self.pieces.append("\n\n")
        elif tag == "br" or (tag in LINES and not self._at_line_start()):
            self.pieces.append("\n")

    def _at_line_start(self) -> bool:
        last = next((piece for piece in reversed(self.pieces) if piece.strip(" ")), "\n")
        return last.endswith("\n")
