"""How far a broadcast is, for the strip that shows it and the script that keeps it fresh."""

from typing import Any

from django.utils import timezone

from broadcasts import formats, stats
from broadcasts.explaining import when
from broadcasts.formats import duration
from broadcasts.models import Broadcast, Delivery

from .base import list_url

STATUSES = ("sent", "pending", "failed", "unknown", "skipped", "cancelled")


def progress(broadcast: Broadcast, counts: dict[str, int] | None = None) -> dict[str, Any]:
    """Return the state, the numbers with the address of their rows, the mean rate and the time left."""
    waits, facts = None, []
    if counts is None:  # else it is one of a list, which needs no further query
        counts = stats.counts([broadcast])[broadcast.pk]
        waits = stats.waiting(broadcast, counts["pending"])
        facts = stats.shown_facts(broadcast.reports, counts)
    recipients, pending = counts["recipients"], counts["pending"]
    finished = broadcast.status in Broadcast.FINISHED
    ended = broadcast.completed_at if finished and broadcast.completed_at else timezone.now()
    seconds = (ended - broadcast.started_at).total_seconds() if broadcast.started_at else 0
    gone = counts["sent"] + counts["failed"] + counts["unknown"]
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
        "waiting": waits_for(broadcast, waits) if waits else "",
        "took": duration(seconds) if finished else "",
        "numbers": [_number(broadcast, name, counts[name], status=name) for name in STATUSES],
        "facts": [_number(broadcast, name, counts[name], fact=name) for name in facts],
        "all": list_url(Delivery, broadcast=broadcast.pk),
    }


def _number(broadcast: Broadcast, name: str, value: int, **params: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "value": value,
        "url": list_url(Delivery, broadcast=broadcast.pk, **params),
    }


def waits_for(broadcast: Broadcast, waits: stats.Waiting) -> str:
    """Return the text that all remaining deliveries wait for a later time."""
    what = "their local time" if broadcast.local_time else "their time"
    people = "1 waits for its time" if waits.people == 1 else f"{formats.number(waits.people)} wait for {what}"
    zone = broadcast.organization.zone
    ends = "" if waits.last == waits.next else f", the last {when(waits.last, zone)}"
    return f"{people}: the next {when(waits.next, zone)}{ends}."
