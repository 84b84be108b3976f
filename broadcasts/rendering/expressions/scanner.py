"""Find the expressions in a template; all the rest is literal text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOP = ("contact", "fields", "globals", "urns")

_AT = re.compile(r"@(?:@|\(|(\w+)(?:\.\w+)*)")
_BRACKET_OR_TEXT = re.compile(r'["()]')


@dataclass(frozen=True, slots=True)
class Found:
    """An expression as it stands in a template: “@contact.name” or “@(1 + 2)”."""

    source: str
    start: int  # of its @
    inner: str  # what is evaluated
    offset: int  # of `inner`


def scan(template: str) -> Iterator[str | Found]:
    """Yield literal texts and expressions in their order; “@@” is one @, and “@(” that nothing closes is literal."""
    done = position = 0
    while match := _AT.search(template, position):
        start, position = match.start(), match.end()
        mark = match[0]
        if mark == "@@":
            yield template[done : start + 1]
            done = position
            continue
        if mark == "@(":
            end = closing(template, position)
            if end < 0:
                break
            inner, offset, position = template[position:end], position, end + 1
        elif match[1].lower() in TOP:
            inner, offset = mark[1:], start + 1
        else:
            position = start + 1 + len(match[1])
            continue
        if start > done:
            yield template[done:start]
        yield Found(template[start:position], start, inner, offset)
        done = position
    if done < len(template):
        yield template[done:]


def unclosed(template: str) -> int:
    """Return the index of the “@(” that nothing closes; -1 if there is none."""
    position = 0
    while match := _AT.search(template, position):
        position = match.end()
        if match[0] == "@(":
            position = closing(template, position) + 1
            if not position:
                return match.start()
        elif match[1]:
            position = match.start() + 1 + len(match[1])
    return -1


def closing(template: str, position: int) -> int:
    """Return the index of the bracket that closes one before `position`; -1 if there is none."""
    depth = 1
    while match := _BRACKET_OR_TEXT.search(template, position):
        position = match.end()
        if match[0] == '"':
            position = text_end(template, position)
            if position < 0:
                return -1
        else:
            depth += 1 if match[0] == "(" else -1
            if not depth:
                return match.start()
    return -1


def text_end(source: str, position: int) -> int:
    """Return the index after the quote that ends a text; one right after a backslash does not. -1 if none does."""
    while (quote := source.find('"', position)) >= 0:
        if source[quote - 1] != "\\" or quote == 0:
            return quote + 1
        position = quote + 1
    return -1


def names_of_others(template: str) -> Iterator[tuple[int, str]]:
    """Yield (index, name) of what looks like an expression, as “@contct.name”, but is literal text."""
    position = 0
    while match := _AT.search(template, position):
        position = match.end()
        if match[0] == "@(":
            position = closing(template, position) + 1
            if not position:
                return
        elif match[1] and match[1].lower() not in TOP:
            is_address = match.start() and template[match.start() - 1].isalnum()
            if "." in match[0] and not is_address:
                yield match.start(), match[1]
