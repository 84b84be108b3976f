"""Find the tags and expressions in a template without parsing it; all the rest is literal text."""

import re
from collections.abc import Iterator

from liquid.exceptions import LiquidError

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Syntax

from .expressions.scanner import Found, scan
from .templates import BEGUN, describe, line_of, measure

_AT = re.compile("@@")


def tags_of(source: str, syntax: str, field: str) -> Iterator[tuple[bool, str]]:
    """Yield (whether it is a tag, text) of a template in their order; joined, the texts are the source.

    What stands in “raw” is text. Raises InvalidInput for Liquid that would take long to parse, or misses its end.
    """
    if syntax == Syntax.LIQUID:
        try:
            measure(source)
        except LiquidError as error:
            raise InvalidInput({field: describe(error, source)}) from None
        return _liquid(source, field)
    return _expressions(source) if syntax == Syntax.EXPRESSIONS else iter([(False, source)])


def _liquid(source: str, field: str) -> Iterator[tuple[bool, str]]:
    position = 0
    while begun := BEGUN.search(source, position):
        start = begun.start()
        if start > position:
            yield False, source[position:start]
        if begun[1]:  # whose end `measure` has found
            end = re.compile(rf"\{{%-?\s*end{begun[1]}\s*-?%\}}").search(source, begun.end())
            assert end is not None
            yield True, begun[0]
            if end.start() > begun.end():
                yield False, source[begun.end() : end.start()]
            yield True, end[0]
            position = end.end()
            continue
        mark = "}}" if begun[0] == "{{" else "%}"
        closed = source.find(mark, start + 2)
        if closed < 0:
            raise InvalidInput({field: f"line {line_of(source, start)}: a tag misses its “{mark}”"})
        position = closed + 2
        yield True, source[start:position]
    if position < len(source):
        yield False, source[position:]


def _expressions(source: str) -> Iterator[tuple[bool, str]]:
    position = 0
    for one in scan(source):
        if isinstance(one, Found):
            yield from _literal(source[position : one.start])
            yield True, one.source
            position = one.start + len(one.source)
    yield from _literal(source[position:])


def _literal(text: str) -> Iterator[tuple[bool, str]]:
    """Yield each “@@”, which is written as one @, as a tag."""
    position = 0
    for found in _AT.finditer(text):
        if found.start() > position:
            yield False, text[position : found.start()]
        yield True, found[0]
        position = found.end()
    if position < len(text):
        yield False, text[position:]
