"""ISO 639-3 codes, which RapidPro uses for languages, and our tags."""

from functools import lru_cache

import langcodes

UNDETERMINED = ("mul", "und")  # allowed beside the codes that have one of two letters too
NOT_ALLOWED = "Not an allowed ISO 639-3 language code."


@lru_cache(1000)
def tag_of(code: str) -> str:
    """Return our tag of a code, such as en for eng; "" for one that is not allowed."""
    if code in UNDETERMINED:
        return code
    if len(code) != 3 or not code.isascii() or not code.islower():
        return ""
    try:
        tag = langcodes.Language.get(code).language or ""
        return tag if len(tag) == 2 and langcodes.Language.get(tag).to_alpha3() == code else ""
    except (ValueError, LookupError):
        return ""
