"""Any Django e-mail backend as the carrier of ready messages."""

import smtplib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from typing import Any, TypeVar

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as DjangoSmtp
from django.utils.module_loading import import_string

from ..base import Envelope, Receipt, TransportError
from ..within import within
from .account import LONGEST, Account, Phase, Reply, check_addresses
from .smtp import GOODBYE_SECONDS

Answer = TypeVar("Answer")


def backend_class(path: str) -> type[BaseEmailBackend]:
    """Import a Django e-mail backend."""
    example = "give the path of a class, such as django.core.mail.backends.smtp.EmailBackend"
    try:
        found = import_string(path)
    except ImportError as error:
        raise TransportError(
            f"The backend cannot be imported ({error}); {example}.", permanent=True, account=True
        ) from None
    if not hasattr(found, "send_messages"):
        raise TransportError(f"{path} is no e-mail backend; {example}.", permanent=True, account=True)
    return found


class Parsed(Message):
    """A parsed message that is written out byte for byte as it came: whatever signed it holds."""

    raw = b""

    def as_bytes(self, unixfrom: bool = False, policy: Any = None, *, linesep: str = "\r\n") -> bytes:
        if not self.raw:  # a part of it
            return super().as_bytes(unixfrom)
        return self.raw.replace(b"\r\n", linesep.encode())


class ReadyMessage(EmailMessage):
    """A message for Django's backends that is complete already."""

    def __init__(self, envelope: Envelope) -> None:
        super().__init__(envelope.subject, envelope.text, envelope.sender, [envelope.address])
        self.parsed = BytesParser(_class=Parsed).parsebytes(envelope.mime)
        self.parsed.raw = envelope.mime

    def message(self) -> Message:  # type: ignore[override]
        return self.parsed


class Backend:
    """One instance of a Django e-mail backend, kept open over many envelopes."""

    def __init__(self, path: str, account: Account) -> None:
        self.path = path
        self.account = account
        self.backend: BaseEmailBackend | None = None
        self.carried = 0

    def open(self) -> BaseEmailBackend:
        return self._bounded(LONGEST / 2, self._open)

    def _bounded(self, seconds: float, act: Callable[[], Answer], handed_over: bool = False) -> Answer:
        """Do something with the backend, which is left to itself when it takes too long."""
        try:
            return within(seconds, act)
        except TimeoutError:
            self.backend = None
            words = f"The backend {self.path} did not come back within {seconds:.3g} seconds"
            words += ", so the message may or may not arrive." if handed_over else "."
            raise TransportError(words, handed_over=handed_over, account=True) from None

    def _open(self) -> BaseEmailBackend:
        if self.backend is None:
            self.backend, self.carried = self._make(), 0
        try:
            self.backend.open()
        except Exception as error:  # a backend may raise what it likes
            self._close()
            raise self._not_opened(error) from None
        return self.backend

    def close(self) -> None:
        with suppress(TransportError):
            self._bounded(GOODBYE_SECONDS, self._close)

    def _close(self) -> None:
        backend, self.backend = self.backend, None
        if backend is not None:
            with suppress(Exception):
                backend.close()

    def check(self) -> None:
        self.open()

    def deliver(self, envelope: Envelope) -> Receipt:
        check_addresses(envelope)
        backend, message = self._bounded(LONGEST / 2, self._ready), ReadyMessage(envelope)
        self.carried += 1
        sent = self._bounded(LONGEST / 2, lambda: self._send(backend, message), handed_over=True)
        if sent == 0:
            raise TransportError(f"The backend {self.path} did not send the message, and does not say why.")
        return Receipt(detail=f"Handed to {self.path}.")

    def _ready(self) -> BaseEmailBackend:
        if self.carried >= self.account.limit or self._is_stale():
            self._close()
        return self._open()

    def _send(self, backend: BaseEmailBackend, message: EmailMessage) -> int:
        try:
            return backend.send_messages([message])
        except Exception as error:  # a backend may raise what it likes
            raise self._not_sent(error) from None

    def _make(self) -> BaseEmailBackend:
        found = backend_class(self.path)
        try:
            if not issubclass(found, DjangoSmtp):
                return found(fail_silently=False)
            backend = found(fail_silently=False, timeout=self.account.timeout, **self._login())
        except Exception as error:  # a backend may raise what it likes
            raise self._unusable("cannot be set up", error) from None
        self.account = replace(self.account, host=backend.host, port=backend.port)  # for messages
        if not self.account.verify:
            backend.ssl_context = self.account.tls()
        return backend

    def _login(self) -> dict[str, Any]:
        """Return the arguments for an SMTP backend; without a host Django's own EMAIL_ settings hold."""
        if not self.account.host:
            return {}
        return {
            "host": self.account.host,
            "port": self.account.port,
            "username": self.account.username,
            "password": self.account.password,
            "use_tls": self.account.security == "starttls",
            "use_ssl": self.account.security == "tls",
        }

    def _is_stale(self) -> bool:
        """Ask whether the server went away in between: found out while sending, it could not be told from a loss."""
        client = getattr(self.backend, "connection", None)
        if not isinstance(client, smtplib.SMTP):
            return False
        try:
            return client.noop()[0] != 250
        except OSError:  # every exception of smtplib is one
            return True

    def _not_opened(self, error: Exception) -> TransportError:
        if isinstance(error, OSError):
            return self.account.failed(error)
        return self._unusable("cannot be opened", error)

    def _unusable(self, words: str, error: Exception) -> TransportError:
        told = self.account.without_password(str(error))
        return TransportError(f"The backend {self.path} {words}: {told}", permanent=True, account=True)

    def _not_sent(self, error: Exception) -> TransportError:
        """Say what became of the message; what is no clear refusal may have left."""
        match error:
            case smtplib.SMTPRecipientsRefused():
                return self.account.refused(Phase.RECIPIENT, Reply.read(*next(iter(error.recipients.values()))))
            case smtplib.SMTPResponseException():
                return self.account.failed(error)
        self._close()
        lost, told = isinstance(error, smtplib.SMTPServerDisconnected), self.account.without_password(str(error))
        return TransportError(
            f"The backend {self.path} failed, so the message may or may not arrive: {told}",
            handed_over=True,
            account=not lost,  # a broken backend would lose track of message after message
        )
