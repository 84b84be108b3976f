"""Text from outside, made fit for both databases."""

import math
import re
from collections.abc import Mapping
from typing import Any

SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character, which UTF-8 cannot write


def is_storable(text: str) -> bool:
    """Tell whether every database stores a text as it is: without NUL and halves of surrogate pairs."""
    return "\0" not in text and (text.isascii() or not SURROGATE.search(text))


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
