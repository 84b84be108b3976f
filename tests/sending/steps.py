"""What tests of sending do again and again."""

from collections import Counter
from datetime import timedelta

from django.db.models.functions import Now

from broadcasts import sending
from broadcasts.models import Batch, Broadcast, Channel, Delivery


def start(broadcast: Broadcast) -> Broadcast:
    """Send and expand, without sending anything yet."""
    sending.send(broadcast)
    sending.expand(broadcast.pk, seconds=60)
    return broadcast


def pump(broadcast: Broadcast) -> None:
    """Run one pump for each channel of the broadcast."""
    for channel in Channel.objects.filter(messages__broadcast=broadcast):
        sending.run_pump(channel.pk)
    broadcast.refresh_from_db()


def send(broadcast: Broadcast) -> Broadcast:
    start(broadcast)
    pump(broadcast)
    return broadcast


def log(broadcast: Broadcast) -> Counter:
    """How many deliveries stand in each status."""
    return Counter(Delivery.objects.filter(message__broadcast=broadcast).values_list("status", flat=True))


def delivery(broadcast: Broadcast, email: str) -> Delivery:
    return Delivery.objects.get(message__broadcast=broadcast, address=email)


def run_out_leases() -> None:
    Batch.objects.filter(state="leased").update(lease_until=Now() - timedelta(seconds=1))


def come_due() -> None:
    """Let the time of every retry and deferral come."""
    Delivery.objects.filter(due_at__isnull=False).update(due_at=Now() - timedelta(seconds=1))
