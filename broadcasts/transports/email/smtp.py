"""The SMTP protocol: opening a session, the commands of an envelope, and parsing replies."""

import re
import smtplib
import socket
import time
from contextlib import suppress
from functools import cache, partial
from typing import Any, Self

from django.core.mail import DNS_NAME

from broadcasts import formats, outgoing

from ..base import Envelope, TransportError
from ..deadline import with_deadline
from .account import LONGEST, TIMEOUT, Account, Phase, Reply

GOODBYE_SECONDS = 2  # closing is not worth a longer wait
LONGEST_LINE = 8_192
LONGEST_REPLY = 65_536
MOST_KNOWN = 32  # lines of replies that are remembered
PLAIN_SECONDS = 600  # for so long a server that did not do well with BDAT is sent DATA
_NOT_XTEXT = re.compile(r"[^!-~]|[+=]")


def complete_lines(mime: bytes) -> bytes:
    """Return a message with CRLF at the end of each line, and nowhere else a CR or LF (RFC 5321)."""
    if not mime.count(b"\n") == mime.count(b"\r") == mime.count(b"\r\n"):
        # A lone CR or LF before a dot could pass for the end of the message, and what follows for commands.
        mime = re.sub(rb"\r\n|\r|\n", b"\r\n", mime)
    return mime if mime.endswith(b"\r\n") else mime + b"\r\n"


def wire_format(mime: bytes) -> bytes:
    """Return a message as DATA requires it (RFC 5321): complete lines, doubled dots, and the final dot."""
    return (b"\r\n" + complete_lines(mime)).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def connect(account: Account, seconds: float = LONGEST) -> smtplib.SMTP:
    """Connect, encrypt and log in with the standard library's client; raises TransportError(account=True).

    All of it takes no longer than some seconds, however many steps there are and however a server stretches them.
    """
    try:
        return with_deadline(seconds, partial(_connect, account), undo=smtplib.SMTP.close)
    except TimeoutError:
        words = f"The server {account} did not let us in within {formats.duration(seconds)}."
        raise TransportError(words, account=True) from None


def _connect(account: Account) -> smtplib.SMTP:
    client = None
    try:
        client = _dial(account)
        if account.security == "starttls":
            client.starttls(context=account.tls())
        client.ehlo_or_helo_if_needed()
        if account.username:
            client.login(account.username, account.password)
    except (OSError, UnicodeError) as error:
        if client:
            client.close()
        # "from None": a server's raw reply may repeat the password.
        raise account.failed(error) from None
    return client


def _dial(account: Account) -> smtplib.SMTP:
    account.need_host()
    where = (account.host, account.port, DNS_NAME.get_fqdn())
    if account.security == "tls":
        return client_class(smtplib.SMTP_SSL)(*where, timeout=account.timeout, context=account.tls())
    return Client(*where, timeout=account.timeout)


def check(account: Account) -> None:
    """Check connection and login, without sending."""
    try:
        with_deadline(LONGEST, partial(_check, account))
    except TimeoutError as error:
        raise account.failed(error) from None


def _check(account: Account) -> None:
    client = _connect(account)
    try:
        reply = Reply.read(*client.noop())
        if not reply.is_success(Phase.CONNECTION):
            raise account.refused(Phase.CONNECTION, reply)
        with suppress(OSError):  # every exception of smtplib is one
            client.sock.settimeout(GOODBYE_SECONDS)  # type: ignore[union-attr]
            client.quit()
    except OSError as error:
        raise account.failed(error) from None
    finally:
        client.close()


class Client(smtplib.SMTP):
    """The standard library's client, restricted to hosts that the address policy allows."""

    is_policed = False  # set by the connection that the policy made

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        seconds = timeout if isinstance(timeout, int | float) else TIMEOUT
        source: Any = self.source_address
        connected = outgoing.connect(host, port, seconds, source)
        self.is_policed = True
        return connected

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply within the limits of `Replies`; the code is -1 if it is not SMTP."""
        if self.file is None:
            self.file = self.sock.makefile("rb")  # type: ignore[union-attr]
        replies = Replies()
        while True:
            try:
                line = self.file.readline(LONGEST_LINE + 1)
            except OSError as error:
                self.close()
                raise smtplib.SMTPServerDisconnected("The connection broke.") from error
            if not line:
                self.close()
                raise smtplib.SMTPServerDisconnected("The server closed the connection.")
            if told := replies.feed(line):
                return told[0]


@cache
def client_class(wanted: type) -> type:
    """Return a subclass of an smtplib client that connects by the address policy."""
    if issubclass(wanted, Client) or not issubclass(wanted, smtplib.SMTP):
        return wanted
    # Between its own methods and those of smtplib.SMTP, so that TLS is still laid over the connection.
    return Client if wanted is smtplib.SMTP else type(wanted.__name__, (wanted, Client), {})


_plain_until: dict[str, float] = {}  # by host and port; in the process, since a pipeline lives for seconds


def go_plain(account: Account) -> None:
    """Send messages to a server by DATA for a while, on connections made from now on."""
    now = time.monotonic()
    for name in [name for name, until in _plain_until.items() if until <= now]:
        del _plain_until[name]
    _plain_until[str(account)] = now + PLAIN_SECONDS


def is_plain(account: Account) -> bool:
    return _plain_until.get(str(account), 0.0) > time.monotonic()


class Capabilities:
    """The extensions that the server of a connection supports, and the commands that depend on them."""

    def __init__(
        self, account: Account, pipelining: bool, chunking: bool, smtputf8: bool, eightbit: bool, dsn: bool
    ) -> None:
        self.account = account
        self.chunking = chunking and pipelining and not is_plain(account)  # RFC 3030
        self.pipelining = pipelining
        self.smtputf8 = smtputf8
        self.eightbit = eightbit
        self.dsn = dsn

    @classmethod
    def of(cls, account: Account, client: smtplib.SMTP) -> Self:
        names = ("pipelining", "chunking", "smtputf8", "8bitmime", "dsn")
        return cls(account, *(client.has_extn(name) for name in names))

    def mail(self, envelope: Envelope) -> bytes:
        """Return the MAIL command with its parameters; raises TransportError if the server cannot accept an address."""
        options = ""
        if not (envelope.sender.isascii() and envelope.address.isascii()):
            if not self.smtputf8:
                raise TransportError(
                    f"The server {self.account} takes no addresses with letters beyond ASCII (SMTPUTF8).",
                    permanent=True,
                    account=not envelope.sender.isascii(),
                    code="553 5.6.7",
                )
            options = " SMTPUTF8"
        if self.eightbit and not envelope.mime.isascii():
            options += " BODY=8BITMIME"
        if self.dsn and envelope.key:
            options += f" RET=HDRS ENVID={xtext(envelope.key)[:100]}"
        return f"MAIL FROM:<{envelope.sender}>{options}\r\n".encode()


def xtext(words: str) -> str:
    """Encode the value of a parameter as xtext (RFC 3461)."""
    return _NOT_XTEXT.sub(lambda found: "".join(f"+{byte:02X}" for byte in found[0].encode()), words)


class Replies:
    """Parses the bytes from a server into replies, in chunks of any size."""

    def __init__(self) -> None:
        self.rest = b""  # of a line that has not ended
        self.lines: list[bytes] = []  # of a reply that has not
        self.size = 0  # of these lines
        self.known: dict[bytes, tuple[int, bytes]] = {}  # lines that are replies: most come again with each envelope

    @property
    def is_amid(self) -> bool:
        """Whether a reply is incomplete."""
        return bool(self.rest or self.lines)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the complete replies as (code, text), with lines separated; the code is -1 if it is not SMTP."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        replies = []
        for line in lines:
            reply = self.known.get(line) if not self.lines else None
            if reply or (reply := self._line(line)):
                replies.append(reply)
        if len(self.rest) > LONGEST_LINE or self.size > LONGEST_REPLY:
            replies.append((-1, b"It does not come to an end."))
        return replies

    def _line(self, whole: bytes) -> tuple[int, bytes] | None:
        line = whole.rstrip(b"\r")
        code, mark = line[:3], line[3:4]
        if len(code) < 3 or not code.isdigit() or mark not in b" -":  # nothing at all is in it, too
            return -1, line
        if mark == b"-":
            self.lines.append(line[4:])
            self.size += len(line)
            return None
        if not self.lines:
            reply = int(code), line[4:]
            if len(self.known) < MOST_KNOWN:
                self.known[whole] = reply
            return reply
        text = b"\n".join([*self.lines, line[4:]])
        self.lines, self.size = [], 0
        return int(code), text
