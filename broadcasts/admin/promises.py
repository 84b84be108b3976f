"""What a broadcast will do, for the pages that ask before it is sent: to how many, and what the first one reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from broadcasts import audience, checking, designing, pricing, rendering
from broadcasts.audience import Audience, Estimate
from broadcasts.exceptions import BroadcastsError
from broadcasts.languages import language_name
from broadcasts.models import Broadcast, Contact, Message, Reason
from broadcasts.sending import expansion, readiness


@dataclass(frozen=True)
class FirstCopy:
    """The copy that the first person of the audience will get of one message; `error` says why there is none."""

    channel: str
    sender: str
    person: str = ""
    address: str = ""
    language: str = ""
    subject: str = ""
    error: str = ""


def promise(broadcast: Broadcast) -> dict[str, Any]:
    """Return what `promise.html` tells of a broadcast that is about to be sent; counts everybody once."""
    found = estimate(broadcast)
    return {
        "estimate": found,
        "reasons": reasons(found),
        "cost": pricing.expected(broadcast, found),
        "nobody": nobody(found),
        "first_copies": first_copies(broadcast),
        "open_lines": checking.open_lines(broadcast, checking.check(broadcast, found)),
    }


def estimate(broadcast: Broadcast) -> Estimate:
    """Count whom a broadcast will reach: the same query as its start."""
    return audience.estimate(Audience.of(broadcast), audience.routes_of(broadcast))


def reasons(found: Estimate) -> list[tuple[str, str, int]]:
    """Return (reason, in words, people) in the order of precedence."""
    return [(reason.value, str(reason.label), n) for reason in Reason if (n := found.skipped.get(reason.value))]


def nobody(found: Estimate) -> str:
    """Return why no contact would receive it; "" if any would."""
    if found.will_receive:
        return ""
    if not found.matched:
        return expansion.NOBODY
    return f"{expansion.LEFT_OUT}." if found.skipped else readiness.NO_MESSAGE


def first_copies(broadcast: Broadcast) -> list[FirstCopy]:
    """Render each message for the first person, by id, who will get it; a message that nobody gets is left out."""
    rows = broadcast.messages.select_related("channel", "template", "layout", "broadcast__organization")
    messages = list(rows.prefetch_related("translations"))
    wanted = Audience.of(broadcast)
    with audience.as_if_created(wanted):
        copies = [_first_copy(wanted, message, messages) for message in messages]
    return [one for one in copies if one]


def _first_copy(wanted: Audience, message: Message, among: Sequence[Message]) -> FirstCopy | None:
    reached = audience.recipients(wanted, message, among).filter(skip_reason="")
    person: Contact | None = reached.order_by("pk").first()
    if person is None:
        return None
    message.channel = message.channel or wanted.organization.default_channel(message.medium)
    channel = message.channel
    told = {
        "channel": str(channel or ""),
        "sender": f"{channel.from_name} <{channel.from_address}>".strip() if channel and channel.from_address else "",
        "person": str(person),
        "address": person.send_address,  # type: ignore[attr-defined]
        "language": language_name(tag) if (tag := person.send_language) else "",  # type: ignore[attr-defined]
    }
    try:
        designing.refresh(message)
        copy = rendering.preview(message, person, tag or None)
    except BroadcastsError as error:
        return FirstCopy(**told, error=str(error))
    return FirstCopy(**told, subject=copy.subject or " ".join(copy.text.split()))
