"""The text of mail written as HTML only, derived from the template instead of from every copy.

Each hole is marked, the marked HTML is read once, and the values are put in place of the marks. That holds only
for values that do not change how the HTML is read: single words, or words with single blanks between them. What
depends on the place of a hole (inside a tag, behind an “&”) shows in trials with telling values.
"""

import re
from collections.abc import Sequence
from html import escape

from .budget import Budget, Exceeded
from .holes import Holes, Piece, TakeReference, join
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


def derive(html: Sequence[Piece], holes: Holes) -> list[Piece] | None:
    """Return the text of HTML as pieces; None where each copy has to be read by itself."""
    used = sorted({piece for piece in html if isinstance(piece, int)})
    constants = [piece for piece in html if isinstance(piece, str)]
    if holes.raw.intersection(used) or any("\ue001" in one or _REFERENCE_BEGUN.search(one) for one in constants):
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
    plain = {number: _plain(holes, number) for number in used}
    doubts = [(_with(words, plain), _with(address, plain)) for words, address in compared]
    if doubts:
        holes.add(lambda person, filled: _differ(doubts, filled))
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
    """Tell whether both ways come to the same text, when every hole but one has an ordinary value."""
    for chosen in used:
        values = ["word"] * (used[-1] + 1)
        values[chosen] = trial
        if any(join(words, values) == join(address, values) for words, address in compared):
            continue  # such a copy is left to the plain way
        if html_to_text(join(html, [escape(value) for value in values]), budget) != join(text, values):
            return False
    return True


def _plain(holes: Holes, number: int) -> int:
    def fill(person: object, filled: list[str]) -> str:
        value = filled[number]
        value = unescaped(value)
        if not _TAME.fullmatch(value):
            raise TakeReference
        return value

    return holes.add(fill, ("plain", number))


def _differ(compared: Sequence[tuple[list[Piece], list[Piece]]], filled: list[str]) -> str:
    """Leave a copy to the plain way where a link's words happen to be its address, which is then not repeated."""
    if any(join(words, filled).strip() == join(address, filled).removeprefix("mailto:") for words, address in compared):
        raise TakeReference
    return ""
