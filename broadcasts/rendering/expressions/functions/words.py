"""Functions of words: runs of letters, marks, numbers, “_” and “'”; a symbol is a word of its own."""

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache

from ..running import MOST_ITEMS, Evaluation, Failure
from ..values import to_integer, to_text
from .registry import define

_ASCII = re.compile(r"[A-Za-z0-9_']+|[$+<=>^`|~]")


@lru_cache(4096)
def _kind(character: str) -> str:
    """Return "w" for a character of a word, "s" for a symbol, "" for what separates words."""
    if character in "_'":
        return "w"
    return {"L": "w", "M": "w", "N": "w", "S": "s"}.get(unicodedata.category(character)[0], "")


def spans(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each word."""
    if text.isascii():
        return [match.span() for match in _ASCII.finditer(text)]
    found: list[tuple[int, int]] = []
    start = -1
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind == "w":
            start = place if start < 0 else start
            continue
        if start >= 0:
            found.append((start, place))
            start = -1
        if kind == "s":
            found.append((place, place + 1))
    return [*found, (start, len(text))] if start >= 0 else found


def words(run: Evaluation, text: str, delimiters: str = "") -> list[str]:
    run.spend(len(text) // 25)
    if delimiters:
        run.spend(len(delimiters) // 25)
        first = delimiters[0]
        if len(delimiters) > 1:
            text = text.translate(dict.fromkeys(map(ord, delimiters), first))
        return [piece for piece in text.split(first) if piece]
    return _ASCII.findall(text) if text.isascii() else [text[start:end] for start, end in spans(text)]


@lru_cache(2048)
def first_word(text: str) -> str | None:
    """Return the first word, None if there is none."""
    return next((text[start:end] for start, end in spans(text)), None)


@define(to_text, to_integer, to_text, optional=1)
def word(run: Evaluation, text: str, index: int, delimiters: str = "") -> str:
    found = words(run, text, delimiters)
    if not -len(found) <= index < len(found):
        raise Failure(f"index {index} is out of range for {len(found)} words")
    return found[index]


@define(to_text, to_integer, to_integer, to_text, optional=2)
def word_slice(run: Evaluation, text: str, start: int, end: int = 0, delimiters: str = "") -> str:
    if start < 0 or 0 < end <= start:
        raise Failure("must have a start that is not negative and an end behind it")
    return " ".join(words(run, text, delimiters)[start : end if end > 0 else None])


@define(to_text, to_text, optional=1)
def word_count(run: Evaluation, text: str, delimiters: str = "") -> Decimal:
    return Decimal(len(words(run, text, delimiters)))


@define(to_text)
def remove_first_word(run: Evaluation, text: str) -> str:
    run.spend(len(text) // 25)
    found = spans(text)
    return text[found[1][0] :] if len(found) > 1 else ""


@define(to_text, to_text, optional=1)
def split(run: Evaluation, text: str, delimiters: str = "") -> list[str]:
    found = words(run, text, delimiters)
    if len(found) > MOST_ITEMS:
        raise Failure(f"text has more than {MOST_ITEMS} pieces")
    return found
