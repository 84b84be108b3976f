"""Text from outside, made fit for both databases."""

import math
import re
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 30
SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character, which UTF-8 cannot write


def is_storable(text: str) -> bool:
    """Tell whether every database stores a text as it is: without NUL and halves of surrogate pairs."""
    return "\0" not in text and (text.isascii() or not SURROGATE.search(text))


def tidy_name(text: str) -> str:
    """Return a name as it is stored and looked up: single spaces within, and none around it."""
    return " ".join(text.split())


def as_id(text: str) -> int | None:
    """Return the id of a row that a text stands for; None for what is no such number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def storable(value: Any, for_nul: str = "") -> Any:
    """Return text or JSON that every database stores.

    It has `for_nul` in place of NUL, ? for halves of surrogate pairs, and null for infinity and what is no number.
    """
    if isinstance(value, str):
        return value.replace("\0", for_nul).encode(errors="replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable(key, for_nul): storable(one, for_nul) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one, for_nul) for one in value]
    return value


def json_fault(value: Any, max_depth: int = MAX_DEPTH) -> str:
    """Return an error message for JSON that some database cannot store: too deep, infinity, NUL or half a character."""
    stack = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        if depth > max_depth:
            return f"This is nested more than {max_depth} levels deep."
        if isinstance(item, dict):
            stack += [(part, depth + 1) for pair in item.items() for part in pair]
        elif isinstance(item, list):
            stack += [(part, depth + 1) for part in item]
        elif isinstance(item, float) and not math.isfinite(item):
            return "A number is too large."
        elif isinstance(item, str) and "\0" in item:
            return "Null characters are not allowed."
        elif isinstance(item, str) and not is_storable(item):
            return "Halves of characters (\\ud800 to \\udfff) are not allowed."
    return ""
