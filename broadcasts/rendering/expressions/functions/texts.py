"""Functions of texts; those of words are in `words.py`."""

import html
import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib import import_module
from typing import Any
from urllib.parse import quote

from ...budget import LONGEST_TEXT, SHORT
from ..running import Evaluation, Failure
from ..values import EXACT, anything, checked, number_text, to_integer, to_number, to_text
from .registry import define

MOST_REPEATED = 10_000  # characters
LONGEST_PATTERN = 1_000  # characters
PATTERN_BYTES = 1 << 20  # of memory
STATES = 50  # of a pattern, times characters, that cost one step; compiling takes as long as so many characters
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn")


@define(to_text)
def upper(run: Evaluation, text: str) -> str:
    """Capitals, one for each letter: ß has none."""
    if text.isascii():
        return text.upper()
    return "".join([big if len(big := letter.upper()) == 1 else letter for letter in text])


@define(to_text)
def lower(run: Evaluation, text: str) -> str:
    return text.lower() if text.isascii() else "".join([letter.lower()[0] for letter in text])


@define(to_text)
def title(run: Evaluation, text: str) -> str:
    return _WORD_START.sub(lambda match: upper(run, match[0]), lower(run, text))


# A letter at the start, or after white space or ASCII punctuation besides “_”.
_WORD_START = re.compile(r"(?:(?<=[\s!-/:-@\[-^`{-~])|\A)\w")


@define(to_text, to_text, optional=1)
def trim(run: Evaluation, text: str, characters: str | None = None) -> str:
    return text.strip(_trimmed(run, text, characters)) if characters != "" else text


@define(to_text, to_text, optional=1)
def trim_left(run: Evaluation, text: str, characters: str | None = None) -> str:
    return text.lstrip(_trimmed(run, text, characters)) if characters != "" else text


@define(to_text, to_text, optional=1)
def trim_right(run: Evaluation, text: str, characters: str | None = None) -> str:
    return text.rstrip(_trimmed(run, text, characters)) if characters != "" else text


def _trimmed(run: Evaluation, text: str, characters: str | None) -> str | None:
    if characters is None:
        return None
    kept = "".join(set(characters)) if len(characters) > SHORT else characters
    run.spend(len(text) * len(kept) // 1000)
    return kept


@define(to_text)
def clean(run: Evaluation, text: str) -> str:
    run.spend(len(text) // 10)
    return "".join([one for one in text if unicodedata.category(one) not in HIDDEN])


@define(to_text)
def text_length(run: Evaluation, text: str) -> Decimal:
    return Decimal(len(text))


@define(to_text, to_integer, to_integer, anything, optional=2)
def text_slice(run: Evaluation, text: str, start: int, end: int | None = None, *ignored: Any) -> str:
    return text[start : None if ignored else end]


@define(to_text, to_text)
def text_compare(run: Evaluation, one: str, other: str) -> Decimal:
    return Decimal((one > other) - (one < other))


@define(to_text, to_integer)
def repeat(run: Evaluation, text: str, count: int) -> str:
    if count < 0:
        raise Failure(f"must be called with a positive integer, got {count}")
    if len(text) * count > MOST_REPEATED:
        raise Failure(f"repeated text has more than {MOST_REPEATED} characters")
    return text * count


@define(to_text, to_text, to_text, to_integer, optional=1)
def replace(run: Evaluation, text: str, find: str, new: str, count: int = -1) -> str:
    run.spend(len(text) // SHORT)
    if len(text) + text.count(find) * (len(new) - len(find)) > LONGEST_TEXT:
        raise Failure("text is too long")
    return text.replace(find, new, count)


@define(to_text, to_integer, to_text)
def field(run: Evaluation, text: str, index: int, delimiter: str) -> str:
    if index < 0:
        raise Failure("cannot use a negative index to FIELD")
    run.spend(len(text) // 10)
    pieces = text.split(delimiter) if delimiter else list(text)
    if delimiter == " ":
        pieces = [piece for piece in pieces if piece]
    return pieces[index].strip() if index < len(pieces) else ""


@define(to_text, to_text, to_integer, optional=1)
def regex_match(run: Evaluation, text: str, pattern: str, group: int = 0) -> str:
    match = search(run, text, pattern)
    if match is None:
        raise Failure("no match")
    if not 0 <= group <= match.re.groups:
        raise Failure("invalid regular expression group")
    return match[group] or ""


def search(run: Evaluation, text: str, pattern: str) -> Any:
    """Return the first match of a pattern, None for none; raises Failure for one that cannot be read."""
    compiled = _pattern(pattern)
    run.spend((len(text) + STATES) * compiled.programsize // STATES)
    return compiled.search(text)


@lru_cache(256)
def _pattern(pattern: str) -> Any:
    re2 = import_module("re2")  # large, so only when used
    options = re2.Options()
    options.case_sensitive = False
    options.max_mem = PATTERN_BYTES
    options.log_errors = False
    if len(pattern) > LONGEST_PATTERN:
        raise Failure("regular expression is too long")
    try:
        return re2.compile(f"(?m){pattern}", options)
    except re2.error:
        raise Failure("invalid regular expression") from None


@define(to_integer)
def char(run: Evaluation, code: int) -> str:
    return chr(code) if 0 <= code < 0xD800 or 0xE000 <= code < 0x110000 else "\ufffd"


@define(to_text)
def code(run: Evaluation, text: str) -> Decimal:
    if not text:
        raise Failure("requires a string of at least one character")
    return Decimal(ord(text[0]))


@define(to_number)
def percent(run: Evaluation, number: Decimal) -> str:
    whole = EXACT.multiply(number, Decimal(100)).quantize(Decimal(1), ROUND_HALF_UP, EXACT)
    return f"{number_text(checked(whole))}%"


@define(to_text)
def url_encode(run: Evaluation, text: str) -> str:
    run.spend(len(text) // 5)
    return quote(text, safe="", errors="replace")


@define(to_text)
def html_decode(run: Evaluation, text: str) -> str:
    run.spend(len(text) // 5)
    try:
        return html.unescape(text).replace("\xa0", " ")
    except ValueError:  # a reference of thousands of digits
        return text


@define(to_text)
def read_chars(run: Evaluation, text: str) -> str:
    run.spend(len(text) // 5)
    text = text.removeprefix("+")
    size = next((size for size in (3, 4) if len(text) % size == 0), 1)
    return " , ".join(" ".join(text[start : start + size]) for start in range(0, len(text), size))
