"""How far a broadcast is, for the strip that shows it and the script that keeps it fresh."""

from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import formats, pricing, stats
from broadcasts.explaining import when
from broadcasts.formats import duration
from broadcasts.models import Broadcast, Delivery
from broadcasts.stats import BroadcastCounts

from .base import list_url

OF_COPIES = ("sent", "pending", "failed", "unknown", "skipped", "fallbacks")
SHOWN_BY_CHANNEL = ("delivered", "opened", "replied")
STATUSES = ("sent", "pending", "failed", "unknown", "skipped", "cancelled")


def progress(
    broadcast: Broadcast, numbers: dict[str, int] | None = None, told: BroadcastCounts | None = None
) -> dict[str, Any]:
    """Return the state, the numbers with the address of their rows, the mean rate and the time left.

    `numbers`, as `stats.counts` tells them, are of one of a list, which needs no further query; `told` are all counts,
    where they are read already.
    """
    waits, waiting, facts, channels, cost = None, "", [], [], None
    if numbers is None:
        told = told or BroadcastCounts.of(broadcast)
        numbers = told.people
        waits = stats.waiting(broadcast, numbers["pending"])
        facts = stats.shown_facts(broadcast.reports, numbers)
        cost = pricing.total(pricing.spent(broadcast.messages.all()).values())
        channels = _by_channel(broadcast, told)
        waiting = waits_for(broadcast, waits) if waits else _falls_back(broadcast, numbers["pending"])
    recipients, pending = numbers["recipients"], numbers["pending"]
    finished = broadcast.status in Broadcast.FINISHED
    ended = broadcast.completed_at if finished and broadcast.completed_at else timezone.now()
    seconds = (ended - broadcast.started_at).total_seconds() if broadcast.started_at else 0
    gone = numbers["sent"] + numbers["failed"] + numbers["unknown"]
    rate = gone / seconds if seconds > 0 else 0
    return {
        "status": broadcast.status,
        "label": broadcast.get_status_display(),
        "finished": finished,
        "error": broadcast.error_message,
        "expanding": broadcast.expanded_at is None and broadcast.status == Broadcast.Status.SENDING,
        "recipients": recipients,
        "done": recipients - pending,
        "gone": gone,
        "pending": pending,
        "rate": round(rate, 1),
        "left": duration(pending / rate) if rate and pending and not finished and not waits else "",
        "waiting": waiting,
        "cost": f"{cost} so far." if cost and not finished else f"{cost}." if cost else "",
        "took": duration(seconds) if finished else "",
        "numbers": [_number(broadcast, name, numbers[name], status=name) for name in STATUSES]
        + ([_number(broadcast, "fallbacks", numbers["fallbacks"], fallback="1")] if numbers["fallbacks"] else []),
        "channels": channels,
        "facts": [_number(broadcast, name, numbers[name], fact=name) for name in facts],
        "all": list_url(Delivery, broadcast=broadcast.pk),
    }


def undo_left(broadcast: Broadcast) -> float | None:
    """Return the seconds until its undo window ends, by the database's clock; None where it has none."""
    if broadcast.undo_until is None:
        return None
    now: Any = Broadcast.objects.filter(pk=broadcast.pk).values_list(Now(), flat=True).get()
    return max(0.0, round((broadcast.undo_until - now).total_seconds(), 1))


def _by_channel(broadcast: Broadcast, told: BroadcastCounts) -> list[dict[str, Any]]:
    """Return the numbers of each message, where there are several; a fact that its channel does not report is None."""
    messages = list(broadcast.messages.all())
    if len(messages) < 2:
        return []
    shown = [fact for fact in SHOWN_BY_CHANNEL if any(fact in message.reports for message in messages)]
    rows = []
    for message in messages:
        numbers = told.copies.get(message.pk, stats.ZERO)
        facts = [(name, numbers[name] if name in message.reports else None) for name in shown]
        rows.append(
            {
                "channel": str(message.channel),
                "numbers": [
                    {"name": f"{name}-{message.pk}", "label": name.capitalize(), "value": value}
                    for name, value in [*((name, numbers[name]) for name in OF_COPIES), *facts]
                ],
            }
        )
    return rows


def _falls_back(broadcast: Broadcast, pending: int) -> str:
    """Say that only the next channel's turn is waited for; "" where that is not so."""
    falls_back = broadcast.falls_back
    if not falls_back or pending or broadcast.status != Broadcast.Status.SENDING or broadcast.expanded_at is None:
        return ""
    times = stats.fallback_times(broadcast)
    if times is None:
        return ""
    zone = broadcast.organization.zone
    last = "" if times[0] == times[1] else f", for the last copy {when(times[1], zone)}"
    return (
        f"Every copy has been sent. The next channel takes over where one is not {broadcast.fallback_fact or 'sent'}: "
        f"{when(times[0], zone)}{last}."
    )


def _number(broadcast: Broadcast, name: str, value: int, **params: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "value": value,
        "url": list_url(Delivery, broadcast=broadcast.pk, **params),
    }


def waits_for(broadcast: Broadcast, waits: stats.Waiting) -> str:
    """Return the text that all remaining deliveries wait for a later time."""
    what = " for their local time" if broadcast.local_time else ""
    people = "1 waits" if waits.people == 1 else f"{formats.number(waits.people)} wait{what}"
    zone = broadcast.organization.zone
    ends = "" if waits.last == waits.next else f", the last {when(waits.last, zone)}"
    return f"{people}: the next {when(waits.next, zone)}{ends}. {waits.why}".rstrip()
