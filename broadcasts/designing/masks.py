"""Hide Liquid tags and expressions from compilers of HTML behind words, and put them back byte for byte.

A tag of logic (“{% if %}”) that stands between elements becomes a comment: words between the rows of a table would be
moved in front of it.
"""

import re
import secrets
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from typing import NamedTuple

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Syntax
from broadcasts.rendering import ISLAND_BEGINS, ISLAND_ENDS, tags_of, without_islands

from .blocks import Problems

# A tag of HTML, a comment, or the text before one; what is not closed is text to the end.
HTML_TAG = re.compile(r"""</?[A-Za-z](?:[^"'>]|"[^"]*+"|'[^']*+')*+>|<!--.*?-->""", re.DOTALL)
_ESCAPED = re.compile(r"&(?:lt|gt|amp|quot|#39|nbsp);")
_OPENS = re.compile(r"if|unless|for|case|capture|comment|ifchanged")
_NAME = re.compile(r"\{%-?\s*(\w+)")
LAYOUT = "layout."  # begins the paths of what is written in a layout


class Masked(NamedTuple):
    """A hidden tag: its source, and where it stands."""

    source: str
    path: str
    line: int
    is_logic: bool  # whether it writes nothing itself
    syntax: str = Syntax.LIQUID


class Masks:
    """The hidden tags of one design; those of its layout are Liquid, whatever the syntax of the rest."""

    def __init__(self, syntax: str) -> None:
        self.syntax = syntax
        self.key = f"zq{secrets.token_hex(6)}n"  # that no source can know
        self.tags: list[Masked] = []
        self.token = re.compile(rf"{self.key}(\d+)n")
        self.comment = re.compile(rf"<!--{self.key}\d+n-->")
        self.either = re.compile(rf"<!--{self.key}(\d+)n-->|{self.key}(\d+)n")
        self.dropped: set[int] = set()  # those in what was taken out on purpose

    def hide(self, source: str, path: str, *, is_html: bool = False, first_line: int = 1) -> str:
        """Return a source with words in the place of its tags; raises InvalidInput for a tag that is not closed.

        is_html: whether the tags may have been escaped as HTML by the editor that wrote them.
        """
        source, syntax = without_islands(source), self.syntax_at(path)
        if syntax == Syntax.PLAIN:
            return source
        pieces = []
        line = first_line
        for is_tag, text in tags_of(source, syntax, path):
            if is_tag:
                shown = _ESCAPED.sub(lambda found: unescape(found[0]).replace("\xa0", " "), text) if is_html else text
                pieces.append(self._token(Masked(shown, path, line, text.startswith("{%"), syntax)))
            else:
                pieces.append(text)
            line += text.count("\n")
        return "".join(pieces)

    def syntax_at(self, path: str) -> str:
        """Return the syntax of what is written at a path."""
        return Syntax.LIQUID if path.startswith(LAYOUT) else self.syntax

    def _token(self, tag: Masked) -> str:
        self.tags.append(tag)
        return f"{self.key}{len(self.tags) - 1}n"

    def numbers(self, masked: str) -> list[int]:
        return [int(found[1]) for found in self.token.finditer(masked)]

    def drop(self, masked: str) -> None:
        """Note that the tags in a part of the source are left out on purpose, as those in a comment are."""
        self.dropped.update(self.numbers(masked))

    def as_comments(self, masked: str) -> str:
        """Return HTML with the tags of logic between its elements as comments."""
        pieces = []
        for is_tag, text in html_pieces(masked):
            pieces.append(text if is_tag else self.token.sub(self._comment, text))
        return "".join(pieces)

    def _comment(self, found: re.Match[str]) -> str:
        return f"<!--{found[0]}-->" if self.tags[int(found[1])].is_logic else found[0]

    def is_logic_only(self, source: str, path: str) -> bool:
        """Tell whether a source is nothing but tags of logic; one that cannot be read is not."""
        if self.syntax_at(path) != Syntax.LIQUID or not source.strip().startswith("{%"):
            return False
        try:
            pieces = list(tags_of(source, Syntax.LIQUID, ""))
        except InvalidInput:
            return False
        return all(text.startswith("{%") if is_tag else not text.strip() for is_tag, text in pieces)

    def is_logic(self, masked: str) -> bool:
        """Tell whether a text is nothing but tags of logic."""
        numbers = self.numbers(masked)
        rest = self.either.sub("", masked).strip()
        return bool(numbers) and not rest and all(self.tags[number].is_logic for number in numbers)

    def balance(self, masked: str) -> int | None:
        """Return the number of the first tag whose block does not begin and end in a text; None if all do."""
        open_ones: list[int] = []
        for number in self.numbers(masked):
            found = _NAME.match(self.tags[number].source)
            name = found[1] if found else ""
            if _OPENS.fullmatch(name):
                open_ones.append(number)
            elif name in ("else", "elsif", "when") and not open_ones:
                return number
            elif name.startswith("end") and name not in ("endraw", "enddoc"):
                if not open_ones:
                    return number
                open_ones.pop()
        return open_ones[0] if open_ones else None

    def require_balance(self, masked: str, problems: Problems, words: str) -> None:
        """Add a problem if a block of a text's tags does not begin and end in it."""
        if (wrong := self.balance(masked)) is not None:
            tag = self.tags[wrong]
            problems.add_line(tag.path, tag.line, f"{tag.source:.60} {words}")

    def require_kept(self, masked: str, problems: Problems) -> None:
        """Add a problem for each tag that the compilers lost or moved."""
        kept = {int(found[1] or found[2]) for found in self.either.finditer(masked)}
        for number, tag in enumerate(self.tags):
            if number not in kept and number not in self.dropped:
                words = (
                    f"{tag.source:.60} stands where mail cannot have it: within the name of a tag, between attributes, "
                    "or in an element or attribute that is left out."
                )
                problems.add_line(tag.path, tag.line, words)
        order = [int(found[1]) for found in self.either.finditer(masked) if found[1]]
        for before, after in pairwise(order):
            if after <= before:
                tag = self.tags[after]
                words = f"{tag.source:.60} would be moved, since it begins or ends within elements; put it around them."
                problems.add_line(tag.path, tag.line, words)

    def restore(self, masked: str) -> str:
        """Put the tags back; what only looks like a tag since the HTML around it was rewritten stays text.

        A tag of the layout is an island of Liquid where the rest is not; with a block its whole content is one.
        """
        masked = without_islands(masked)
        pieces = []
        end = depth = 0  # depth: of open blocks of an island
        for found in self.either.finditer(masked):
            tag = self.tags[int(found[1] or found[2])]
            before = self._literal(Syntax.LIQUID if depth else self.syntax, masked[end : found.end()], found[0])
            is_island = tag.syntax != self.syntax
            opens = ISLAND_BEGINS if is_island and not depth else ""
            depth += _steps(tag) if is_island else 0
            pieces += [before, opens, tag.source, ISLAND_ENDS if is_island and not depth else ""]
            end = found.end()
            if tag.syntax == Syntax.EXPRESSIONS and re.match(r"\w|\.\w", masked[end : end + 2]):
                # It would be read as a part of the name.
                pieces.append(_reference(masked[end]))
                end += 1
        pieces.append(self._literal(self.syntax, masked[end:]))
        return "".join(pieces)

    def _literal(self, syntax: str, text: str, token: str = "") -> str:
        """Return the text before a token, which is read with it, without what a syntax would take for tags."""
        if syntax == Syntax.LIQUID:
            literal = rf"\{{(?=[{{%]|(?:<!--)?{self.key})"
        elif syntax == Syntax.EXPRESSIONS:
            literal = rf"@(?=@|\(|(?:contact|fields|globals|urns)\b|{self.key})"
        else:
            return text.removesuffix(token)
        return re.sub(literal, _reference, text, flags=re.IGNORECASE).removesuffix(token)


def _steps(tag: Masked) -> int:
    """Return 1 for a tag of Liquid that begins a block, -1 for one that ends one, and 0 for all others."""
    found = _NAME.match(tag.source)
    name = found[1] if found else ""
    return -1 if name.startswith("end") else int(bool(_OPENS.fullmatch(name) or name in ("raw", "doc")))


def _reference(character: "re.Match[str] | str") -> str:
    return f"&#{ord(character if isinstance(character, str) else character[0])};"


def html_pieces(html: str) -> Iterator[tuple[bool, str]]:
    """Yield (whether it is a tag or a comment, text) of HTML; a tag that is not closed is text, to the end."""
    end = position = 0
    while (start := html.find("<", position)) >= 0:
        position = start + 1
        is_comment = html.startswith("<!--", start)
        if not is_comment and not re.match(r"/?[A-Za-z]", html[start + 1 : start + 3]):
            continue
        found = HTML_TAG.match(html, start)
        if found is None:
            break  # nothing after it closes it either
        if start > end:
            yield False, html[end:start]
        yield True, found[0]
        end = position = found.end()
    if end < len(html):
        yield False, html[end:]
