"""The account of an e-mail channel, and the meaning of its server's replies."""

import base64
import logging
import re
import smtplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self, TypedDict

from broadcasts import formats
from broadcasts.outgoing import ClosedAddress

from ..base import Envelope, SettingsRefused, TransportError
from ..bounces import bounce_class

log = logging.getLogger(__name__)

PORTS = {"none": 25, "starttls": 587, "tls": 465}
TIMEOUT = 20
LONGEST = 20  # a task of the queue may take 60 s, of which windows begin during the first 30
MESSAGES_PER_CONNECTION = 1000
CONNECTIONS = 8


class Phase(Enum):
    """The phase of a conversation, as error messages name it."""

    CONNECTION = "the connection"
    TLS = "STARTTLS"
    LOGIN = "the login"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    DATA = "the DATA command"
    MESSAGE = "the message"  # the answer to the final dot


# A refusal before RCPT is about the account, not about a recipient.
OF_THE_ACCOUNT = {Phase.CONNECTION, Phase.TLS, Phase.LOGIN, Phase.SENDER}

ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")
IMPOSSIBLE = re.compile(r"[\x00-\x1f\x7f<>]")  # in an address


class Meaning(TypedDict, total=False):
    permanent: bool
    account: bool
    handed_over: bool
    bounced: bool


def meaning(code: int, enhanced: str, phase: Phase, words: str = "") -> Meaning:
    """Return the error that an unsuccessful reply means: the outcome table."""
    if code == 421:  # "closing the channel": busy, or too much from us
        return {"account": True}
    if code == 530:  # "authentication required", which some servers say as late as at RCPT
        return {"permanent": True, "account": True}
    if not 400 <= code <= 599:  # not SMTP; after the final dot nobody can tell what became of the message
        return {"handed_over": True} if phase is Phase.MESSAGE else {"account": True}
    permanent = code >= 500
    if phase in OF_THE_ACCOUNT:
        return {"permanent": permanent, "account": True}
    # Without a code of RFC 3463, a refusal at the first try is not enough to give an address up.
    is_dead = permanent and enhanced != "" and bounce_class(enhanced, words) == "hard"
    return {"permanent": permanent, "bounced": is_dead}


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the server; its lines are joined."""

    code: int
    enhanced: str
    text: str  # with the enhanced code, once

    @classmethod
    def read(cls, code: int, raw: bytes | str) -> Self:
        words = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        found = ENHANCED.match(words)
        enhanced = found[0] if found else ""
        lines = words.splitlines()
        if len(lines) > 1:
            words = " ".join([enhanced, *(line.removeprefix(enhanced) for line in lines)])
        text = " ".join(words.split())
        if not text.isprintable():  # NUL above all is no text for a database
            text = "".join(char for char in text if char.isprintable())
        return cls(code, enhanced, text[:500])

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()

    def is_success(self, phase: Phase) -> bool:
        return self.code == 354 if phase is Phase.DATA else 200 <= self.code <= 299


@dataclass(frozen=True, slots=True)
class Account:
    """Server and login of a channel, and the error messages about them."""

    host: str
    port: int
    security: str
    username: str
    password: str = field(repr=False)
    timeout: float
    verify: bool
    limit: int
    connections: int

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Self:
        security = settings.get("security") or "starttls"
        return cls(
            host=settings.get("host") or "",
            port=settings.get("port") or PORTS[security],
            security=security,
            username=settings.get("username") or "",
            password=settings.get("password") or "",
            timeout=min(settings.get("timeout") or TIMEOUT, LONGEST),
            verify=settings.get("verify_certificates") is not False,
            limit=settings.get("messages_per_connection") or MESSAGES_PER_CONNECTION,
            connections=settings.get("connections") or CONNECTIONS,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def need_host(self) -> None:
        """Raise for an account without a host: smtplib and Django would use their default."""
        if not self.host:
            raise SettingsRefused("The channel has no host to send through; give it one, such as smtp.example.org.")

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def refused(self, phase: Phase, reply: Reply) -> TransportError:
        """Return the message for a refusal, with the server's text."""
        flags = meaning(reply.code, reply.enhanced, phase, reply.text)
        what = f"refused {phase.value}" + ("" if flags.get("permanent") else " for now")
        if not 400 <= reply.code <= 599:
            what = f"was asked for {phase.value} and did not answer in SMTP"
        return TransportError(
            f"The server {self} {what}: {self.without_password(str(reply))}",
            code=f"{reply.code} {reply.enhanced}".strip(),
            **flags,
        )

    def _unlike_mail(self, reply: Reply, is_greeting: bool) -> TransportError:
        """Say, without a word of the peer's, that it has not proven to speak SMTP.

        A channel may be pointed at any service, so its first words could be anybody's. Only the operator's log has
        them; they are shown once a server has greeted and answered EHLO as mail servers do.
        """
        log.warning("The server %s has not proven to speak SMTP. It said: %s", self, reply)
        told = f"{reply.code}" if 400 <= reply.code <= 599 else ""
        flags = meaning(reply.code, "", Phase.CONNECTION)
        words = f"The server {self} did not answer like a mail server."
        if told and is_greeting:
            what = f"refused {Phase.CONNECTION.value}" + ("" if flags.get("permanent") else " for now")
            words = f"The server {self} {what} with {told}; its words are in the log of this installation."
        elif told:
            words = f"The server {self} did not answer like a mail server: it refused our greeting with {told}."
        return TransportError(words, code=told, **flags)

    def failed(self, error: Exception) -> TransportError:
        """Return the error for an exception before anything was handed over."""
        permanent = False
        match error:
            case ClosedAddress():
                return SettingsRefused(str(error))
            case smtplib.SMTPConnectError() | smtplib.SMTPHeloError():
                reply = Reply.read(error.smtp_code, error.smtp_error)
                return self._unlike_mail(reply, is_greeting=isinstance(error, smtplib.SMTPConnectError))
            case smtplib.SMTPResponseException():
                phase = PHASES.get(type(error), Phase.CONNECTION)
                return self.refused(phase, Reply.read(error.smtp_code, error.smtp_error))
            case smtplib.SMTPServerDisconnected() if isinstance(error.__context__, TimeoutError):
                return self.failed(error.__context__)
            case smtplib.SMTPServerDisconnected():
                words = f"The server {self} closed the connection."
            case smtplib.SMTPException():  # it does not offer STARTTLS, a login, or a way to log in that we know
                words, permanent = f"The server {self} cannot be used with these settings: {error}", True
            case ssl.SSLCertVerificationError():
                words = f"The certificate of the server {self} could not be verified: {error.verify_message}."
                permanent = True
            case ssl.SSLError():
                words = f"No TLS connection to the server {self} could be made: {error.reason or error}."
            case TimeoutError():
                words = f"The server {self} did not answer within {formats.duration(self.timeout)}."
            case socket.gaierror():
                words = f"The server's name {self.host} could not be found: {error.strerror}."
            case UnicodeError():
                words, permanent = f"The host or the login of the server {self} has characters it cannot have.", True
            case _:
                words = f"The server {self} could not be reached: {getattr(error, 'strerror', None) or error}."
        return TransportError(words, permanent=permanent, account=True)

    def without_password(self, words: str) -> str:
        """Remove the password, also as AUTH encodes it, from text in which the server repeats it."""
        if not self.password:
            return words
        plain = f"\0{self.username}\0{self.password}"
        for told in (plain, self.password):
            words = words.replace(base64.b64encode(told.encode()).decode(), "***")
        return words.replace(self.password, "***")


# Which phase an exception of smtplib stands for; a bare SMTPResponseException comes from STARTTLS.
PHASES = {
    smtplib.SMTPResponseException: Phase.TLS,
    smtplib.SMTPAuthenticationError: Phase.LOGIN,
    smtplib.SMTPSenderRefused: Phase.SENDER,
    smtplib.SMTPDataError: Phase.MESSAGE,
}


def check_addresses(envelope: Envelope) -> None:
    """Raise for addresses that would end their SMTP command and begin another."""
    for address, of_the_account in ((envelope.sender, True), (envelope.address, False)):
        if IMPOSSIBLE.search(address):
            raise TransportError(
                f"The {'sender' if of_the_account else 'recipient'}'s address has signs that no e-mail address has.",
                permanent=True,
                account=of_the_account,
                bounced=not of_the_account,
                code="553 5.1.3",
            )
