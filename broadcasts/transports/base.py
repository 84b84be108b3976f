"""The base of all transports: each takes an Envelope and returns a Receipt or a TransportError.

Transports do not use the database. Each is one file (or folder), named in the registry (`transports/__init__.py`).
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Self

from django import forms

from broadcasts.database import storable

from .callbacks import Callback, CallbackRequest


@dataclass(frozen=True, slots=True)
class File:
    """A file of a message, equal for all recipients of its language."""

    name: str
    content_type: str
    size: int  # bytes
    read: Callable[[], bytes]  # raises OSError if the file is missing
    url: str = ""  # where a provider can fetch it, for some days


@dataclass(frozen=True, slots=True)
class ProviderTemplate:
    """A template that the provider stores, with its parameters for one recipient."""

    name: str
    language: str  # as the provider writes it, such as pt_BR
    components: Mapping[str, Any]  # the message's parameters: header, body, buttons, location, flow


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """A template in one language, as its provider lists it."""

    provider_id: str
    name: str
    language: str  # as the provider writes it
    status: str  # in the provider's words; APPROVED may be sent
    category: str = ""
    quality: str = ""
    reason: str = ""  # of a refusal
    structure: Mapping[str, Any] = field(default_factory=dict)  # JSON for the transport's own methods


@dataclass(slots=True)
class Bubble:
    """A message as the app of its recipient shows it."""

    kind: str = ""  # of its header: text, image, video, audio, document, location, or ""
    header: str = ""  # the text, the name of the file or the place
    link: str = ""  # of the file
    body: str = ""
    footer: str = ""
    buttons: Sequence[tuple[str, str]] = ()  # (words, the address or the code)


@dataclass(slots=True)  # not frozen: that would double the time it takes to make one
class Envelope:
    """One composed copy for one address."""

    key: str  # the public token of the delivery, by which receivers can detect duplicates
    address: str  # an e-mail address, E.164 digits or a URL, as the medium requires
    sender: str = ""  # the sender's address
    subject: str = ""
    text: str = ""
    html: str = ""  # "" if carries_mail: then mime contains it, and the files
    mime: bytes = b""  # the complete RFC 5322 message with CRLF, if carries_mail
    is_smooth: bool = False  # whether each line of mime ends in CRLF and none starts with a dot
    media: Sequence[File] = ()
    quick_replies: Sequence[Any] = ()
    template: ProviderTemplate | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)  # for messages without a provider template
    context: Mapping[str, Any] = field(default_factory=dict)  # who gets what of whose, if needs_context


@dataclass(slots=True)
class Receipt:
    """The provider accepted the copy."""

    provider_id: str = ""
    detail: str = ""  # the provider's own words
    segments: int = 0  # of an SMS: those that it is billed as
    flaw: str = ""  # what staff should correct though it was accepted


class TransportError(Exception):
    """The provider refused the copy, or its reply was lost.

    permanent: a retry would fail too.
    account: it concerns the whole channel (refused login, unreachable server), not one recipient; a permanent
        error pauses the broadcast, a transient one starts a back-off of the channel.
    handed_over: the copy was sent completely before the reply was lost, so its outcome is unknown.
    bounced: the address does not exist and must not be tried again (the class hard of `bounces`).
    content: with `account` and `permanent`, it concerns the content of one broadcast, which alone pauses.
    withdrawn: with `permanent`, the person refuses marketing on this medium, which is remembered.
    code: the provider's own code, such as "550 5.1.1".
    retry_after: the seconds that the provider asks to wait before a retry, or None. With `account` the whole channel
        waits, otherwise this delivery; `sending` limits the wait.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        account: bool = False,
        handed_over: bool = False,
        bounced: bool = False,
        content: bool = False,
        withdrawn: bool = False,
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(storable(message))  # as it may hold the words of anybody's server
        self.permanent = permanent
        self.account = account
        self.handed_over = handed_over
        self.bounced = bounced
        self.content = content
        self.withdrawn = withdrawn
        self.code = code
        self.retry_after = retry_after


class SettingsRefused(TransportError):
    """A channel's settings violate the rules of this server; nothing was connected to or imported."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True, account=True)


Outcome = Receipt | TransportError


Begin = Callable[[Sequence[Envelope]], None]


def unnoticed(envelopes: Sequence[Envelope]) -> None:
    """Do nothing; the default for `begin`."""


class SettingsForm(forms.Form):
    """The settings of a channel of one kind.

    Fields in `secret` are encrypted at rest and never shown. When a field in `secret_for` changes, secrets must be
    entered again, so that a stored one is never sent elsewhere.
    """

    secret: ClassVar[frozenset[str]] = frozenset()
    secret_for: ClassVar[frozenset[str]] = frozenset()


def only_receipt(outcomes: Iterable[tuple[Envelope, Outcome]]) -> Receipt:
    """Return the receipt of the only envelope that was sent; raises its TransportError."""
    [(_, outcome)] = outcomes
    if isinstance(outcome, TransportError):
        raise outcome
    return outcome


class Transport:
    """Sends to one kind of provider; subclasses define `deliver`, and `open`, `close` and `check` if needed.

    It is a context manager, so that one connection sends many envelopes:

        with Email(settings) as transport:
            for envelope, outcome in transport.send(envelopes): ...
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    medium: ClassVar[str] = "email"  # whose suppressions and consents apply: email, sms, whatsapp, webhook
    address_field: ClassVar[str] = ""  # the contact's field that a channel of this kind sends to; "": the medium's own
    is_for_development: ClassVar[bool] = False  # it sends to nobody: a default channel only if chosen explicitly
    carries_mail: ClassVar[bool] = False  # whether it needs Envelope.mime
    refuses_by_smtp: ClassVar[bool] = False  # whether the codes of its errors are replies of SMTP, as RFC 3463 has them
    needs_context: ClassVar[bool] = False  # whether it needs Envelope.context
    # Whether the receiver takes copies with the same Envelope.key once: then a lost answer is retried, not `unknown`.
    deduplicates: ClassVar[bool] = False
    settings_form: ClassVar[type[SettingsForm]] = SettingsForm
    # The facts (names of `models.FACTS`) that this transport reports after a copy is sent; others are not shown, and
    # cannot be used in conditions.
    reports: ClassVar[frozenset[str]] = frozenset()

    # Whether the provider sends callbacks to the channel's URL: then define `verify` and `parse`.
    calls_back: ClassVar[bool] = False

    # Whether it reads the mails that come back to its sender: then define `parse`.
    reads_mail: ClassVar[bool] = False

    # Messages per second at most, and at once, where the channel's own are blank.
    default_rate: ClassVar[int | None] = None
    default_burst: ClassVar[int | None] = None

    # Where the provider limits what one person gets: one message in so many seconds, of which so many may come at once.
    person_seconds: ClassVar[float | None] = None
    person_burst: ClassVar[int] = 1

    # Whether the provider stores templates that have to be approved: then define `templates`, `surplus` and `missing`.
    stores_templates: ClassVar[bool] = False
    # Where content without such a template may only answer: how long after the person's last message.
    reply_window: ClassVar[timedelta | None] = None

    callback_url = ""  # where the provider of the channel reports, if it calls back

    concurrency = 1  # how many envelopes can be in flight at once; windows should be larger

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    @classmethod
    def sends_as_composed(cls, settings: Mapping[str, Any]) -> bool:
        """Tell whether mail leaves byte for byte as it was composed, so that a signature of ours stays valid."""
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect and log in; raises TransportError(account=True)."""

    def close(self) -> None:
        """Close the connection; never raises."""

    def check(self) -> None:
        """Check that sending would work, without sending; raises TransportError."""
        try:
            self.open()
        finally:
            self.close()

    def deliver(self, envelope: Envelope) -> Receipt:
        """Send one envelope; raises TransportError."""
        raise NotImplementedError(f"{type(self).__name__} must define deliver()")

    def send(
        self, envelopes: Iterable[Envelope], until: float = math.inf, begin: Begin = unnoticed
    ) -> Iterator[tuple[Envelope, Outcome]]:
        """Send envelopes; yield each with its outcome as soon as it is known, in any order.

        Envelopes are taken one by one when needed, so that they can be composed meanwhile. None is started after
        `until` (of time.monotonic()) or after an account error; those that are not yielded were not handed over.
        Envelopes in flight at an account error are yielded too, so there may be several such errors, at most
        `concurrency`. The iterator must be read to its end. `begin` is called with envelopes just before their content
        is sent.
        """
        for envelope in envelopes:
            if time.monotonic() >= until:
                return
            begin([envelope])
            try:
                yield envelope, self.deliver(envelope)
            except TransportError as error:
                yield envelope, error
                if error.account:
                    return

    @property
    def account(self) -> str:
        """The provider's name of the account that this channel uses, by which callbacks name it; "" if they do not."""
        return ""

    def verify(self, request: CallbackRequest) -> bool:
        """Tell whether a callback is from the provider, by its signature; any exception counts as False."""
        return False

    def parse(self, request: CallbackRequest) -> Callback:
        """Parse a verified callback; raises ValueError if its body is not as the provider documents it.

        It is called again when the callback is applied, with the headers in `receiving.storing.KEPT` only, and has to
        return the same events and replies in the same order. It asks nobody: see `confirm`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define parse()")

    def confirm(self, confirms: str) -> None:
        """Confirm what a verified callback asks for, once, when it arrives; raises TransportError."""
        raise NotImplementedError(f"{type(self).__name__} must define confirm()")

    def templates(self) -> Iterator[StoredTemplate]:
        """Yield the templates that the provider stores; raises TransportError."""
        raise NotImplementedError(f"{type(self).__name__} must define templates()")

    def people_a_day(self) -> int | None:
        """Ask how many people the account may begin to write to in 24 hours; None: unlimited. Raises TransportError."""
        return None

    # What is wrong with content before it is sent, as {path: words}; a path of parameters begins with `parameters`.

    @classmethod
    def malformed(cls, value: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong with the parameters of a message, whatever its template."""
        return {}

    @classmethod
    def surplus(cls, structure: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, str]:
        """Return which parameters a stored template has no place for."""
        return {}

    @classmethod
    def missing(cls, structure: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, str]:
        """Return which parameters a stored template needs and are not given."""
        return {}

    @classmethod
    def file_fault(cls, content_type: str, size: int, kind: str = "") -> str:
        """Return why a file of so many bytes cannot be sent, as the end of a sentence; "" if it can.

        `kind` is what the message shows it as: image, video or document; "" where its type decides.
        """
        return ""

    @classmethod
    def unsendable(cls, content: Mapping[str, Any]) -> dict[str, str]:
        """Return {field: words} of content without a stored template that this kind cannot send."""
        return {}

    @classmethod
    def bubble(cls, envelope: Envelope, structure: Mapping[str, Any]) -> Bubble | None:
        """Return a copy as its recipient sees it; None if the texts of the envelope say it all."""
        return None

    @classmethod
    def source(cls, envelope: Envelope) -> str:
        """Return what the provider is given of a copy, for people to read; "" if the texts of the envelope say it all.

        Of mail it is the complete message, headers first, with LF line ends.
        """
        return envelope.mime.decode("ascii", "replace").replace("\r\n", "\n")
