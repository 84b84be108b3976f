"""What a broadcast will do, for the pages that ask before it is sent: to how many, and what the first one reads."""

from dataclasses import dataclass
from typing import Any

from broadcasts import audience, checking, designing, rendering
from broadcasts.audience import Audience, Estimate
from broadcasts.checking import Draft
from broadcasts.exceptions import BroadcastsError
from broadcasts.languages import language_name
from broadcasts.models import Broadcast, Contact, Message, Reason
from broadcasts.rendering import CompiledMessage, Rendered
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
    draft = checking.read(broadcast)
    counted = checking.count_people(draft)
    found = counted.estimate
    lines = [*checking.quick_lines(draft), *checking.counted_lines(draft, counted)]
    return {
        "estimate": found,
        "reasons": reasons(found),
        "cost": counted.cost,
        "nobody": nobody(found),
        "first_copies": first_copies(draft),
        "open_lines": checking.open_lines(broadcast, lines),
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


def first_copies(draft: Draft) -> list[FirstCopy]:
    """Render each message for the first person, by id, who will get it; a message that nobody gets is left out."""
    wanted = Audience.of(draft.broadcast)
    with audience.as_if_created(wanted):
        copies = [_first_copy(wanted, message, draft) for message in draft.messages]
    return [one for one in copies if one]


def _first_copy(wanted: Audience, message: Message, draft: Draft) -> FirstCopy | None:
    person: Contact | None = audience.receivers(wanted, message, draft.messages).order_by("pk").first()
    if person is None:
        return None
    channel = message.channel
    told = {
        "channel": str(channel or ""),
        "sender": f"{channel.from_name} <{channel.from_address}>".strip() if channel and channel.from_address else "",
        "person": str(person),
        "address": person.send_address,  # type: ignore[attr-defined]
        "language": language_name(tag) if (tag := person.send_language) else "",  # type: ignore[attr-defined]
    }
    try:
        copy = _rendered(message, person, tag, draft.compiled.get(message.pk))
    except BroadcastsError as error:
        return FirstCopy(**told, error=str(error))
    return FirstCopy(**told, subject=copy.subject or " ".join(copy.text.split()))


def _rendered(message: Message, person: Contact, language: str, compiled: CompiledMessage | None) -> Rendered:
    """Render a copy by what the check has compiled, or by itself where that has a fault."""
    if compiled is None:
        designing.refresh(message)
        return rendering.preview(message, person, language or None)
    return compiled.render(rendering.previewed(compiled, person, language or None))
