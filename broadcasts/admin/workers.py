"""Whether the queue and its workers are alive, and what they are at."""

import logging
from typing import Any

from django.conf import settings
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Schedule
from django_q.status import Stat

from broadcasts.models import Batch, Heartbeat

from .access import Access, scoped

STALE_SECONDS = 25
log = logging.getLogger(__name__)


def workers(access: Access) -> dict[str, Any]:
    """Gather what the page shows; what cannot be asked is told as an error and never fails the page."""
    now = timezone.now()
    beats = []
    for beat in Heartbeat.objects.order_by("name")[:50]:
        age = (now - beat.beaten_at).total_seconds()
        beats.append({"row": beat, "age": round(age), "stale": age > STALE_SECONDS})
    ready = scoped(Batch.objects.filter(state=Batch.State.READY, message__broadcast__status="SENDING"), access)
    leased = scoped(Batch.objects.filter(state=Batch.State.LEASED), access)
    waiting, queue_error = _queue()
    return {
        "beats": beats,
        "stale_seconds": STALE_SECONDS,
        "queue": settings.Q_CLUSTER.get("name", ""),
        "waiting": waiting,
        "queue_error": queue_error,
        "clusters": _clusters(),
        "schedules": Schedule.objects.order_by("name")[:50],
        "leases": leased.select_related("message__broadcast", "message__channel").order_by("lease_until")[:100],
        "ready": ready[:1001].count(),
        "now": now,
    }


def _queue() -> tuple[int | None, str]:
    try:
        return get_broker().queue_size(), ""
    except Exception as error:
        log.warning("the queue cannot be asked: %s", type(error).__name__)
        return None, f"The queue cannot be reached ({type(error).__name__})."


def _clusters() -> list[Any]:
    try:
        return list(Stat.get_all())
    except Exception as error:
        log.warning("the clusters cannot be asked: %s", type(error).__name__)
        return []
