"""The mail server, and how its mail is read."""

import re
import socket
import sqlite3
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from .store import Sort, Store

LARGEST = 25 * 1024 * 1024


class LenientSmtp(SMTP):
    line_length_limit = LARGEST  # it accepts overlong lines, to show exactly what was sent


class SmtpServer(Controller):
    """Stores received messages; its socket is bound before, since aiosmtpd reports a port in use after five seconds."""

    def __init__(self, store: Store, listening: socket.socket) -> None:
        self.store, self.listening = store, listening
        # Without a name, this machine's would be looked up for every connection.
        options: dict[str, Any] = {"server_hostname": "localhost", "data_size_limit": LARGEST, "enable_SMTPUTF8": True}
        options |= {"auth_require_tls": False, "auth_callback": lambda *login: True}  # any login will do
        super().__init__(self, *listening.getsockname()[:2], **options)

    def factory(self) -> SMTP:
        return LenientSmtp(self, loop=self.loop, **self.SMTP_kwargs)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self.listening)

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        try:
            self.store.add(Sort.MAIL, envelope.rcpt_tos, subject_of(envelope.content), envelope.content)
        except sqlite3.Error as error:
            return f"451 4.3.0 The message could not be kept: {error}"
        return "250 2.0.0 OK"


def readable(header: str) -> str:
    """Decode a header as the parser keeps it: folded, in encoded words, or in raw UTF-8."""
    text = re.sub(r"[\r\n]", "", header).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    with suppress(LookupError, ValueError, HeaderParseError):
        return str(make_header(decode_header(text))) if "=?" in text else text
    return text


def subject_of(source: bytes) -> str:
    """Find the subject without the cost of parsing the message: thousands arrive in a second."""
    head = source[: 64 * 1024].partition(b"\r\n\r\n")[0]
    match = re.search(rb"^subject:[ \t]*(.*(?:\n[ \t].*)*)", head, re.IGNORECASE | re.MULTILINE)
    return readable(match[1][:2000].decode("ascii", "surrogateescape")) if match else ""


def part(message: Message, kind: str) -> str | None:
    """Return the first part of a kind that is not an attachment."""
    for found in message.walk():
        if found.get_content_type() == kind and found.get_content_disposition() != "attachment":
            content = cast(bytes, found.get_payload(decode=True))
            with suppress(LookupError, ValueError):
                return content.decode(found.get_content_charset("utf-8"), "replace")
            return content.decode("utf-8", "replace")
    return None
