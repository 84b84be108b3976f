"""How many copies were sent, or failed, in each minute, off the hot path: sending itself adds to its batches alone."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from broadcasts.models import Batch, Broadcast, Message, MinuteCount

from .facts import Tally

OUTCOMES = ("sent", "failed")  # gauges read when copies failed
LINGERING = timedelta(minutes=2)  # after a pause or a cancel, for windows that are still recorded


def count_sent() -> None:
    """Add what was sent, or failed, since the last round to the current minute, for all that is being sent."""
    status = Broadcast.Status
    just_stopped = Q(
        broadcast__status__in=[status.PAUSED, status.CANCELLED], broadcast__modified__gte=Now() - LINGERING
    )
    at_work = Message.objects.filter(Q(broadcast__status=status.SENDING) | just_stopped, broadcast__completed_at=None)
    uncounted = _uncounted(list(at_work.order_by("pk").values_list("pk", flat=True)))
    for message_id in uncounted:
        with transaction.atomic():
            # Another supervisor that holds it is counting the same copies.
            free = Message.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
            _count(list(free.filter(pk=message_id).order_by().values_list("pk", flat=True)))


def count_sent_of(messages: QuerySet[Message]) -> None:
    """Count what was sent, or failed, of these messages; called inside the transaction that completes them."""
    locked = messages.select_for_update(of=("self",), no_key=True).order_by("pk")
    _count(list(locked.values_list("pk", flat=True)))


def _count(message_ids: list[int]) -> None:
    tally = Tally()
    for message_id, outcomes in _uncounted(message_ids).items():
        for outcome, n in outcomes.items():
            tally.add_minute(message_id, outcome, timezone.now(), n)
    tally.write()


def _uncounted(message_ids: list[int]) -> dict[int, dict[str, int]]:
    """Return {message id: {outcome: how many of its copies no minute counts yet}}, without those that have none.

    In one statement: a report that settles a copy adds to its batch and to a minute at once.
    """
    if not message_ids:
        return {}
    batches = Batch.objects.filter(message=OuterRef("pk"))
    minutes = MinuteCount.objects.filter(message=OuterRef("pk"))
    counted = {name: Coalesce(_sum(minutes.filter(fact=name), "count"), 0) for name in OUTCOMES}
    new = {f"new_{name}": Coalesce(_sum(batches, name), 0) - counted[name] for name in OUTCOMES}
    rows = Message.objects.filter(pk__in=message_ids).annotate(**new).order_by("pk").values_list("pk", *new)
    found = {pk: {name: n for name, n in zip(OUTCOMES, told, strict=True) if n > 0} for pk, *told in rows}
    return {pk: outcomes for pk, outcomes in found.items() if outcomes}


def _sum(rows: QuerySet[Any], name: str) -> Subquery:
    return Subquery(rows.order_by().values("message").annotate(total=Sum(name)).values("total"))
