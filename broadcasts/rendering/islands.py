"""Islands of Liquid in HTML of another syntax: what a layout says around a message, whatever that is written in.

`designing` puts each between two characters for private use, which it takes out of everything that authors write.
"""

from collections.abc import Iterator
from typing import NamedTuple

from broadcasts.models import Syntax

BEGINS, ENDS = "\ue020", "\ue021"
_REMOVED = dict.fromkeys(map(ord, (BEGINS, ENDS)))


class SyntaxPart(NamedTuple):
    """A part of a template in one syntax, without the characters around it."""

    text: str
    syntax: str
    start: int  # in the template


def without_islands(text: str) -> str:
    """Return what an author wrote without the characters that begin and end islands."""
    return text.translate(_REMOVED) if BEGINS in text or ENDS in text else text


def has_islands(source: str, syntax: str) -> bool:
    return syntax != Syntax.LIQUID and BEGINS in source


def syntax_parts(source: str, syntax: str) -> Iterator[SyntaxPart]:
    """Yield the parts of a template in their order; without islands it is one."""
    if not has_islands(source, syntax):
        yield SyntaxPart(source, syntax, 0)
        return
    end = 0
    while (start := source.find(BEGINS, end)) >= 0:
        yield SyntaxPart(source[end:start], syntax, end)
        closed = source.find(ENDS, start)
        end = closed + 1 if closed >= 0 else len(source)
        yield SyntaxPart(source[start + 1 : end - 1 if closed >= 0 else end], Syntax.LIQUID, start + 1)
    yield SyntaxPart(source[end:], syntax, end)
