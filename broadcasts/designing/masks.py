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
from broadcasts.rendering import tags_of

from .blocks import Problems

# A tag of HTML, a comment, or the text before one; what is not closed is text to the end.
HTML_TAG = re.compile(r"""</?[A-Za-z](?:[^"'>]|"[^"]*+"|'[^']*+')*+>|<!--.*?-->""", re.DOTALL)
_ESCAPED = re.compile(r"&(?:lt|gt|amp|quot|#39|nbsp);")
_OPENS = re.compile(r"if|unless|for|case|capture|comment|ifchanged")
_NAME = re.compile(r"\{%-?\s*(\w+)")


class Masked(NamedTuple):
    """A hidden tag: its source, and where it stands."""

    source: str
    path: str
    line: int
    is_logic: bool  # whether it writes nothing itself


class Masks:
    """The hidden tags of one design."""

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
        if self.syntax == Syntax.PLAIN:
            return source
        pieces = []
        line = first_line
        for is_tag, text in tags_of(source, self.syntax, path):
            if is_tag:
                shown = _ESCAPED.sub(lambda found: unescape(found[0]).replace("\xa0", " "), text) if is_html else text
                pieces.append(self._token(Masked(shown, path, line, text.startswith("{%"))))
            else:
                pieces.append(text)
            line += text.count("\n")
        return "".join(pieces)

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

    def is_logic_only(self, source: str) -> bool:
        """Tell whether a source is nothing but tags of logic; one that cannot be read is not."""
        if self.syntax != Syntax.LIQUID or not source.strip().startswith("{%"):
            return False
        try:
            pieces = list(tags_of(source, self.syntax, ""))
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
        """Put the tags back; what only looks like a tag since the HTML around it was rewritten stays text."""
        if self.syntax == Syntax.LIQUID:
            literal = re.compile(rf"\{{(?=[{{%]|(?:<!--)?{self.key})")
        elif self.syntax == Syntax.EXPRESSIONS:
            literal = re.compile(rf"@(?=@|\(|(?:contact|fields|globals|urns)\b|{self.key})", re.IGNORECASE)
        else:
            return masked
        pieces = []
        end = 0
        for found in self.either.finditer(masked):
            pieces.append(literal.sub(_reference, masked[end : found.end()])[: -len(found[0])])
            pieces.append(self.tags[int(found[1] or found[2])].source)
            end = found.end()
            if self.syntax == Syntax.EXPRESSIONS and re.match(r"\w|\.\w", masked[end : end + 2]):
                # It would be read as a part of the name.
                pieces.append(_reference(masked[end]))
                end += 1
        pieces.append(literal.sub(_reference, masked[end:]))
        return "".join(pieces)


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
