"""The sender of envelopes, where delivery reports go to (the return path)."""

from collections.abc import Mapping
from typing import Any

from .mime import clean_address

LONGEST_LOCAL = 64  # RFC 5321
TOKEN_AND_MARK = 23


def return_path(sender: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return what stands before and after the key of a copy in the envelope's sender; the whole and "" without keys.

    `sender` is the clean From address, which a channel without a return path of its own uses. With keys (VERP) even a
    server that quotes nothing of a message tells by its report's recipient which copy failed.
    """
    address = clean_address(settings["return_path"]) if settings.get("return_path") else sender
    local, _, domain = address.rpartition("@")
    if not settings.get("verp") or local.startswith('"') or len(local) + TOKEN_AND_MARK > LONGEST_LOCAL:
        return address, ""
    return f"{local}+", f"@{domain}"
