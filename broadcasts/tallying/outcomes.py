"""Count the outcomes of sending by group, batch after batch once each is done, off the hot path.

A batch is counted once: its flag is set in the transaction that adds its counts. Outcomes that change later are moved
from group to group by who changes them, after the row of the batch is locked by its counters, so that either the batch
is counted with the new outcome or the change is counted on its own.
"""

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db import transaction
from django.db.models import CharField, Count, Min, Value
from django.db.models.functions import StrIndex, Substr

from broadcasts.mediums import Medium
from broadcasts.models import Batch, Delivery, GroupCount

from .errors import same_error
from .facts import Tally, domain_of

Dimension = GroupCount.Dimension
Status = Delivery.Status
HANDED_OVER = (Status.SENT, Status.FAILED, Status.UNKNOWN)
COUNTED = (*HANDED_OVER, Status.SKIPPED)
AT_ONCE = 50  # batches of a round
SECONDS = 0.3  # of a round


class Alike(NamedTuple):
    """What copies of a batch have in common; `pk` is of one of them."""

    message_id: int
    language: str
    address: str
    reason: str
    error: str
    pk: int


def group_done() -> int:
    """Count batches that are done and not counted yet, for as long as a round may take; return how many."""
    until = time.monotonic() + SECONDS
    done = Batch.objects.filter(state=Batch.State.DONE, is_grouped=False).order_by("message", "pk")
    n = 0
    for batch in done.select_related("message__channel", "message__template")[:AT_ONCE]:
        n += _group(batch)
        if time.monotonic() >= until:
            break
    return n


@transaction.atomic
def _group(batch: Batch) -> bool:
    """Count a batch; return False if somebody else did."""
    mine = Batch.objects.filter(pk=batch.pk, state=Batch.State.DONE, is_grouped=False)
    if not mine.transition(is_grouped=True):
        return False
    told = ["status", "language", "domain", "reason", "error"]
    rows = batch.deliveries().filter(status__in=COUNTED).order_by()
    is_mail = batch.message.medium == Medium.EMAIL
    domain = Substr("address", StrIndex("address", Value("@"))) if is_mail else Value("", output_field=CharField())
    groups = rows.annotate(domain=domain).values_list(*told).annotate(n=Count("pk"), example=Min("pk"))
    tally = Tally()
    for status, language, of_domain, reason, error, n, example in groups:
        _add(tally, Alike(batch.message_id, language, of_domain, reason, error, example), status, n)
    tally.write()
    return True


def regroup(
    deliveries: Iterable[Delivery], changes: Mapping[int, Mapping[str, int]], batches: Mapping[int, int]
) -> Tally:
    """Return what changes of outcomes, {delivery id: {outcome: n}}, add to the groups of batches already counted.

    `batches` is {delivery id: id of its batch}; the rows of these batches are locked.
    """
    tally = Tally()
    changed = [one for one in deliveries if any(changes.get(one.pk, {}).get(name) for name in COUNTED)]
    of_batches = {batches[one.pk] for one in changed if one.pk in batches}
    if not of_batches:
        return tally
    counted = set(Batch.objects.filter(pk__in=of_batches, is_grouped=True).values_list("pk", flat=True))
    for one in changed:
        if batches.get(one.pk) in counted:
            for status in COUNTED:
                if n := changes[one.pk].get(status, 0):
                    _add(tally, one, status, n)
    return tally


def _add(tally: Tally, copy: "Alike | Delivery", status: str, n: int) -> None:
    """Count n copies that are like this one, of whose address only the domain matters."""
    if status == Status.SKIPPED:
        tally.add_group(copy.message_id, status, Dimension.REASON, copy.reason, n)
        return
    tally.add_group(copy.message_id, status, Dimension.LANGUAGE, copy.language, n)
    tally.add_group(copy.message_id, status, Dimension.DOMAIN, domain_of(copy.address), n)
    if status != Status.SENT:
        tally.add_group(copy.message_id, status, Dimension.ERROR, same_error(copy.error), n, copy.pk)
