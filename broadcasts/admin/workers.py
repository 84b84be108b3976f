"""The page about the queue and its workers."""

import logging
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.timezone import localdate
from django_q.brokers import get_broker
from django_q.models import Schedule
from django_q.status import Stat

from broadcasts import health
from broadcasts.models import Batch, Channel, ChannelRate

from .access import Access, scoped

SHOWN = 100
MOST_LIMITS = 500
log = logging.getLogger(__name__)


def workers(access: Access) -> dict[str, Any]:
    """Return the context of the page; a part that fails is shown as an error, and the page never fails."""
    ready = scoped(Batch.objects.filter(state=Batch.State.READY, message__broadcast__status="SENDING"), access)
    waiting, queue_error = _queue()
    return {
        "beats": _beats(),
        "stale_seconds": health.STALE_SECONDS,
        "queue": settings.Q_CLUSTER.get("name", ""),
        "waiting": waiting,
        "queue_error": queue_error,
        "clusters": _clusters(),
        "schedules": Schedule.objects.order_by("name")[:50],
        "leases": _leases(access),
        "ready": ready[:1001].count(),
        "channels": _channels(access),
    }


# Ages are by the database's clock, which wrote these times: the web host's may differ.


def _beats() -> list[dict[str, Any]]:
    """Every host that gave a sign of life within a day, those of other clusters on this database included."""
    rows = health.signs_of_life().annotate(now=Now()).filter(beaten_at__gt=Now() - health.HOST_FORGOTTEN)
    beats = []
    for row in rows.order_by("name", "host")[:SHOWN]:
        age = (row.now - row.beaten_at).total_seconds()
        beats.append({"row": row, "age": round(age), "stale": age > health.STALE_SECONDS})
    return beats


def _leases(access: Access) -> list[dict[str, Any]]:
    held = scoped(Batch.objects.filter(state=Batch.State.LEASED), access).annotate(now=Now())
    leases = []
    for batch in held.select_related("message__broadcast", "message__channel").order_by("lease_until")[:SHOWN]:
        host, _, process = batch.owner.rpartition(":")
        left = (batch.lease_until - batch.now).total_seconds() if batch.lease_until else 0.0
        renewed = round(settings.LEASE_SECONDS - left)
        leases.append({"batch": batch, "host": host, "process": process, "renewed": renewed, "expired": left < 0})
    return leases


def _channels(access: Access) -> list[dict[str, Any]]:
    """Channels in use with their limits, how far ahead of the clock each is permitted, and what holds them up."""
    has_limits = Exists(ChannelRate.objects.filter(channel=OuterRef("pk")))
    rows = list(
        scoped(Channel.objects.filter(is_active=True), access)
        .filter(Q(rate__isnull=False) | Q(has_limits) | ~Q(ramp={}) | Q(backoff_until__gt=Now()))
        .select_related("organization")
        .defer("secrets")
        .annotate(now=Now())
        .order_by("name", "pk")[:SHOWN]
    )
    limits = ChannelRate.objects.filter(channel__in=[row.pk for row in rows]).order_by("channel", "domain")
    of_channel: dict[int, list[ChannelRate]] = {row.pk: [] for row in rows}
    for limit in limits[:MOST_LIMITS]:
        of_channel[limit.channel_id].append(limit)
    return [
        {
            "row": row,
            "held": max(0.0, (row.backoff_until - row.now).total_seconds()) if row.backoff_until else 0.0,
            "limits": [
                {
                    "domain": limit.domain,
                    "ahead": max(0.0, (limit.arrival - row.now).total_seconds()) if limit.arrival else 0.0,
                    "sent_today": limit.sent_today if limit.day == localdate(row.now, row.organization.zone) else 0,
                }
                for limit in of_channel[row.pk]
                if not limit.domain or (limit.arrival and limit.arrival > row.now)
            ],
        }
        for row in rows
    ]


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
