"""The counts of broadcasts, as sums over batches; deliveries are never counted to show a number."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils import timezone

from broadcasts.models import FACTS, OUTCOMES, Batch, Broadcast, Delivery, Message

COUNTERS = ("total", *OUTCOMES, *FACTS)
SHORTLY = timedelta(minutes=1)  # shorter waits are not shown
ZERO = {"contacts": 0, "recipients": 0, "pending": 0, **dict.fromkeys((*OUTCOMES, *FACTS), 0)}


def message_counts(messages: Iterable[Message]) -> dict[int, dict[str, int]]:
    """Return {message id: {counter: n}}, in one query; messages without batches are absent."""
    return _sums(Batch.objects.filter(message__in=[message.pk for message in messages]), "message")


def segments(messages: Iterable[Message]) -> dict[int, int]:
    """Return {message id: segments of SMS that were sent}, in one query; messages without any are absent."""
    rows = Batch.objects.filter(message__in=[message.pk for message in messages], segments__gt=0)
    return dict(rows.values_list("message").annotate(Sum("segments")).order_by())


def counts(broadcasts: Iterable[Broadcast]) -> dict[int, dict[str, int]]:
    """Return {broadcast id: {counter: n}}, in one query.

    While a cancel is still being written, pending deliveries already count as cancelled.
    """
    broadcasts = list(broadcasts)
    started = [broadcast.pk for broadcast in broadcasts if broadcast.status in Broadcast.STARTED]
    found = _sums(Batch.objects.filter(message__broadcast__in=started), "message__broadcast") if started else {}
    result = {}
    for broadcast in broadcasts:
        numbers = found.get(broadcast.pk, dict(ZERO))
        if broadcast.status == Broadcast.Status.CANCELLED:
            numbers["cancelled"] += numbers["pending"]
            numbers["pending"] = 0
        result[broadcast.pk] = numbers
    return result


def shown_facts(reported: Container[str], numbers: Mapping[str, Any]) -> list[str]:
    """Return the facts to show: those that a channel reports, and any with a count above 0."""
    return [fact for fact in FACTS if fact in reported or numbers.get(fact)]


@dataclass(frozen=True)
class Waiting:
    """The number of deferred deliveries, and when the next and the last of them are due."""

    people: int
    next: datetime
    last: datetime


def waiting(broadcast: Broadcast, pending: int) -> Waiting | None:
    """Return the deferred deliveries of a broadcast without open batches; None if one is due within a minute."""
    if not pending or broadcast.status not in Broadcast.STOPPABLE or broadcast.expanded_at is None:
        return None
    if Batch.objects.filter(message__broadcast=broadcast).exclude(state=Batch.State.DONE).exists():
        return None
    due_times: list[datetime] = []
    for message_id in broadcast.messages.values_list("pk", flat=True):
        of_message = Delivery.objects.filter(message=message_id, due_at__isnull=False)
        for order in ("due_at", "-due_at"):
            due_times += of_message.order_by(order).values_list("due_at", flat=True)[:1]  # type: ignore[arg-type]
    if not due_times or min(due_times) < timezone.now() + SHORTLY:
        return None
    return Waiting(pending, min(due_times), max(due_times))


def _sums(batches: QuerySet[Batch], by: str) -> dict[int, dict[str, int]]:
    rows = batches.values_list(by).annotate(*[Sum(name) for name in COUNTERS]).order_by()
    return {key: _shape(dict(zip(COUNTERS, sums, strict=True))) for key, *sums in rows}


def _shape(sums: dict[str, int]) -> dict[str, int]:
    total = sums.pop("total")
    pending = total - sum(sums[name] for name in OUTCOMES)
    return {"contacts": total, "recipients": total - sums["skipped"], "pending": pending, **sums}
