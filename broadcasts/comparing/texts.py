"""Two texts in rows beside each other, with the words that were removed and added."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CONTEXT = 2  # unchanged lines that are shown around changed ones
LONG_LINE = 240  # characters; a longer line is broken between its tags
LONGEST_LINE = 1_000  # characters that are shown of one
MOST_EDITS = 200  # words that differ within one line, or lines between two that are the same
CUT = " …"
_BETWEEN_TAGS = re.compile(r"(?<=>)\s*(?=<)")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Run = tuple[int, int, int]  # (where in the first, where in the second, how many are the same)


@dataclass
class Effort:
    """What comparing may still cost: steps of the algorithm, and rows on the page."""

    steps: int = 200_000
    rows: int = 1_000
    was_short: bool = False  # something is told as a whole, or left out

    def spend(self, steps: int) -> bool:
        self.steps -= steps
        return self.steps >= 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a line; `is_changed` if the other side lacks them."""

    text: str
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class RowPair:
    """One line on both sides; `mark` is changed, removed, added, same, or folded for `count` unchanged lines."""

    mark: str
    before: list[Piece] = field(default_factory=list)
    after: list[Piece] = field(default_factory=list)
    count: int = 0


def rows_of(before: str, after: str, budget: Effort) -> list[RowPair]:
    """Return the rows that show how two texts differ, with few of the lines that do not."""
    old, new = _lines(before), _lines(after)
    rows: list[RowPair] = []
    for kind, left, right in _steps(old, new, _same_lines(old, new, budget)):
        rows += _folded(left, is_first=not rows) if kind == "same" else _changed(left, right, budget)
        if len(rows) > budget.rows:
            break
    if rows and rows[-1].mark == "same":
        rows = _without_end(rows)
    if len(rows) > budget.rows:
        budget.was_short = True
        rows = rows[: max(budget.rows, 0)]
    budget.rows -= len(rows)
    return rows


def same_runs(old: Sequence[str], new: Sequence[str], budget: Effort) -> list[Run]:
    """Return the runs of a shortest edit (Myers); only what begins and ends alike where too much differs."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle = _shortest(old[head : len(old) - tail], new[head : len(new) - tail], budget)
    runs = [(0, 0, head), *((i + head, j + head, n) for i, j, n in middle), (len(old) - tail, len(new) - tail, tail)]
    return [run for run in runs if run[2]]


def _lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        lines += _BETWEEN_TAGS.split(line) if len(line) > LONG_LINE else [line]
    return lines


def _same_lines(old: list[str], new: list[str], budget: Effort) -> list[Run]:
    """Return the runs of lines that are in both: around lines that each has once, which are found at once."""
    runs: list[Run] = []
    i = j = 0
    for at, other in [*_anchors(old, new), (len(old), len(new))]:
        if at < i or other < j:
            continue  # it is within the last run
        runs += [(i + one, j + two, n) for one, two, n in same_runs(old[i:at], new[j:other], budget)]
        n = 0
        while at + n < len(old) and other + n < len(new) and old[at + n] == new[other + n]:
            n += 1
        runs.append((at, other, n))
        i, j = at + n, other + n
    return [run for run in runs if run[2]]


def _anchors(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Return the places of the lines that each text has once, as far as they are in the same order in both."""
    once_old, once_new = Counter(old), Counter(new)
    places = {line: j for j, line in enumerate(new) if once_new[line] == 1}
    pairs = [(i, places[line]) for i, line in enumerate(old) if once_old[line] == 1 and line in places]
    ends: list[int] = []  # of the longest rising rows, by their length
    last: list[int] = []  # the index of the pair that ends each
    previous: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        previous.append(last[length - 1] if length else -1)
        ends[length : length + 1], last[length : length + 1] = [j], [index]
    found = []
    index = last[-1] if last else -1
    while index >= 0:
        found.append(pairs[index])
        index = previous[index]
    return found[::-1]


def _shortest(old: Sequence[str], new: Sequence[str], budget: Effort) -> list[Run]:
    if not old or not new:
        return []
    furthest = {1: 0}
    trace = []
    for edits in range(min(len(old) + len(new), MOST_EDITS) + 1):
        if not budget.spend(edits + 1):
            break
        trace.append(dict(furthest))
        for diagonal in range(-edits, edits + 1, 2):
            is_down = diagonal == -edits or (
                diagonal != edits and furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1)
            )
            i = furthest[diagonal + 1] if is_down else furthest[diagonal - 1] + 1
            begin = i
            while i < len(old) and 0 <= i - diagonal < len(new) and old[i] == new[i - diagonal]:
                i += 1
            budget.spend(i - begin)
            furthest[diagonal] = i
            if i >= len(old) and i - diagonal >= len(new):
                return _walked_back(trace, len(old), len(new))
    budget.was_short = True
    return []


def _walked_back(trace: list[dict[int, int]], i: int, j: int) -> list[Run]:
    runs: list[Run] = []
    for edits in range(len(trace) - 1, -1, -1):
        furthest, diagonal = trace[edits], i - j
        is_down = diagonal == -edits or (
            diagonal != edits and furthest.get(diagonal - 1, -1) < furthest.get(diagonal + 1, -1)
        )
        before = diagonal + 1 if is_down else diagonal - 1
        from_i = furthest[before] if edits else 0
        from_j = from_i - before if edits else 0
        begin = (from_i if is_down else from_i + 1) if edits else 0
        if i > begin:
            runs.append((begin, begin - diagonal, i - begin))
        i, j = from_i, from_j
    return runs[::-1]


def _steps(old: Sequence[str], new: Sequence[str], runs: list[Run]) -> Iterator[tuple[str, Sequence, Sequence]]:
    """Yield what is the same and what differs, in turn."""
    i = j = 0
    for at, other, n in [*runs, (len(old), len(new), 0)]:
        if i < at or j < other:
            yield "changed", old[i:at], new[j:other]
        if n:
            yield "same", old[at : at + n], new[other : other + n]
        i, j = at + n, other + n


def _folded(lines: Sequence[str], *, is_first: bool) -> list[RowPair]:
    head = [] if is_first else lines[:CONTEXT]
    rest = lines[len(head) :]
    tail = rest[max(len(rest) - CONTEXT, 0) :]
    count = len(rest) - len(tail)
    folded = [RowPair("folded", count=count)] if count else []
    return [*map(_same, head), *folded, *map(_same, tail)]


def _without_end(rows: list[RowPair]) -> list[RowPair]:
    """Fold the unchanged lines at the end."""
    n = 0
    while n < len(rows) and rows[-1 - n].mark in ("same", "folded"):
        n += 1
    kept, end = rows[: len(rows) - n], rows[len(rows) - n :]
    shown = end[:CONTEXT] if kept else []
    count = sum(row.count or 1 for row in end[len(shown) :])
    return [*kept, *shown, *([RowPair("folded", count=count)] if count else [])]


def _same(line: str) -> RowPair:
    pieces = [Piece(_clipped(line))]
    return RowPair("same", pieces, pieces)


def _changed(old: Sequence[str], new: Sequence[str], budget: Effort) -> list[RowPair]:
    old, new = old[: budget.rows + 1], new[: budget.rows + 1]
    paired = min(len(old), len(new))
    rows = [_beside(left, right, budget) for left, right in zip(old, new, strict=False)]
    rows += [RowPair("removed", before=[Piece(_clipped(line), is_changed=True)]) for line in old[paired:]]
    rows += [RowPair("added", after=[Piece(_clipped(line), is_changed=True)]) for line in new[paired:]]
    return rows


def _beside(before: str, after: str, budget: Effort) -> RowPair:
    """Return two lines with the words marked that differ; those that have little in common are marked whole."""
    if max(len(before), len(after)) > LONGEST_LINE:
        budget.was_short = True
    before, after = _clipped(before), _clipped(after)
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    runs = same_runs(old, new, budget)
    common = sum(len(word.strip()) for i, _, n in runs for word in old[i : i + n])
    if common * 3 < min(len(before.strip()), len(after.strip())):
        return RowPair("changed", [Piece(before, is_changed=True)], [Piece(after, is_changed=True)])
    left, right = [], []
    for kind, one, two in _steps(old, new, runs):
        left += [Piece("".join(one), kind == "changed")] if one else []
        right += [Piece("".join(two), kind == "changed")] if two else []
    return RowPair("changed", left, right)


def _clipped(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + CUT
