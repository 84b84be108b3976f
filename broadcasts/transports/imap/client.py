"""The standard library's IMAP client, with limits: a hostile server neither fills memory nor holds a worker.

imaplib of Python 3.11 reads a literal of any size that a server announces at once, reads lines of a megabyte, keeps
every response that nobody asked for, and waits for ever (https://github.com/python/cpython/issues/119511). So reading
is done here, where each answer has a limit of bytes, lines and time. imaplib builds the commands and parses responses.
"""

import imaplib
import ssl
import time
from contextlib import suppress
from functools import partial
from typing import Any

from broadcasts import outgoing

from ..deadline import with_deadline
from .account import ImapAccount, Unreadable

CONNECT_SECONDS = 7
READ_SECONDS = 12  # without a byte
LONGEST_LINE = 65_536
MOST_LINES = 10_000  # of the answer to one command
LARGEST_ANSWER = 16_777_216  # bytes of it
CHUNK = 65_536


class ImapClient(imaplib.IMAP4):
    """A connection by the address policy, which ends at a deadline (`time.monotonic`) whatever the server does."""

    def __init__(self, account: ImapAccount, deadline: float, largest: int) -> None:
        self.account, self.deadline, self.largest = account, deadline, largest
        self.buffer = bytearray()
        self.begin()
        super().__init__(account.host, account.port)

    def begin(self) -> None:
        """Allow the answer to the next command, and forget what was sent besides the last one."""
        self.bytes_left, self.lines_left = LARGEST_ANSWER, MOST_LINES
        self.untagged_responses: dict[str, list[Any]] = {}

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        seconds = min(CONNECT_SECONDS, self._seconds_left())
        dial = partial(outgoing.connect, host, port, seconds)
        self.sock = with_deadline(seconds, dial, undo=lambda late: late.close())
        if self.account.security == "tls":
            self._encrypt()

    def _encrypt(self) -> None:
        try:
            self.sock.settimeout(min(READ_SECONDS, self._seconds_left()))
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        except BaseException:
            self.shutdown()
            raise

    def encrypt(self) -> None:
        """Have the server encrypt from now on (STARTTLS)."""
        if "STARTTLS" not in self.capabilities:
            raise Unreadable("does not offer STARTTLS; choose TLS from the start, on port 993")
        status, _ = self.xatom("STARTTLS")
        if status != "OK" or self.buffer:  # what came before the encryption could be anybody's
            raise Unreadable("does not begin TLS as STARTTLS asks for")
        self._encrypt()

    def offers(self) -> set[str]:
        """Ask what the server can do; servers tell more once somebody is signed in."""
        self.begin()
        _, data = self.capability()
        return {word.upper() for word in (data[-1] or b"").decode("ascii", "replace").split()}

    def readline(self) -> bytes:
        searched = 0
        while (end := self.buffer.find(b"\n", searched)) < 0:
            searched = len(self.buffer)
            if searched > LONGEST_LINE:
                raise Unreadable("sent a line that is too long for IMAP")
            self._receive()
        self.lines_left -= 1
        if self.lines_left < 0:
            raise Unreadable("sent more than was asked for")
        return self._take(end + 1)

    def read(self, size: int) -> bytes:
        if size > self.largest:
            raise Unreadable("sent more of a mail than was asked for")
        while len(self.buffer) < size:
            self._receive()
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def _receive(self) -> None:
        self.sock.settimeout(min(READ_SECONDS, self._seconds_left()))
        data = self.sock.recv(CHUNK)
        if not data:
            raise self.abort("socket error: EOF")
        self.bytes_left -= len(data)
        if self.bytes_left < 0:
            raise Unreadable("sent more than was asked for")
        self.buffer += data

    def send(self, data: Any) -> None:
        self.sock.settimeout(min(READ_SECONDS, self._seconds_left()))
        self.sock.sendall(data)

    def _seconds_left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def leave(self) -> None:
        """Say goodbye without waiting for the answer, and close the connection."""
        with suppress(Exception):
            self.send(b"bye LOGOUT\r\n")
        self.shutdown()

    def shutdown(self) -> None:
        with suppress(OSError):
            self.sock.close()
