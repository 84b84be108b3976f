"""Broadcasts of many copies, with the counters that sending and tracking leave, made at once."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from broadcasts import gauging, tallying, tracking
from broadcasts.models import Batch, Broadcast, Channel, Delivery, GroupCount, MinuteCount
from broadcasts.tracking import Fact
from tests.make import make_broadcast

BATCH = 1000


def at_work(channel: Channel, sent: int, pending: int = BATCH, domain: str = "example.com", **fields) -> Broadcast:
    """A broadcast in sending, of which so many copies are sent and so many not."""
    began = {"status": "SENDING", "started_at": timezone.now(), "expanded_at": timezone.now()}
    broadcast = make_broadcast(channel, **{**began, **fields})
    add_copies(broadcast, sent, domain)
    if pending:
        Batch.objects.create(message=broadcast.messages.get(), total=pending)
    return broadcast


def add_copies(broadcast: Broadcast, sent: int, domain: str = "example.com") -> list[int]:
    """Sent copies in done batches, as rounds count them."""
    message, now = broadcast.messages.get(), timezone.now()
    told = {"message": message, "language": "en", "status": "sent", "sent_at": now}
    rows = Delivery.objects.bulk_create(
        [Delivery(address=f"c{n}@{domain}", **told) for n in range(sent)], batch_size=BATCH
    )
    for i in range(0, sent, BATCH):
        part = rows[i : i + BATCH]
        ends = {"first_id": part[0].pk, "last_id": part[-1].pk}
        Batch.objects.create(message=message, state="done", total=len(part), sent=len(part), **ends)
    while tallying.group_done():
        pass
    tallying.count_sent()
    return [one.pk for one in rows]


def copies(broadcast: Broadcast) -> list[int]:
    """The ids of the sent copies, in their order."""
    return list(Delivery.objects.filter(message__broadcast=broadcast).order_by("pk").values_list("pk", flat=True))


def tell(pks: Sequence[int], fact: str = "complained", **fields) -> None:
    """What reports say, recorded together."""
    tracking.record_all([Fact(pk, fact, timezone.now(), **fields) for pk in pks])


def refuse(broadcast: Broadcast, n: int, domain: str = "example.com") -> None:
    """Copies that servers refused for good."""
    message = broadcast.messages.get()
    Batch.objects.create(message=message, state="done", total=n, failed=n, is_grouped=True)
    GroupCount.objects.create(message=message, fact="failed", dimension="domain", value=domain, count=n)


def act() -> None:
    gauging.forget()
    gauging.act()


def go_back(days: float) -> None:
    """Let so much time have passed since all that is counted."""
    past = timedelta(days=days)
    for row in MinuteCount.objects.all():
        MinuteCount.objects.filter(pk=row.pk).update(minute=row.minute - past)
    for broadcast in Broadcast.objects.exclude(started_at=None):
        resumed = broadcast.resumed_at and broadcast.resumed_at - past
        ended = broadcast.completed_at and broadcast.completed_at - past
        told = {"started_at": broadcast.started_at - past, "resumed_at": resumed, "completed_at": ended}
        Broadcast.objects.filter(pk=broadcast.pk).update(**told)
