"""What a provider calls back: the request as plain values, and what it tells of copies and from people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """One call of a provider."""

    method: str  # GET or POST
    url: str  # as the provider called it, with the query: some sign it
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Event:
    """A fact about one copy."""

    provider_id: str  # the provider's id of the copy, as its Receipt had it
    type: str  # "sent", "failed" or one of `models.FACTS`
    at: datetime | None = None  # aware; None: now
    detail: Mapping[str, Any] = field(default_factory=dict)  # {"hard": True} of a bounce suppresses the address
    machine: bool = False  # told by a scanner or a proxy, not by the person


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """What a person wrote to the channel."""

    address: str  # whom it comes from: what the channel sends to, such as E.164 digits
    text: str = ""
    at: datetime | None = None  # aware; None: now
    payload: Mapping[str, Any] = field(default_factory=dict)  # the provider's own words
    provider_id: str = ""  # of the reply itself: one that comes twice under the same id is stored once
    answers: str = ""  # the provider's id of the copy that it answers, where it says so


@dataclass(frozen=True, slots=True)
class Callback:
    """What one call tells."""

    events: Sequence[Event] = ()
    replies: Sequence[InboundMessage] = ()
    answer: str = ""  # what the provider wants to read, such as the challenge that proves an address
