"""Callbacks of providers: the request as plain values, and the events and replies in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

LONGEST_MAIL = 1_000_000  # bytes of a mail that came back; what follows is neither kept nor read


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """The HTTP request of one callback, or a mail that came back: its method is then MAIL, and its body the mail."""

    method: str  # GET, POST or MAIL
    url: str  # with the query string, as the provider requested it, since some sign it
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Event:
    """A report about one copy."""

    provider_id: str  # the provider's id of the copy, as in its Receipt
    type: str  # "sent", "failed" or one of `models.FACTS`
    at: datetime | None = None  # aware; None: now
    detail: Mapping[str, Any] = field(default_factory=dict)  # {"hard": True} of a bounce suppresses the address
    machine: bool = False  # caused by a scanner or a proxy, not by the person
    # The envelope's key, if the provider gives it back: the copy is found by it where a killed worker took the
    # provider's id with it.
    key: str = ""
    # The provider's name of the account that is meant, as in `Transport.account`; "": the channel that was called.
    account: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message from a person to the channel."""

    address: str  # of the person, as the channel sends to it, such as E.164 digits
    text: str = ""
    at: datetime | None = None  # aware; None: now
    payload: Mapping[str, Any] = field(default_factory=dict)  # the provider's data, unchanged
    provider_id: str = ""  # of the reply itself: a repeated id is stored once
    answers: str = ""  # the provider's id of the copy that it answers, or ""
    account: str = ""  # as of an event
    key: str = ""  # the envelope's key of the copy that it answers, if the reply names that


@dataclass(frozen=True, slots=True)
class TemplateNews:
    """A change of a template that the provider stores; what is "" did not change."""

    provider_id: str
    name: str
    language: str  # as the provider writes it
    account: str = ""  # as of an event
    status: str = ""
    category: str = ""
    quality: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Callback:
    """The content of one callback."""

    events: Sequence[Event] = ()
    replies: Sequence[InboundMessage] = ()
    templates: Sequence[TemplateNews] = ()
    confirms: str = ""  # what the provider wants confirmed, for `Transport.confirm`, such as a subscription's address
    answer: str = ""  # the response body that the provider expects, such as a challenge

    @property
    def things(self) -> int:
        """How many events, replies and news of templates it tells."""
        return len(self.events) + len(self.replies) + len(self.templates)

    @property
    def keys(self) -> list[str]:
        """The keys of the copies that it is about."""
        keys = [event.key for event in self.events] + [reply.key for reply in self.replies]
        return [key for key in keys if key]
