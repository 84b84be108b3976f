"""Text from outside, made fit for both databases."""

from collections.abc import Mapping
from typing import Any


def storable(value: Any) -> Any:
    """Return text or JSON without NUL, which PostgreSQL stores in no text, and with ? for halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {storable(key): storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value
