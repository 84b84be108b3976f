"""What SMS cost: estimated before a broadcast starts, and counted by what was sent."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from broadcasts import audience, formats, links, rendering, septets, stats
from broadcasts.audience import Audience, Estimate
from broadcasts.exceptions import BroadcastsError
from broadcasts.models import Broadcast, Medium, Message
from broadcasts.rendering import CompiledMessage

SAMPLED = 50  # copies of a message that are rendered for an estimate
SAMPLING_SECONDS = 1  # after which those that are rendered have to do


@dataclass(frozen=True)
class Cost:
    """Segments of SMS, and what they cost by currency; a channel without a price adds to the segments only."""

    segments: int
    amounts: Mapping[str, Decimal]

    def __str__(self) -> str:
        segments = f"{formats.number(self.segments)} SMS segment{'' if self.segments == 1 else 's'}"
        amounts = " and ".join(f"{formats.number(amount, 2)} {currency}" for currency, amount in self.amounts.items())
        return f"{segments}, {amounts}" if amounts else segments


def expected(
    broadcast: Broadcast,
    found: Estimate,
    messages: Sequence[Message] | None = None,
    compiled: Mapping[int, CompiledMessage] | None = None,
) -> Cost | None:
    """Return the expected cost of a broadcast with this estimate; None if it sends no SMS.

    The segments are the mean of the first copies of each language, rendered as they would be sent.
    messages: those of the broadcast, where the caller has read them; compiled: of these, by id, what is compiled.
    """
    if messages is None:
        messages = list(broadcast.messages.select_related("channel", "broadcast__organization"))
    parts = []
    for message, languages in zip(messages, found.by_message, strict=False):
        message.channel = message.channel or broadcast.organization.default_channel(message.medium)
        if message.channel and message.medium == Medium.SMS:
            means = _mean_segments(message, messages, (compiled or {}).get(message.pk))
            usual = sum(means.values()) / len(means) if means else 1.0
            segments = round(sum(n * means.get(language, usual) for language, n in languages.items()))
            parts.append((segments, message.channel.segment_price, message.channel.currency))
    return _sum(parts) if parts else None


def spent(messages: Iterable[Message]) -> dict[int, Cost]:
    """Return {message id: what its copies cost so far}, in one query; only of messages that sent SMS.

    The messages have their channel loaded.
    """
    texts = [message for message in messages if message.channel and message.channel.medium == Medium.SMS]
    counted = stats.segments(texts) if texts else {}
    return {one.pk: _sum([(n, one.segment_price, one.currency)]) for one in texts if (n := counted.get(one.pk))}


def total(costs: Iterable[Cost]) -> Cost | None:
    """Return the sum of several costs; None for none."""
    costs = list(costs)
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for cost in costs:
        for currency, amount in cost.amounts.items():
            amounts[currency] += amount
    return Cost(sum(cost.segments for cost in costs), dict(amounts)) if costs else None


def _sum(parts: Sequence[tuple[int, Decimal | None, str]]) -> Cost:
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for segments, price, currency in parts:
        if price is not None:
            amounts[currency] += segments * price
    return Cost(sum(segments for segments, _, _ in parts), dict(amounts))


def _mean_segments(message: Message, among: Sequence[Message], compiled: CompiledMessage | None) -> dict[str, float]:
    """Return {language: mean segments} of the first copies; what cannot be rendered yet is left out."""
    counts: dict[str, list[int]] = defaultdict(list)
    try:
        compiled = compiled or rendering.compile_message(message)
        wanted = replace(Audience.of(message.broadcast), of_all=True)
        people = audience.receivers(wanted, message, among).order_by("pk")
        ends = time.monotonic() + SAMPLING_SECONDS
        for contact in people[:SAMPLED]:
            if time.monotonic() > ends:
                break
            language = compiled.language_for(contact.send_language)
            token = links.delivery_token(links.TEST_SEND)
            recipient = rendering.Recipient(token, contact.send_address, language, contact)
            counts[contact.send_language].append(septets.segments(compiled.render(recipient).text.strip()))
    except BroadcastsError:
        return {}
    return {language: sum(told) / len(told) for language, told in counts.items()}
