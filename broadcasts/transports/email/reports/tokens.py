"""Find the copy that a mail is about, by its token: nothing else that a mail says names one."""

import re
from collections.abc import Iterable, Iterator

from broadcasts import links

from .parts import Headers, Mail

# Where mail servers write the address that they delivered to.
DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to", "cc")
MOST = 50  # candidates that are looked at in one place
READ = 100_000  # characters of a text

TOKEN = re.compile(r"[A-Za-z0-9_-]{12,22}", re.ASCII)
RETURN_PATH = re.compile(r"\+([A-Za-z0-9_-]{12,22})@", re.ASCII)
BEFORE_AT = re.compile(r"(?<![\w-])([A-Za-z0-9_-]{12,22})(?:@|=40)", re.ASCII)
IN_ADDRESS = re.compile(r"/([A-Za-z0-9_-]{12,22})(?=[/?>\s\"]|$)", re.ASCII)


def first_own(candidates: Iterable[str]) -> str:
    """Return the first candidate that is the token of a delivery; "" if none is."""
    return next((one for one in candidates if TOKEN.fullmatch(one) and links.delivery_id(one)), "")


def of_envelope_id(value: str) -> str:
    return first_own([value.strip().strip("<>").partition("@")[0]])


def of_return_path(values: Iterable[str]) -> str:
    """Return the token in an address such as bounces+TOKEN@example.org."""
    return first_own(_few(RETURN_PATH, values))


def of_message_ids(values: Iterable[str]) -> str:
    return first_own(_few(BEFORE_AT, values))


def to_return_path(mail: Mail) -> str:
    """Return the token in the address that a mail was delivered to."""
    return of_return_path(value for name in DELIVERED_TO for value in mail.headers.get(name, ()))


def of_returned(headers: Headers) -> str:
    """Return the token in the headers of the message that a report brings back."""
    return (
        of_message_ids([*headers.get("message-id", ()), *headers.get("x-message-id", ())])
        or of_return_path(headers.get("return-path", ()))
        or first_own(_few(IN_ADDRESS, headers.get("list-unsubscribe", ())))
        or of_message_ids(headers.get("cfbl-feedback-id", ()))
    )


def in_text(text: str) -> str:
    """Return the token of a Message-ID or return path that a text quotes."""
    return first_own(_few(BEFORE_AT, [text[:READ]])) or first_own(_few(RETURN_PATH, [text[:READ]]))


def anywhere(mail: Mail) -> str:
    """Return the token of the copy that a report is about, the surest place first."""
    return (
        to_return_path(mail)
        or of_returned(mail.returned)
        or of_message_ids([*mail.headers.get("in-reply-to", ()), *mail.headers.get("references", ())])
        or next((key for part in mail.parts[:10] if (key := in_text(part.text))), "")
    )


def _few(pattern: re.Pattern[str], values: Iterable[str]) -> Iterator[str]:
    """Yield what a pattern finds in values, each once, MOST at most."""
    found: dict[str, None] = {}
    for value in values:
        for one in pattern.finditer(value):
            if one[1] not in found:
                found[one[1]] = None
                yield one[1]
            if len(found) >= MOST:
                return
