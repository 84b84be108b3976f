"""Add to the counters of batches, which hold all totals."""

import logging
import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache

from django.db import connection
from django.db.models import F

from broadcasts import tallying
from broadcasts.database import Statement, parameter
from broadcasts.models import Batch, Delivery

logger = logging.getLogger(__name__)


def adjust_counters(delivery: Delivery, **changes: int) -> None:
    """Add to the counters of a delivery's batch: the one that gathered it, or else the one of its range."""
    row = Delivery.objects.only("message_id", "batch_id", "language", "address", "reason", "error").get(pk=delivery.pk)
    add_to_batches([row], {row.pk: Counter(changes)}).write()


def add_to_batches(deliveries: Iterable[Delivery], changes: Mapping[int, Counter[str]]) -> tallying.Tally:
    """Add the changes, {delivery id: {counter: n}}, to the counters of the deliveries' batches, each batch once.

    Return what they add to the groups of outcomes, for the caller to write once it has locked all else. The deliveries
    are locked by then; batches are locked in the order of their ids.
    """
    changed = [delivery for delivery in deliveries if changes.get(delivery.pk)]
    batches = _batches_of(changed)
    totals: dict[int, Counter[str]] = defaultdict(Counter)
    for delivery in changed:
        if found := batches.get(delivery.pk):
            totals[found].update(changes[delivery.pk])
        else:  # wrong counters must not prevent an unsubscribe
            told = dict(changes[delivery.pk])
            logger.error("delivery %s is in none of its message's batches: their counters miss %s", delivery.pk, told)
    names = tuple(sorted({name for total in totals.values() for name in total}))
    if names:
        each = ({"pk": pk, **{name: totals[pk][name] for name in names}} for pk in sorted(totals))
        _add(connection.vendor, names).run_each(each)
    return tallying.regroup(changed, changes, batches)


def _batches_of(deliveries: Iterable[Delivery]) -> dict[int, int]:
    """Return {delivery id: id of its batch}, by one query for each message; without those that are in none."""
    found = {delivery.pk: delivery.batch_id for delivery in deliveries if delivery.batch_id}
    of_ranges: dict[int, list[int]] = defaultdict(list)
    for delivery in deliveries:
        if not delivery.batch_id:
            of_ranges[delivery.message_id].append(delivery.pk)
    for message_id, pks in of_ranges.items():
        rows = Batch.objects.filter(message=message_id, first_id__lte=max(pks), last_id__gte=min(pks))
        # They do not overlap.
        ranges: list[tuple[int, int, int]] = sorted(rows.values_list("first_id", "last_id", "pk"))  # type: ignore[arg-type]
        for pk in pks:
            begun = bisect_right(ranges, (pk, math.inf))
            if begun and pk <= ranges[begun - 1][1]:
                found[pk] = ranges[begun - 1][2]
    return found


@cache
def _add(vendor: str, names: tuple[str, ...]) -> Statement:
    """Return the statement that adds to counters of one batch."""
    rows = Batch.objects.filter(pk=parameter("pk"))
    return Statement.update(rows, **{name: F(name) + parameter(name) for name in names})
