"""Which errors count as the same: their words without what differs from one recipient to the next."""

import re
from collections.abc import Mapping

MASK = "…"
LONGEST = 255  # characters of a group's value
NO_WORDS = "No reason was given."
# What a report of a provider may say, the most telling first.
TOLD = ("text", "details", "title", "reason", "status", "code")
_OWN = re.compile(
    r"""
    [^\s<>]*@[^\s<>,;:]*                                   # addresses and Message-IDs
    | \b(?:https?|wamid|urn):\S*
    | \b\d{1,3}(?:\.\d{1,3}){3}\b                      # networks; a code such as 5.1.1 is none
    | \b(?=[\w-]*\d)(?=[\w-]*[A-Za-z_])[\w-]{6,}\b     # ids of letters and digits
    | \+?\b\d{7,}\b                                    # phones and numbers; codes are shorter
    """,
    re.VERBOSE,
)


def same_error(words: str) -> str:
    """Return the words that copies with the same error have in common; what is a recipient's own becomes MASK.

    So no address remains in it, and `stats` may keep it longer than the log.
    """
    shared = _OWN.sub(MASK, words.strip())
    return (shared if len(shared) <= LONGEST else f"{shared[: LONGEST - 1]}{MASK}") or NO_WORDS


def words_of(detail: Mapping[str, object]) -> str:
    """Return what a provider's report says of why; "" if it says nothing."""
    return next((str(detail[name]) for name in TOLD if detail.get(name)), "")
