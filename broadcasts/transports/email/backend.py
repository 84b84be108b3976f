"""Send composed messages through any Django e-mail backend."""

import smtplib
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from email.parser import BytesParser
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as DjangoSmtp
from django.utils.module_loading import import_string

from broadcasts import formats

from ..base import Envelope, Receipt, SettingsRefused, TransportError
from ..deadline import with_deadline
from .account import LONGEST, Account, Phase, Reply, check_addresses
from .smtp import GOODBYE_SECONDS, client_class

Answer = TypeVar("Answer")


def backend_class(label: str) -> type[BaseEmailBackend]:
    """Return the e-mail backend that the operator offers by this label; nothing else is ever imported."""
    path = settings.EMAIL_BACKENDS.get(label)
    if path is None:
        offered = ", ".join(settings.EMAIL_BACKENDS)
        mend = f"choose one of: {offered}" if offered else "leave the backend blank and give a host"
        raise SettingsRefused(
            f"The operator of this server offers no backend “{label:.100}”; {mend}. EMAIL_BACKENDS names them."
        )
    try:
        return _imported(path)
    except ImportError:
        raise SettingsRefused(
            f"The backend “{label}” cannot be used now; the operator of this server has to mend EMAIL_BACKENDS."
        ) from None


def _imported(path: str) -> type[BaseEmailBackend]:
    """Import an e-mail backend; raises ImportError for any exception of the module."""
    try:
        found = import_string(path)
    except (Exception, SystemExit) as error:
        raise ImportError(f"cannot be imported: {error}") from None
    if not (isinstance(found, type) and hasattr(found, "send_messages")):
        raise ImportError("is no e-mail backend: it has no send_messages()")
    return found


@register
def check_backends(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the backends of EMAIL_BACKENDS can be imported (a Django system check)."""
    found: list[CheckMessage] = []
    for label, path in settings.EMAIL_BACKENDS.items():
        try:
            _imported(path)
        except ImportError as error:
            found.append(Warning(
                f"EMAIL_BACKENDS offers “{label}”, but {path} {error}.",
                hint="Install its package, or give the dotted path of an e-mail backend's class, such as "
                "Mailgun=anymail.backends.mailgun.EmailBackend.",
                id="broadcasts.W001",
            ))  # fmt: skip
    return found


def speaks_smtp(label: str | None) -> bool:
    """Tell whether mail goes to the channel's own host: without a backend, and by one that speaks SMTP."""
    return not label or issubclass(backend_class(label), DjangoSmtp)


@cache
def policed(found: type) -> type[DjangoSmtp]:
    """Return a subclass of an SMTP backend that connects by the address policy."""

    class Policed(found):
        @property
        def connection_class(self) -> type:
            return client_class(super().connection_class)

    return Policed


class Parsed(Message):
    """A parsed message that is serialized byte for byte as it was composed, so that signatures stay valid."""

    raw = b""

    def as_bytes(self, unixfrom: bool = False, policy: Any = None, *, linesep: str = "\r\n") -> bytes:
        if not self.raw:  # a part of it
            return super().as_bytes(unixfrom)
        return self.raw.replace(b"\r\n", linesep.encode())


class ReadyMessage(EmailMessage):
    """A complete message in the form that Django's backends take."""

    def __init__(self, envelope: Envelope) -> None:
        super().__init__(envelope.subject, envelope.text, envelope.sender, [envelope.address])
        self.parsed = BytesParser(_class=Parsed).parsebytes(envelope.mime)
        self.parsed.raw = envelope.mime

    def message(self) -> Message:  # type: ignore[override]
        return self.parsed


class Backend:
    """One instance of a Django e-mail backend, kept open over many envelopes."""

    def __init__(self, label: str, account: Account) -> None:
        self.label = label
        self.account = account
        self.backend: BaseEmailBackend | None = None
        self.carried = 0

    def open(self) -> BaseEmailBackend:
        return self._bounded(LONGEST / 2, self._open)

    def _bounded(self, seconds: float, act: Callable[[], Answer], handed_over: bool = False) -> Answer:
        """Call the backend with a deadline; it is abandoned if it takes longer."""
        try:
            return with_deadline(seconds, act)
        except TimeoutError:
            self.backend = None
            words = f"The backend “{self.label}” did not come back within {formats.duration(seconds)}"
            words += ", so the message may or may not arrive." if handed_over else "."
            raise TransportError(words, handed_over=handed_over, account=True) from None

    def _open(self) -> BaseEmailBackend:
        if self.backend is None:
            self.backend, self.carried = self._make(), 0
        try:
            self.backend.open()
            self._greet()
        except SettingsRefused:
            self._close()
            raise
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
            raise TransportError(f"The backend “{self.label}” did not send the message, and does not say why.")
        return Receipt(detail=f"Handed to “{self.label}”.")

    def _ready(self) -> BaseEmailBackend:
        if self.carried >= self.account.limit or self._is_stale():
            self._close()
        return self._open()

    def _send(self, backend: BaseEmailBackend, message: EmailMessage) -> int:
        try:
            return backend.send_messages([message])
        except Exception as error:  # a backend may raise what it likes
            raise self._not_sent(error) from None

    def _greet(self) -> None:
        """Check that an SMTP backend is connected by the address policy, and to an SMTP server."""
        if not isinstance(self.backend, DjangoSmtp):
            return
        client = self.backend.connection
        if client is None or not getattr(client, "is_policed", False):
            raise SettingsRefused(
                f"The backend “{self.label}” connects past the address policy of this server, so it is not used; "
                "its open() has to connect by self.connection_class."
            )
        client.ehlo_or_helo_if_needed()

    def _make(self) -> BaseEmailBackend:
        found: Any = backend_class(self.label)
        is_smtp = issubclass(found, DjangoSmtp)
        if is_smtp:
            self.account.need_host()
        try:
            return self._smtp(policed(found)) if is_smtp else found(fail_silently=False)
        except Exception as error:  # a backend may raise what it likes
            raise self._unusable("cannot be set up", error) from None

    def _smtp(self, found: type[DjangoSmtp]) -> DjangoSmtp:
        """Return an SMTP backend for the channel's account, without any of Django's EMAIL_ settings."""
        account = self.account
        backend = found(
            fail_silently=False,
            host=account.host,
            port=account.port,
            username=account.username,
            password=account.password,
            use_tls=account.security == "starttls",
            use_ssl=account.security == "tls",
            timeout=account.timeout,
        )
        if account.security != "none":
            backend.ssl_context = account.tls()  # which shows nobody the operator's EMAIL_SSL_CERTFILE
        return backend

    def _is_stale(self) -> bool:
        """Check whether the server has closed the connection: while sending, that would leave the outcome unknown."""
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
        return TransportError(f"The backend “{self.label}” {words}: {told}", permanent=True, account=True)

    def _not_sent(self, error: Exception) -> TransportError:
        """Return the error for an exception while sending; without a clear refusal, the message may have been sent."""
        match error:
            case smtplib.SMTPRecipientsRefused():
                return self.account.refused(Phase.RECIPIENT, Reply.read(*next(iter(error.recipients.values()))))
            case smtplib.SMTPResponseException():
                return self.account.failed(error)
        self._close()
        lost, told = isinstance(error, smtplib.SMTPServerDisconnected), self.account.without_password(str(error))
        return TransportError(
            f"The backend “{self.label}” failed, so the message may or may not arrive: {told}",
            handed_over=True,
            account=not lost,  # a broken backend would lose track of message after message
        )
