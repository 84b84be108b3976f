"""The counts of broadcasts, as sums over batches; deliveries are never counted to show a number."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils import timezone

from broadcasts.models import FACTS, OUTCOMES, Batch, Broadcast, Delivery, Message

Numbers = dict[str, int]
COUNTERS = ("total", "fallbacks", "repeats", *OUTCOMES, *FACTS)
SHORTLY = timedelta(minutes=1)  # shorter waits are not shown
ZERO = {"contacts": 0, "recipients": 0, "pending": 0, "fallbacks": 0, **dict.fromkeys((*OUTCOMES, *FACTS), 0)}


@dataclass(frozen=True)
class BroadcastCounts:
    """The counts of a broadcast, read by one query: of people as `counts` tells them, and of each message's copies."""

    people: dict[str, int]
    copies: dict[int, dict[str, int]]  # by message id; messages without batches are absent

    @classmethod
    def of(cls, broadcast: Broadcast) -> "BroadcastCounts":
        sums: dict[int, Numbers] = {}
        if broadcast.status in Broadcast.STARTED:
            messages = [message.pk for message in broadcast.messages.all()]
            sums = _sums(Batch.objects.filter(message__in=messages), "message", dict)
        total = {name: sum(one[name] for one in sums.values()) for name in COUNTERS}
        people = _settled(broadcast, _in_people(total))
        return cls(people, {key: _in_copies(one) for key, one in sums.items()})


def message_counts(messages: Iterable[Message]) -> dict[int, dict[str, int]]:
    """Return {message id: {counter: n}} in copies, in one query; messages without batches are absent."""
    return _sums(Batch.objects.filter(message__in=[message.pk for message in messages]), "message", _in_copies)


def segments(messages: Iterable[Message]) -> dict[int, int]:
    """Return {message id: segments of SMS that were sent}, in one query; messages without any are absent."""
    rows = Batch.objects.filter(message__in=[message.pk for message in messages], segments__gt=0)
    return dict(rows.values_list("message").annotate(Sum("segments")).order_by())


def counts(broadcasts: Iterable[Broadcast]) -> dict[int, dict[str, int]]:
    """Return {broadcast id: {counter: n}}, in one query.

    `contacts` (matched) and `recipients` (of these, whoever was not left out) count people under the channel policies
    `first` and `fallback`; under `every` they count copies, as all other counters do. `fallbacks` are the copies that
    replace one on an earlier channel, so the sum over the statuses, skipped and pending included, is always
    contacts + fallbacks. After a fallback copy was skipped at its turn, the next round settles `recipients`.

    While a cancel is still being written, pending deliveries already count as cancelled.
    """
    broadcasts = list(broadcasts)
    started = [broadcast.pk for broadcast in broadcasts if broadcast.status in Broadcast.STARTED]
    batches = Batch.objects.filter(message__broadcast__in=started)
    found = _sums(batches, "message__broadcast", _in_people) if started else {}
    result = {}
    for broadcast in broadcasts:
        result[broadcast.pk] = _settled(broadcast, found.get(broadcast.pk, dict(ZERO)))
    return result


def judged(broadcast: Broadcast) -> dict[str, int]:
    """Return the counters by which failures are judged: all, or under `fallback` those of the last channel.

    On an earlier channel a failure is what the policy is for.
    """
    if not broadcast.falls_back:
        return counts([broadcast])[broadcast.pk]
    last = broadcast.messages.order_by("-position")[:1]
    return next(iter(message_counts(last).values()), dict(ZERO))


def shown_facts(reported: Container[str], numbers: Mapping[str, Any]) -> list[str]:
    """Return the facts to show: those that a channel reports, and any with a count above 0."""
    return [fact for fact in FACTS if fact in reported or numbers.get(fact)]


@dataclass(frozen=True)
class Waiting:
    """The number of deferred deliveries, and when the next and the last of them are due."""

    people: int
    next: datetime
    last: datetime
    why: str = ""  # that the next one waits


def waiting(broadcast: Broadcast, pending: int) -> Waiting | None:
    """Return the deferred deliveries of a broadcast without open batches; None if one is due within a minute."""
    if not pending or broadcast.status not in Broadcast.STOPPABLE or broadcast.expanded_at is None:
        return None
    if Batch.objects.filter(message__broadcast=broadcast).exclude(state=Batch.State.DONE).exists():
        return None
    ends: list[tuple[datetime, str]] = []
    for message_id in broadcast.messages.values_list("pk", flat=True):
        of_message = Delivery.objects.filter(message=message_id, due_at__isnull=False)
        for order in ("due_at", "-due_at"):
            ends += of_message.order_by(order).values_list("due_at", "error")[:1]  # type: ignore[arg-type]
    if not ends or min(ends)[0] < timezone.now() + SHORTLY:
        return None
    return Waiting(pending, min(ends)[0], max(ends)[0], min(ends)[1])


def fallback_times(broadcast: Broadcast) -> tuple[datetime, datetime] | None:
    """Return when the first and the last copy that may still fall back will do so; None if there is none."""
    times: list[datetime] = []
    for message_id in broadcast.messages.values_list("pk", flat=True):
        of_message = Delivery.objects.filter(message=message_id, fallback_at__isnull=False)
        for order in ("fallback_at", "-fallback_at"):
            times += of_message.order_by(order).values_list("fallback_at", flat=True)[:1]  # type: ignore[arg-type]
    return (min(times), max(times)) if times else None


def _sums(batches: QuerySet[Batch], by: str, shape: Callable[[Numbers], Numbers]) -> dict[int, Numbers]:
    rows = batches.values_list(by).annotate(*[Sum(name) for name in COUNTERS]).order_by()
    return {key: shape(dict(zip(COUNTERS, sums, strict=True))) for key, *sums in rows}


def _settled(broadcast: Broadcast, numbers: Numbers) -> Numbers:
    """Count pending copies as cancelled where a cancel is still being written."""
    if broadcast.status == Broadcast.Status.CANCELLED:
        numbers["cancelled"] += numbers["pending"]
        numbers["pending"] = 0
    return numbers


def _in_copies(sums: Numbers) -> Numbers:
    total = sums.pop("total")
    del sums["repeats"]
    pending = total - sum(sums[name] for name in OUTCOMES)
    return {"contacts": total, "recipients": total - sums["skipped"], "pending": pending, **sums}


def _in_people(sums: Numbers) -> Numbers:
    repeats = sums["repeats"]
    numbers = _in_copies(sums)
    numbers["contacts"] -= numbers["fallbacks"]
    numbers["recipients"] -= repeats
    return numbers
