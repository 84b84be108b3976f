"""How many a broadcast will reach, and why not the others: the numbers before start."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from broadcasts.models import Broadcast, Channel, ChannelKind, Message

from .audience import Audience, matched
from .reasons import Outlet, recipients, skip_reason

PREVIEW_LIMIT = 100
LONGEST_DAYS = 3650  # a warm-up that takes longer is not foretold more exactly


@dataclass(frozen=True)
class Estimate:
    """`matched` people; `will_receive` and `skipped` count as the log will: under "every", a row for each message."""

    matched: int
    will_receive: int
    skipped: dict[str, int]
    per_channel: dict[str, int]
    expected_duration_seconds: int | None  # None where no channel has a limit


def estimate(audience: Audience, outlets: "Sequence[Message | Outlet]") -> Estimate:
    """Count those matched by what becomes of them, in one query.

    Under the policy of the first channel that works a contact counts once, with the reason of the first message
    when none can reach it.
    """
    ways = [Outlet.of(one) for one in outlets]
    names = [f"reason_{i}" for i in range(len(ways))]
    reasons = {name: skip_reason(audience, way) for name, way in zip(names, ways, strict=True)}
    everyone = matched(audience).order_by()
    if not ways:
        return Estimate(everyone.count(), 0, {}, {}, None)
    groups = everyone.annotate(**reasons).values_list(*names).annotate(people=Count("pk"))

    people, skipped = 0, Counter[str]()
    received = [0] * len(ways)
    for *told, n in groups:
        people += n
        for i, reason in _rows(told, audience.channel_policy):
            if reason:
                skipped[reason] += n
            else:
                received[i] += n
    return Estimate(people, sum(received), dict(skipped), *_by_channel(ways, received))


def _rows(told: Sequence[str], policy: str) -> list[tuple[int, str]]:
    """Return the rows that one contact gets, as (place of the message, reason)."""
    rows = list(enumerate(told))
    if policy == Broadcast.Policy.EVERY:
        return rows
    return [next((row for row in rows if not row[1]), rows[0])]


def _by_channel(ways: Sequence[Outlet], received: Sequence[int]) -> tuple[dict[str, int], int | None]:
    """Return what each channel will send, and how long the slowest of those with a limit takes."""
    totals, limited = Counter[str](), {}
    for way, n in zip(ways, received, strict=True):
        totals[way.name] += n
        if way.channel and (way.channel.rate or way.channel.ramp):
            limited[way.name] = way.channel
    return dict(totals), max((_seconds(channel, totals[name]) for name, channel in limited.items()), default=None)


def _seconds(channel: Channel, n: int) -> int:
    """Return how long n messages take at the channel's rate, and over the days of its warm-up."""
    day, days = timezone.localdate(timezone=channel.organization.zone), 0
    while (most := channel.allowance(day)) is not None and n > most and days < LONGEST_DAYS:
        n, day, days = n - most, day + timedelta(days=1), days + 1
    return days * 86_400 + (-(-n // channel.rate) if channel.rate else 0)


def preview(audience: Audience, outlets: "Sequence[Message | Outlet]") -> list[str]:
    """Return the first 100 addresses, by contact, of those who will receive it by e-mail; each once."""
    found: dict[int, str] = {}
    for outlet in outlets:
        if Outlet.of(outlet).medium == ChannelKind.EMAIL:
            reached = recipients(audience, outlet, outlets).filter(skip_reason="").order_by("pk")
            found.update(reached.values_list("pk", "send_address")[:PREVIEW_LIMIT])
    return [found[pk] for pk in sorted(found)][:PREVIEW_LIMIT]
