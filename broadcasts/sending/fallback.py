"""Make the copies on the next channel, for those whose `fallback_at` has passed.

A set-based INSERT ... SELECT per chunk, under a lock of the broadcast: a copy is replaced once, by one copy on the
first further channel on which the person is not skipped. A round reads only the index entries that are due.
"""

from collections import Counter

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from broadcasts import audience
from broadcasts.models import Batch, Broadcast, Delivery, Message

from .closing import lock_sending
from .expansion import cut, insert_rows, lock_organization, newest_id

Status = Delivery.Status
AT_ONCE = 10  # chunks of one message per round, so that other messages are not delayed


def fall_back() -> None:
    """Make the fallback copies that are due, of every broadcast that is being sent."""
    due = Delivery.objects.filter(message=OuterRef("pk"), fallback_at__lte=Now())
    under_way = Message.objects.filter(
        broadcast__status=Broadcast.Status.SENDING,
        broadcast__completed_at=None,
        broadcast__channel_policy=Broadcast.Policy.FALLBACK,
    )
    found = under_way.filter(Exists(due)).select_related("broadcast__organization").order_by("broadcast", "position")
    for message in list(found):
        for _ in range(AT_ONCE):
            if _fall_back(message) < settings.BATCH_SIZE:
                break


@transaction.atomic
def _fall_back(message: Message) -> int:
    """Replace a chunk of the copies of a message that are due; return how many were looked at."""
    broadcast = message.broadcast
    if broadcast.organization.cap_on(broadcast.use_case):
        lock_organization(broadcast.organization)
    if not lock_sending(pk=broadcast.pk):
        return 0  # it was stopped meanwhile
    due = Delivery.objects.filter(message=message, fallback_at__lte=Now())
    chosen = list(due.order_by("fallback_at").values_list("pk", flat=True)[: settings.BATCH_SIZE])
    # Locked in the order of the other writers, and read again: a fact may have cleared one meanwhile.
    held = due.filter(pk__in=chosen).exclude(status=Status.PENDING).select_for_update().order_by("id")
    ids = list(held.values_list("pk", flat=True))
    if not ids:
        return len(chosen)
    rows = Delivery.objects.filter(pk__in=ids)
    waiting, had_a_copy = _without_further_copy(message, rows), _had_a_copy(broadcast)
    newest = newest_id()
    further = list(message.next_in_service().select_related("channel").prefetch_related("translations"))
    for one in further:
        one.broadcast = broadcast
        insert_rows(one, _receiving(one, waiting), "pending")
    for one in further:
        for batch in cut(one, newest):
            again = batch.deliveries().filter(had_a_copy).count()
            Batch.objects.filter(pk=batch.pk).update(fallbacks=batch.total, repeats=again)
    _uncount_skipped(message, rows.filter(had_a_copy))
    rows.update(fallback_at=None)
    return len(chosen)


def _receiving(message: Message, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return the copies that a message can replace."""
    return audience.fallback_recipients(message, rows).filter(skip_reason="").order_by("id")


def _without_further_copy(message: Message, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return the copies by a message of people with no further copy yet; one of a merged contact may replace none."""
    later = list(message.next_ones().values_list("pk", flat=True))
    same_person = Q(contact=OuterRef("contact_id")) | Q(merged_into=OuterRef("contact_id"))
    further = Delivery.objects.filter(same_person, message__in=later)
    return rows.filter(~Exists(Delivery.objects.filter(replaces=OuterRef("pk"))), ~Exists(further))


def _had_a_copy(broadcast: Broadcast) -> Q:
    """Return the condition that the person of a copy has an earlier one of the broadcast that was not skipped."""
    messages = list(broadcast.messages.values_list("pk", flat=True))
    earlier = Delivery.objects.filter(contact=OuterRef("contact_id"), message__in=messages, pk__lt=OuterRef("pk"))
    return Q(Exists(earlier.exclude(status=Status.SKIPPED)), replaces__isnull=False)


def _uncount_skipped(message: Message, rows: QuerySet[Delivery]) -> None:
    """Take copies after an earlier one, which were skipped when they were due, out of the repeats of their batches."""
    skipped = rows.filter(status=Status.SKIPPED)
    own = Batch.objects.filter(message=message, first_id__lte=OuterRef("pk"), last_id__gte=OuterRef("pk"))
    of_batch = skipped.annotate(counted_by=Coalesce(F("batch_id"), Subquery(own.values("pk")[:1])))
    counted = Counter(of_batch.values_list("counted_by", flat=True))
    for batch_id, n in sorted(counted.items(), key=lambda one: one[0] or 0):  # locked in the order of other writers
        Batch.objects.filter(pk=batch_id).update(repeats=F("repeats") - n)
