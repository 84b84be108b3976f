"""SMTP with the standard library's client."""

import re
import smtplib
from contextlib import suppress
from typing import NoReturn

from django.core.mail import DNS_NAME

from ..base import Envelope, Receipt, TransportError
from .account import Account, Phase, Reply, check_addresses

CHUNK = 65_536  # a time-out is for one of these, so that a slow line can carry a large message
GOODBYE_SECONDS = 2  # closing is not worth a longer wait


class Broken(TransportError):
    """The connection broke before the final dot: nothing had left, and a new connection may do better."""


def wire_format(mime: bytes) -> bytes:
    """Return a message as DATA wants it: CRLF line ends, dots doubled, the final dot."""
    if not mime.count(b"\n") == mime.count(b"\r") == mime.count(b"\r\n"):
        # A lone CR or LF before a dot could pass for the end of the message, and what follows for commands.
        mime = re.sub(rb"\r\n|\r|\n", b"\r\n", mime)
    stuffed = (b"\r\n" + mime).replace(b"\r\n.", b"\r\n..")[2:]
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")


class Smtp:
    """One connection to an SMTP server, kept over many envelopes."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.client: smtplib.SMTP | None = None
        self.carried = 0  # envelopes over this connection

    def open(self) -> smtplib.SMTP:
        if self.client is None:
            self.client, self.carried = self._connect(), 0
        return self.client

    def close(self) -> None:
        client, self.client = self.client, None
        if client is None:
            return
        with suppress(OSError):  # every exception of smtplib is one
            if client.sock:
                client.sock.settimeout(GOODBYE_SECONDS)
                client.quit()
        with suppress(OSError):
            client.close()

    def check(self) -> None:
        self.open()
        self._ask(Phase.CONNECTION, "NOOP")

    def deliver(self, envelope: Envelope) -> Receipt:
        check_addresses(envelope)
        try:
            return self._transact(envelope)
        except Broken:
            return self._transact(envelope)

    def _connect(self) -> smtplib.SMTP:
        client = None
        try:
            client = self._dial()
            if self.account.security == "starttls":
                client.starttls(context=self.account.tls())
            client.ehlo_or_helo_if_needed()
            if self.account.username:
                client.login(self.account.username, self.account.password)
        except (OSError, UnicodeError) as error:
            if client:
                client.close()
            # "from None": a server's raw reply may repeat the password.
            raise self.account.failed(error) from None
        return client

    def _dial(self) -> smtplib.SMTP:
        if not self.account.host:  # smtplib would wait for a connect() of ours
            raise TransportError("The channel has no host to send through.", permanent=True, account=True)
        where = (self.account.host, self.account.port, DNS_NAME.get_fqdn())
        if self.account.security == "tls":
            return smtplib.SMTP_SSL(*where, timeout=self.account.timeout, context=self.account.tls())
        return smtplib.SMTP(*where, timeout=self.account.timeout)

    def _transact(self, envelope: Envelope) -> Receipt:
        if self.carried >= self.account.limit:
            self.close()
        options = self._options(envelope)
        self.carried += 1
        self._ask(Phase.SENDER, f"MAIL FROM:<{envelope.sender}>{options}")
        self._ask(Phase.RECIPIENT, f"RCPT TO:<{envelope.address}>")
        self._ask(Phase.DATA, "DATA")
        self._send(wire_format(envelope.mime))
        return Receipt(detail=str(self._answer(Phase.MESSAGE)))

    def _options(self, envelope: Envelope) -> str:
        """Return what MAIL must announce: characters beyond ASCII, in addresses or in the message."""
        client, options = self.open(), ""
        for address, of_the_account in ((envelope.sender, True), (envelope.address, False)):
            if address.isascii():
                continue
            if not client.has_extn("smtputf8"):
                raise TransportError(
                    f"The server {self.account} takes no addresses with letters beyond ASCII (SMTPUTF8).",
                    permanent=True,
                    account=of_the_account,
                    code="553 5.6.7",
                )
            options = " SMTPUTF8"
        if not envelope.mime.isascii() and client.has_extn("8bitmime"):
            options += " BODY=8BITMIME"
        return options

    def _ask(self, phase: Phase, line: str) -> Reply:
        self._send(line.encode() + b"\r\n")
        return self._answer(phase)

    def _send(self, data: bytes) -> None:
        client = self.open()
        try:
            for start in range(0, len(data), CHUNK):
                client.send(data[start : start + CHUNK])
        except smtplib.SMTPServerDisconnected as error:
            self._lost(error)  # also of the message: its last bytes, the final dot, did not get out

    def _answer(self, phase: Phase) -> Reply:
        client = self.open()
        try:
            reply = Reply.read(*client.getreply())
        except (smtplib.SMTPServerDisconnected, smtplib.SMTPResponseException) as error:
            self._lost(error, handed_over=phase is Phase.MESSAGE)
        if not reply.is_success(phase):
            self._refused(phase, reply)
        return reply

    def _lost(self, error: Exception, handed_over: bool = False) -> NoReturn:
        self.close()
        cause = self.account.failed(error)
        if handed_over:
            raise TransportError(
                f"The message had left when its answer was lost, so it may or may not arrive. {cause}",
                handed_over=True,
            ) from None
        if isinstance(error.__context__, TimeoutError):  # once more would only wait as long again
            raise cause from None
        raise Broken(str(cause), account=True) from None

    def _refused(self, phase: Phase, reply: Reply) -> NoReturn:
        error = self.account.refused(phase, reply)
        if reply.code == 421 and phase is Phase.SENDER and self.carried > 1:
            # How servers end a connection that was idle or has carried enough: no reason to back off.
            self.close()
            raise Broken(str(error), account=True, code=error.code)
        if reply.code == 421 or not 400 <= reply.code <= 599:
            self.close()
        elif phase in (Phase.RECIPIENT, Phase.DATA):
            self._reset()
        raise error

    def _reset(self) -> None:
        """End the refused transaction, so that the connection serves the next envelope."""
        try:
            self._ask(Phase.CONNECTION, "RSET")
        except TransportError:
            self.close()
