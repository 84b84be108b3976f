"""The text part of messages that were written as HTML only, converted once per message instead of once per copy.

Each placeholder is replaced by a mark, the marked HTML is converted to text once, and values replace the marks. That is
correct only for values that do not change how the HTML is parsed: words with single spaces between them. Whether the
position of a placeholder matters (inside a tag, after an “&”) is found out by trials with values that would show it.
"""

import re
from collections.abc import Sequence
from html import escape

from .budget import Budget, Exceeded
from .placeholders import Columns, Filled, NotCompilable, Piece, Placeholders, join
from .plaintext import html_to_text, text_and_links, unescaped

_TAME = re.compile(r"[^\s#]\S*(?: \S+)*")
_MARK = re.compile("\ue000([0-9]+)\ue001")
_REFERENCE_BEGUN = re.compile(r"&[#\w]*\Z")
TRIAL_TIMES = 4  # as much as one copy may cost, for all trials together
TRIALS = (
    "href=x",
    "alt=x",
    "65",
    "x",
    "a b",
    "amp;",
    "lt",
    "/p",
    "!--",
    "br",
    "--x='",
    "&<>\"'",
    "mailto:a@b.c",
    "https://x.example/?a=1&b",
)


def text_from_html(html: Sequence[Piece], placeholders: Placeholders) -> list[Piece] | None:
    """Return the text of HTML as pieces; None if the HTML of each copy has to be converted by itself."""
    used = sorted({piece for piece in html if isinstance(piece, int)})
    constants = [piece for piece in html if isinstance(piece, str)]
    if placeholders.raw.intersection(used) or any("\ue001" in one or _REFERENCE_BEGUN.search(one) for one in constants):
        return None
    budget = Budget(TRIAL_TIMES)
    marked, links = text_and_links(
        "".join([piece if isinstance(piece, str) else _mark(piece) for piece in html]), budget
    )
    text = _split(marked)
    compared = [(_split(words), _split(address)) for words, address in links if words != address]
    compared = [link for link in compared if any(isinstance(piece, int) for side in link for piece in side)]
    try:
        if not all(_holds(html, text, compared, used, trial, budget) for trial in TRIALS):
            return None
    except Exceeded:
        return None
    plain = {number: _plain(placeholders, number) for number in used}
    doubts = [(_with(words, plain), _with(address, plain)) for words, address in compared]
    if doubts:
        placeholders.add(lambda copy, filled: _differ(doubts, filled))
    return _with(text, plain)


def _mark(number: int) -> str:
    return f"\ue000{number}\ue001"


def _split(marked: str) -> list[Piece]:
    return [int(part) if position % 2 else part for position, part in enumerate(_MARK.split(marked))]


def _with(pieces: Sequence[Piece], plain: dict[int, int]) -> list[Piece]:
    return [plain[piece] if isinstance(piece, int) else piece for piece in pieces]


def _holds(
    html: Sequence[Piece],
    text: Sequence[Piece],
    compared: Sequence[tuple[list[Piece], list[Piece]]],
    used: Sequence[int],
    trial: str,
    budget: Budget,
) -> bool:
    """Tell whether both conversions give the same text, with a trial value in one placeholder and words elsewhere."""
    for chosen in used:
        values = ["word"] * (used[-1] + 1)
        values[chosen] = trial
        if any(join(words, values) == join(address, values) for words, address in compared):
            continue  # such a copy is composed by the reference
        if html_to_text(join(html, [escape(value) for value in values]), budget) != join(text, values):
            return False
    return True


def _plain(placeholders: Placeholders, number: int) -> int:
    def fill(copies: Sequence[object], columns: Columns) -> list[str]:
        values = list(map(unescaped, columns[number]))
        if not all(map(_TAME.fullmatch, values)):
            raise NotCompilable
        return values

    return placeholders.add_many(fill, ("plain", number))


def _differ(compared: Sequence[tuple[list[Piece], list[Piece]]], filled: Filled) -> str:
    """Raise NotCompilable if the text of a link equals its address, since the address is then not repeated."""
    if any(join(words, filled).strip() == join(address, filled).removeprefix("mailto:") for words, address in compared):
        raise NotCompilable
    return ""
