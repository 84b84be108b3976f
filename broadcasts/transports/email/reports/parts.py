"""Take a mail apart, in linear time: its headers and its parts, as many and as long as are worth reading.

The standard library's parser asks every open boundary about every line, so a mail of a megabyte with boundaries in
boundaries would hold a worker for minutes.
"""

import codecs
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from functools import cached_property

from ...callbacks import LONGEST_MAIL

HEADER_BYTES = 200_000
MOST_HEADERS = 500
LONGEST_HEADER = 4_000  # characters of a value
LONGEST_NAME = 80
DEPTH = 6
MOST_PARTS = 40
LONGEST_TEXT = 100_000  # bytes of a part that are decoded

FOLD = re.compile(rb"\n[ \t]+")
MEDIA_TYPE = re.compile(r"\s*([\w.+-]{1,60}/[\w.+-]{1,60})")
PARAMETER = re.compile(r";\s*([\w-]{1,40})\*?\s*=\s*(?:\"([^\"]{0,200})\"|([^\s;\"]{1,200}))")
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
CHARSET = re.compile(r"[A-Za-z0-9][\w.:+-]{0,39}")
RISKY_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7"})
RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})

Headers = Mapping[str, list[str]]


@dataclass(frozen=True)
class Part:
    """A part of a mail that is no multipart."""

    headers: Headers
    type: str  # such as text/plain
    parameters: Mapping[str, str]
    raw: bytes = field(repr=False)

    @cached_property
    def content(self) -> bytes:
        """The first LONGEST_TEXT bytes, decoded."""
        encoding = first(self.headers, "content-transfer-encoding").strip().lower()
        if encoding == "base64":
            signs = NOT_BASE64.sub(b"", self.raw[: LONGEST_TEXT * 3 // 2])
            try:
                return a2b_base64(_padded(signs))[:LONGEST_TEXT]
            except Base64Error:
                return b""
        if encoding == "quoted-printable":
            return a2b_qp(self.raw[: LONGEST_TEXT * 3])[:LONGEST_TEXT]
        return self.raw[:LONGEST_TEXT]

    @cached_property
    def text(self) -> str:
        name = self.parameters.get("charset", "utf-8")
        try:
            return self.content.decode(_codec(name), "replace")
        except (LookupError, ValueError):
            return self.content.decode("utf-8", "replace")


@dataclass(frozen=True)
class Mail:
    """The headers of a mail and its parts, outermost first."""

    raw: bytes = field(repr=False)
    headers: Headers
    type: str
    parameters: Mapping[str, str]
    parts: list[Part]

    def header(self, name: str) -> str:
        """Return the first value of a header, in one line and decoded; "" if there is none."""
        return decoded(first(self.headers, name))

    @property
    def written_at(self) -> datetime | None:
        """When the mail says that it was written; None if it says nothing that can be read."""
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            return parsedate_to_datetime(self.header("date"))
        return None

    def part(self, *types: str) -> Part | None:
        return next((part for part in self.parts if part.type in types), None)

    @cached_property
    def returned(self) -> Headers:
        """The headers of the message that the mail brings back."""
        part = self.part(*RETURNED)
        return read_headers(split(part.content.lstrip(b"\n"))[0]) if part else {}

    @cached_property
    def text(self) -> str:
        """The plain text for people; that of the HTML, with its tags, if there is no other."""
        part = self.part("text/plain") or self.part("text/html")
        return part.text if part else ""


def first(headers: Headers, name: str) -> str:
    return (headers.get(name) or [""])[0]


def decoded(value: str) -> str:
    """Return the text of a header's value (RFC 2047), in one line."""
    if "=?" in value:
        with suppress(ValueError, LookupError, MessageError):
            value = str(make_header(decode_header(value)))
    return " ".join(value.split())


def read_mail(raw: bytes) -> Mail:
    """Take a mail apart; never raises."""
    raw = raw[:LONGEST_MAIL].replace(b"\r\n", b"\n")
    head, body = split(raw)
    headers = read_headers(head)
    type, parameters = media_type(headers)
    return Mail(raw, headers, type, parameters, list(_parts(headers, body, [MOST_PARTS])))


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Split a message with LF line ends into its header and its body."""
    if raw.startswith(b"\n"):
        return b"", raw[1:]
    head, _, body = raw.partition(b"\n\n")
    return head, body


def read_headers(head: bytes) -> Headers:
    """Return the values of headers by their names in lower case, in their order."""
    headers: dict[str, list[str]] = {}
    for line in FOLD.sub(b" ", head[:HEADER_BYTES]).split(b"\n", MOST_HEADERS)[:MOST_HEADERS]:
        name, colon, value = line.partition(b":")
        if colon and len(name) <= LONGEST_NAME:
            key = name.strip().lower().decode("ascii", "replace")
            headers.setdefault(key, []).append(value[:LONGEST_HEADER].strip().decode("utf-8", "replace"))
    return headers


def media_type(headers: Headers) -> tuple[str, dict[str, str]]:
    """Return the type of a part and its parameters; a part without one is text/plain."""
    value = first(headers, "content-type")
    found = MEDIA_TYPE.match(value)
    parameters = {one[1].lower(): one[2] or one[3] or "" for one in PARAMETER.finditer(value)}
    return found[1].lower() if found else "text/plain", parameters


def _parts(headers: Headers, body: bytes, room: list[int], depth: int = 0) -> Iterator[Part]:
    """Yield the parts that are no multiparts, within `room`, which is shared by all depths."""
    type, parameters = media_type(headers)
    boundary = parameters.get("boundary", "")
    room[0] -= 1  # also for a multipart: each has a boundary to look for
    if not (type.startswith("multipart/") and boundary):
        yield Part(headers, type, parameters, body)
        return
    if depth == DEPTH:
        return
    mark = re.compile(rb"(?:^|\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\n|$)")
    begun = -1
    for line in mark.finditer(body):
        if begun >= 0:
            if room[0] <= 0:
                return
            head, inner = split(body[begun : line.start()])
            yield from _parts(read_headers(head), inner, room, depth + 1)
        begun = line.end() + 1
        if line[1]:
            return
    if 0 <= begun < len(body) and room[0] > 0:  # it was cut
        head, inner = split(body[begun:])
        yield from _parts(read_headers(head), inner, room, depth + 1)


def _padded(signs: bytes) -> bytes:
    """Return base64 that can be decoded, also where it was cut."""
    signs = signs[: len(signs) - (len(signs) % 4 == 1)]
    return signs + b"=" * (-len(signs) % 4)


def _codec(charset: str) -> str:
    """Return the name of a codec that reads text in linear time; raises LookupError for any other."""
    if not CHARSET.fullmatch(charset):
        raise LookupError(charset)
    codec = codecs.lookup(charset)
    if codec.name in RISKY_CHARSETS or not codec._is_text_encoding:
        raise LookupError(charset)
    return codec.name
