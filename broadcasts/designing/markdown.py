"""Markdown (CommonMark with tables and strikethrough) to HTML, which is cleaned afterwards as all HTML is."""

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module

from broadcasts.formats import number

from .masks import Masks

LONGEST = 100_000  # characters
MOST_BRACKETS = 2_000  # reading takes quadratic time for those that begin no link


def markdown_fault(source: str) -> str:
    """Return why Markdown is not read; "" if it is."""
    if len(source) > LONGEST:
        return f"This is longer than {number(LONGEST)} characters; shorten it."
    if source.count("[") > MOST_BRACKETS:
        return f"This has more than {number(MOST_BRACKETS)} opening brackets; use fewer."
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
