"""What every transport is: an Envelope goes in, a Receipt or a TransportError comes out.

Transports know nothing of the database. Each lives in one file and is named in the registry
(`transports/__init__.py`).
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from django import forms

from broadcasts.database import storable

from .callbacks import Callback, CallbackRequest


@dataclass(frozen=True, slots=True)
class File:
    """A file that goes with a message, the same for every recipient of its language."""

    name: str
    content_type: str
    size: int  # bytes
    read: Callable[[], bytes]  # OSError when the file is gone


@dataclass(frozen=True, slots=True)
class ProviderTemplate:
    """A template that the provider keeps, filled in for one recipient."""

    name: str
    language: str  # as the provider writes it, such as pt_BR
    components: Mapping[str, Any]  # the message's parameters: header, body, buttons, location, flow


@dataclass(slots=True)  # not frozen: that would double the time it takes to make one
class Envelope:
    """One rendered copy on its way to one address."""

    key: str  # the delivery's public token; receivers that de-duplicate do so by it
    address: str  # an e-mail address, E.164 digits, a URL: what the channel's kind speaks
    sender: str = ""  # the address it comes from
    subject: str = ""
    text: str = ""
    html: str = ""  # "" for kinds that carry mail, whose mime holds it, and the files too
    mime: bytes = b""  # the whole message as RFC 5322 bytes with CRLF, for kinds that carry mail
    is_smooth: bool = False  # of mime: every line ends in CRLF and none begins with a dot
    media: Sequence[File] = ()
    quick_replies: Sequence[Any] = ()
    template: ProviderTemplate | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of a message without a provider's template


@dataclass(slots=True)
class Receipt:
    """The provider took it."""

    provider_id: str = ""
    detail: str = ""  # the provider's own words


class TransportError(Exception):
    """The provider did not take it, or did not say.

    permanent: trying again changes nothing.
    account: it concerns the whole channel (refused login, unreachable server), not this one recipient;
        what is permanent here pauses the broadcast, what is not puts the channel into back-off.
    handed_over: the copy had left whole when the answer was lost, so nobody can tell what became of it.
    bounced: the address does not exist and is never to be tried again (RFC 3463 class 5.1.x).
    code: the provider's own code, such as "550 5.1.1".
    retry_after: the seconds that the provider asks to wait before the next try; None where it does not say. With
        `account` the whole channel waits, else this one delivery. Sending bounds it.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        account: bool = False,
        handed_over: bool = False,
        bounced: bool = False,
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(storable(message))  # as it may hold the words of anybody's server
        self.permanent = permanent
        self.account = account
        self.handed_over = handed_over
        self.bounced = bounced
        self.code = code
        self.retry_after = retry_after


class SettingsRefused(TransportError):
    """This server's own rules forbid what a channel's settings ask for; nothing was connected to or imported."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True, account=True)


Outcome = Receipt | TransportError


Begin = Callable[[Sequence[Envelope]], None]


def unnoticed(envelopes: Sequence[Envelope]) -> None:
    """Let envelopes begin without telling anybody."""


class SettingsForm(forms.Form):
    """The settings of a channel of one kind.

    Names in `secret` are encrypted at rest and never shown; a kept secret goes only where it was
    given for: when a setting in `secret_for` changes, it has to be given again.
    """

    secret: ClassVar[frozenset[str]] = frozenset()
    secret_for: ClassVar[frozenset[str]] = frozenset()


class Transport:
    """Speak to one kind of provider; a subclass fills in `deliver`, and `open`, `close` and `check` where needed.

    Used as a context manager, so that a connection serves many envelopes:

        with Email(settings) as transport:
            for envelope, outcome in transport.send(envelopes): ...
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    medium: ClassVar[str] = "email"  # whose suppressions and consents apply: email, sms, whatsapp, webhook
    address_field: ClassVar[str] = ""  # the contact's field that a channel of this kind sends to; "": the medium's own
    is_for_development: ClassVar[bool] = False  # nobody gets what it sends: a default only where somebody says so
    carries_mail: ClassVar[bool] = False  # whether it needs Envelope.mime
    settings_form: ClassVar[type[SettingsForm]] = SettingsForm
    # The facts that come back through this transport after a copy has left (names of `models.FACTS`): what is not
    # among them is neither shown nor asked for.
    reports: ClassVar[frozenset[str]] = frozenset()

    # Whether the provider calls back, at the channel's own address: then `verify` and `parse` are defined.
    calls_back: ClassVar[bool] = False

    concurrency = 1  # how many envelopes it can have under way at once; a window should hold more

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect and sign in; TransportError(account=True) when that is refused."""

    def close(self) -> None:
        """Give the connection back, never raising."""

    def check(self) -> None:
        """Prove that sending would work, without sending; TransportError says why not."""
        try:
            self.open()
        finally:
            self.close()

    def deliver(self, envelope: Envelope) -> Receipt:
        """Hand over one envelope, or raise TransportError."""
        raise NotImplementedError(f"{type(self).__name__} must define deliver()")

    def send(
        self, envelopes: Iterable[Envelope], until: float = math.inf, begin: Begin = unnoticed
    ) -> Iterator[tuple[Envelope, Outcome]]:
        """Yield each envelope with its outcome, as soon as it is known, in any order.

        Takes them one by one as it has use for them, so that they may be made meanwhile. Begins no envelope after
        `until` (of time.monotonic()) or after an error of the account: those that are not yielded were never handed
        over. Those under way when such an error comes are yielded too, so there may be several, at most
        `concurrency`. The iterator has to be read to its end. `begin` is told of each just before its content
        leaves, and of several at once where they leave together.
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

    def verify(self, request: CallbackRequest) -> bool:
        """Tell whether a call comes from the provider, by its signature; whatever is raised here means no."""
        return False

    def parse(self, request: CallbackRequest) -> Callback:
        """Read a verified call; ValueError where its body is not what the provider's documents say."""
        raise NotImplementedError(f"{type(self).__name__} must define parse()")
