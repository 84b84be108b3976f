"""E-mail messages as bytes: RFC 5322 with CRLF, ready to be sent.

They are made with the standard library's encoders, not with an EmailMessage per recipient; the package's docstring says
how much slower that is, and tests parse the result with the standard library. Values of templates and contacts get into
a header only through `one_line` and `unstructured`, so that no value can end a header or begin another.
"""

import re
import time
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Iterable, Iterator, Sequence
from email.utils import format_datetime
from functools import cached_property, lru_cache

from django.core.exceptions import ValidationError
from django.utils import timezone

from broadcasts import links
from broadcasts.exceptions import RenderError
from broadcasts.mediums import split_email
from broadcasts.models import Message, UseCase

from .signing import MailSigner

LONGEST_VALUE = 1000  # characters of one header
WIDTH = 76
SHORT = 120

_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINES = re.compile(rf"[A-Za-z0-9/:_-][A-Za-z0-9/:._-]{{0,{WIDTH - 2}}}")  # that need no encoding
_NEWLINE = re.compile(r"\r\n|\r|\n")
_DOTS = re.compile(rb"^\.+", re.MULTILINE)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-][A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{0,63}@[a-z0-9.-]{1,253}")


def one_line(value: str) -> str:
    """Collapse white space, line breaks and control characters to single spaces, and cut at 1,000 characters."""
    if value.isprintable() and "  " not in value:  # the only printable blank is the space
        return value.strip()[:LONGEST_VALUE]
    return _BLANK.sub(" ", value).strip()[:LONGEST_VALUE]


def unstructured(name: str, value: str) -> bytes:
    """Return a complete header of free text, folded, with RFC 2047 encoded words unless it is plain ASCII."""
    return _remembered(name, value) if len(value) <= SHORT else _unstructured(name, value)


def _unstructured(name: str, value: str) -> bytes:
    value = one_line(value)
    if value.isascii() and "=?" not in value:
        words = value.split(" ")
        if all(len(word) < WIDTH - len(name) for word in words):
            return _folded(name, words)
    return _folded(name, _encoded_words(value))


_remembered = lru_cache(1024)(_unstructured)  # subjects often differ by no more than a first name


def mailbox(name: str, display_name: str, address: str) -> bytes:
    """Return a complete header of one address with a display name; the address must have passed `clean_address`."""
    display_name = one_line(display_name)
    if not display_name:
        return f"{name}: {address}\r\n".encode()
    if not display_name.isascii() or "=?" in display_name or len(display_name) > WIDTH - len(name) - 5:
        words = _encoded_words(display_name)
    elif _ATOMS.fullmatch(display_name):
        words = [display_name]
    else:
        quoted = display_name.replace("\\", "\\\\").replace('"', '\\"')
        words = [f'"{quoted}"']
    return _folded(name, [*words, f"<{address}>"])


def clean_address(address: str) -> str:
    """Return an e-mail address with its domain in IDNA (punycode); raises RenderError for an invalid one."""
    if _PLAIN_ADDRESS.fullmatch(address) and ".." not in address and ".@" not in address:
        return address
    try:
        local, domain = split_email(address)
    except ValidationError as error:
        raise RenderError(" ".join(error.messages)) from None
    return f"{local}@{domain}"


def _folded(name: str, words: Sequence[str]) -> bytes:
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > WIDTH and line != f"{name}:":
            lines.append(line)
            line = ""
        line = f"{line} {word}"
    return "\r\n".join([*lines, line, ""]).encode()


def _encoded_words(value: str) -> list[str]:
    """Encode text by RFC 2047: each encoded word has whole characters of UTF-8 and at most 75 characters."""
    if 0 < len(whole := value.encode("utf-8", "replace")) <= 42:
        return [f"=?utf-8?b?{b64encode(whole).decode()}?="]
    chunks, chunk = [], b""
    for char in value:
        encoded = char.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > 42:
            chunks.append(chunk)
            chunk = b""
        chunk += encoded
    return [f"=?utf-8?b?{b64encode(chunk).decode()}?=" for chunk in [*chunks, chunk] if chunk]


def clean_body(text: str) -> str:
    """Remove control characters, and convert all line ends to LF."""
    return _NEWLINE.sub("\n", _CONTROL.sub("", text))


def text_part(subtype: str, text: str) -> bytes:
    """Return a text as a complete MIME part, quoted-printable or, if much of it is not ASCII, base64."""
    text = f"{clean_body(text).rstrip()}\n".replace("\n", "\r\n")
    data = text.encode("utf-8", "replace")
    if is_mostly_foreign(text, data):
        return part_head(subtype, "base64") + base64_lines(data)
    return part_head(subtype, "quoted-printable") + quoted_printable(data)


def is_mostly_foreign(text: str, data: bytes) -> bool:
    return 4 * (len(data) - len(text)) > len(data)


def part_head(subtype: str, encoding: str) -> bytes:
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode()


def base64_lines(data: bytes) -> bytes:
    return encodebytes(data).replace(b"\n", b"\r\n")


def quoted_lines(text: str) -> bytes:
    """Return text in quoted-printable that starts and ends at the start of a line, by a soft line break.

    Results can be concatenated: no line gets too long or ends in a space. The “=” that is encoded after the text
    reserves the room for the soft line break, and becomes it.
    """
    data = text.replace("\n", "\r\n").encode()
    if data.endswith(b"\n"):
        return quoted_printable(data)
    return quoted_printable(data + b"=\r\n")[:-4] + b"\r\n" if data else b""


def quoted_key(key: str) -> bytes:
    """Return what `quoted_lines` does, for a text that needs no encoding and fits on one line."""
    return f"{key}=\r\n".encode()


def quoted_address(address: str) -> bytes:
    """Return what `quoted_lines` does, faster for an address of letters, digits, dashes and slashes."""
    lines = _LINES.findall(address)
    if "".join(lines) == address:
        return "=\r\n".join([*lines, ""]).encode()
    return quoted_lines(address)


def quoted_printable(data: bytes) -> bytes:
    """Encode text with CRLF line ends; no line starts with a dot, which SMTP would have to double."""
    encoded = b2a_qp(data, istext=True)
    if encoded[:1] == b"." or b"\n." in encoded:
        encoded = _DOTS.sub(lambda dots: len(dots[0]) * b"=2E=\r\n", encoded)  # each on a line, so that none grows long
    return encoded


def is_smooth(data: bytes) -> bool:
    """Tell whether SMTP can send bytes unchanged: all lines end in CRLF, and none starts with a dot."""
    return data.endswith(b"\r\n") and _lines_are_smooth(data)


def _lines_are_smooth(lines: bytes) -> bool:
    return lines.count(b"\n") == lines.count(b"\r") == lines.count(b"\r\n") and b"\n." not in b"\n" + lines


def multipart(subtype: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    """Join parts; a boundary that contains “=_” cannot occur in an encoded body (RFC 2045, section 6.7)."""
    mark = f"--{boundary}".encode()
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode()
    return head + b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"


class MailComposer:
    """The sender and the headers that are equal in all copies of one message; composes complete copies."""

    def __init__(self, message: Message) -> None:
        channel, broadcast = message.channel, message.broadcast
        assert channel is not None
        organization = broadcast.organization
        self.sender = clean_address(channel.from_address)
        self.domain = self.sender.rpartition("@")[2]
        self.boundary = f"=_{broadcast.uuid.hex[-12:]}"
        self._dated = (0, b"")
        self.test_token = links.delivery_token(links.TEST_SEND)
        marketing = broadcast.use_case == UseCase.MARKETING
        self.channel = channel
        self.feedback_address = self._feedback_address()
        self.common = b"".join(
            [
                mailbox("From", channel.from_name or organization.name, self.sender),
                mailbox("Reply-To", "", clean_address(channel.reply_to)) if channel.reply_to else b"",
                b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                unstructured("List-Id", f"<{organization.slug}.{self.domain}>"),
                unstructured("Feedback-ID", f"{broadcast.pk}:{broadcast.use_case}:{channel.pk}:broadcasts"),
                b"Auto-Submitted: auto-generated\r\n",
                b"Precedence: bulk\r\n" if marketing else b"",
                f"CFBL-Address: {self.feedback_address}; report=arf\r\n".encode() if self.feedback_address else b"",
                b"MIME-Version: 1.0\r\n",
            ]
        )

    def compose(
        self, key: str, name: str, address: str, subject: str, text: str, html: str, attachments: Sequence[bytes]
    ) -> bytes:
        """Return the complete message for one recipient, by the reference."""
        head = self.head(key, name, address, unstructured("Subject", subject))
        body = self.body(text_part("plain", text), text_part("html", html) if html else b"", attachments)
        return next(self.joined([head], [body]))

    @cached_property
    def signer(self) -> MailSigner | None:
        """What signs the copies; read when the first one is composed, since previews of fields need none."""
        return MailSigner.of(self.channel)

    def joined(self, heads: Iterable[bytes], bodies: Iterable[bytes]) -> Iterator[bytes]:
        """Join the headers of copies with what follows them, which begins with the headers of the body, and sign."""
        for head, body in zip(heads, bodies, strict=True):
            if self.signer is None:
                yield head + body
            else:
                own = head[: len(head) - len(self.common)]
                of_body, _, content = body.partition(b"\r\n\r\n")
                yield self.signer.sign(own, self.common + of_body, content) + head + body

    def _feedback_address(self) -> str:
        """Return where providers may report complaints; RFC 9477 wants it signed, and on the domain of From."""
        address = self.channel.settings.get("feedback_address") or ""
        return clean_address(address) if address and self.signer else ""

    def body(self, body: bytes, html: bytes, attachments: Sequence[bytes]) -> bytes:
        """Join the parts of a message, with attachments as multipart/mixed."""
        if html:
            body = multipart("alternative", f"{self.boundary}a", [body, html])
        if attachments:
            body = multipart("mixed", f"{self.boundary}m", [body, *attachments])
        return body

    def head(self, key: str, name: str, address: str, subject: bytes) -> bytes:
        """Return all headers except those of the body; `subject` is a complete header."""
        return self.heads([(key, name, address, subject)])[0]

    def heads(self, copies: Iterable[tuple[str, str, str, bytes]]) -> list[bytes]:
        """Return the headers of copies, each of (key, name, address, complete header of the subject)."""
        date, common, domain, test = self._date(), self.common, self.domain, self.test_token
        reports = "CFBL-Feedback-ID: {}\r\n" if self.feedback_address else ""
        before, _, after = links.unsubscribe_url("\0").partition("\0")
        made = []
        for key, name, address, subject in copies:
            message_id = f"<{key}@{domain}>" if key != test else self.message_id(key)
            own = f"Message-ID: {message_id}\r\nList-Unsubscribe: <{before}{key}{after}>\r\n{reports.format(key)}"
            made.append(b"".join((date, mailbox("To", name, address), subject, own.encode(), common)))
        return made

    def _date(self) -> bytes:
        """Return the Date header, written once per second."""
        second = int(time.time())
        if self._dated[0] != second:
            self._dated = second, f"Date: {format_datetime(timezone.now())}\r\n".encode()
        return self._dated[1]

    def message_id(self, key: str) -> str:
        """Return the Message-ID of a delivery; each test send gets a new one, or mailboxes would drop repeats."""
        if key == self.test_token:
            return links.message_id(f"{key}.{timezone.now():%Y%m%d%H%M%S%f}", self.domain)
        return links.message_id(key, self.domain)
