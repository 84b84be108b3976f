"""The words in a notice for people that say why a mail failed."""

import re

from ...bounces import GONE

READ = 20_000  # characters of a notice
LONGEST = 500
# Where a notice ends and the message that it brings back begins.
RETURNED = re.compile(
    r"^[^\w\n]{0,40}(?:below this line is a copy|this is a copy of|original message|the header of the (?:original|mess)"
    r"|returned message|message headers? follow|unsent message|copy of (?:the|your) message|received: from\b)",
    re.IGNORECASE | re.MULTILINE,
)
# The surest sign of a server's words first.
SIGNS = (
    re.compile(r"(?<![\d.])[45]\d\d[ -]+#?[45]\.\d{1,3}\.\d{1,3}(?!\.?\d)"),
    re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?!\.?\d)"),
    re.compile(r"(?<![\d.:/-])[45][0-5]\d[ -](?=\S)"),
    GONE,
)


def failure_words(text: str) -> str:
    """Return the words of a server in a notice, from the line with its code on; "" if there are none."""
    text = text[:READ]
    if end := RETURNED.search(text):
        text = text[: end.start()]
    found = next((one for sign in SIGNS if (one := sign.search(text))), None)
    if found is None:
        return ""
    begin = text.rfind("\n", 0, found.start()) + 1
    paragraph = re.split(r"\n[ \t]*\n", text[begin : begin + 2 * LONGEST], maxsplit=1)[0]
    return " ".join(paragraph.split())[:LONGEST]
