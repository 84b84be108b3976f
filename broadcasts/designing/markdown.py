"""Markdown (CommonMark with tables and strikethrough) to HTML, which is cleaned afterwards as all HTML is."""

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module

from broadcasts.formats import number

from .masks import Masks

LONGEST = 100_000  # characters
MOST_BRACKETS = 2_000  # reading takes quadratic time for those that begin no link
MOST_COLUMNS = 100  # of a table
MOST_CELLS = 10_000  # of all tables; a row of one letter has as many as any other
_MARKERS = re.compile(r"(?:[ \t]+|>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))*+")  # of quotes and lists, before a line
_DELIMITERS = frozenset("|:- \t")  # all that the line below the head of a table has


def markdown_fault(source: str) -> str:
    """Return why Markdown is not read; "" if it is."""
    if len(source) > LONGEST:
        return f"This is longer than {number(LONGEST)} characters; shorten it."
    if source.count("[") > MOST_BRACKETS:
        return f"This has more than {number(MOST_BRACKETS)} opening brackets; use fewer."
    return _table_fault(source)


def _table_fault(source: str) -> str:
    columns = cells = 0  # of the table that a line belongs to, and of all
    for place, line in enumerate(source.splitlines(), 1):
        rest = line[_MARKERS.match(line).end() :]  # type: ignore[union-attr]
        if not rest:
            columns = 0
        elif "|" in rest and "-" in line and _DELIMITERS.issuperset(rest):
            columns = rest.strip().strip("|").count("|") + 1
        cells += columns
        if columns > MOST_COLUMNS:
            return f"line {place}: this table has more than {MOST_COLUMNS} columns; use fewer."
        if cells > MOST_CELLS:
            return f"All tables together have more than {number(MOST_CELLS)} cells; use fewer."
    return ""


def markdown_to_html(masked: str, masks: Masks) -> str:
    """Return the HTML of Markdown whose tags are hidden.

    Tags of logic on a line of their own become comments before: they would be paragraphs otherwise.
    """
    alone = re.compile(rf"^[ \t]*(?:{masks.token.pattern}[ \t]*)+$", re.MULTILINE)

    def hidden(found: re.Match[str]) -> str:
        if not masks.is_logic(found[0]):
            return found[0]
        return "".join(f"<!--{masks.key}{number}n-->" for number in masks.numbers(found[0]))

    html = _renderer()(alone.sub(hidden, masked))
    return re.sub(rf"&lt;!--({masks.token.pattern})--&gt;", r"\1", html)  # in code


@cache
def _renderer() -> Callable[[str], str]:
    markdown_it = import_module("markdown_it")  # which takes a twentieth of a second, so only when used
    return markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render
