"""Make the copies on the next channel, for those whose `fallback_at` has passed.

A set-based INSERT ... SELECT per chunk, under a lock of the broadcast: a copy is replaced once, by one copy on the
first further channel on which the person is not skipped. A round reads only the index entries that are due.
"""

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from broadcasts import audience
from broadcasts.models import Batch, Broadcast, Delivery, Message

from .closing import lock_sending
from .expansion import cut, insert_rows, lock_organization, newest_id

Status = Delivery.Status
REACHING = (Status.PENDING, Status.SENT, Status.UNKNOWN)
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
    waiting = _without_further_copy(message, rows)
    newest = newest_id()
    further = list(message.next_in_service().select_related("channel").prefetch_related("translations"))
    for one in further:
        one.broadcast = broadcast
        insert_rows(one, _receiving(one, waiting), "pending")
    for one in further:
        for batch in cut(one, newest):
            again = batch.deliveries().repeats(one).count()
            Batch.objects.filter(pk=batch.pk).update(fallbacks=batch.total, repeats=again)
    rows.update(fallback_at=None)
    return len(chosen)


def _receiving(message: Message, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return the copies that a message can replace."""
    return audience.fallback_recipients(message, rows).filter(skip_reason="").order_by("id")


def _without_further_copy(message: Message, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return the copies by a message of people whom no further copy has reached, or will.

    One of a merged contact may replace none; after a merge, further copies that failed or were skipped are no reason.
    """
    later = list(message.next_ones().values_list("pk", flat=True))
    same_person = Q(contact=OuterRef("contact_id")) | Q(merged_into=OuterRef("contact_id"))
    further = Delivery.objects.filter(same_person, message__in=later, status__in=REACHING)
    return rows.filter(~Exists(Delivery.objects.filter(replaces=OuterRef("pk"))), ~Exists(further))
