"""The dashboard: what is being sent, what is scheduled, what needs staff, and the last 30 days."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, Sum
from django.utils import timezone

from broadcasts import formats, stats
from broadcasts.models import (
    FACTS,
    OWN_FACTS,
    TRACKED,
    Batch,
    Broadcast,
    Channel,
    Delivery,
    EventSubscription,
    Mailbox,
    reported_by,
)

from .access import Access, scoped
from .base import list_url
from .gauges import overview
from .progress import progress

SHOWN = 10
DAYS = 30
COUNTED = ("sent", "failed", *FACTS)
Status = Broadcast.Status
STUCK = Q(status=Status.PAUSED) | Q(status__in=[Status.FAILED, Status.DRAFT], error_message__gt="")

TROUBLED = Q(failing_since__isnull=False, failures__gte=5) | Q(stopped_because__gt="")


def dashboard(access: Access) -> dict[str, Any]:
    """Gather the overview in a handful of queries, none of which counts deliveries."""
    broadcasts = scoped(Broadcast.objects.select_related("organization"), access)
    running = list(broadcasts.filter(status=Status.SENDING).order_by("-started_at")[:SHOWN])
    numbers = stats.counts(running)
    since = timezone.now() - timedelta(days=DAYS)
    return {
        "running": [(one, progress(one, numbers[one.pk])) for one in running],
        "scheduled": list(broadcasts.filter(status=Status.SCHEDULED).order_by("due_from")[:SHOWN]),
        "stuck": list(broadcasts.filter(STUCK).order_by("-modified")[:SHOWN]),
        "failing_channels": list(
            scoped(Channel.objects.filter(health=Channel.Health.FAILING, is_active=True), access)[:SHOWN]
        ),
        "failing_subscriptions": list(scoped(EventSubscription.objects.filter(TROUBLED), access)[:SHOWN]),
        "failing_mailboxes": list(scoped(Mailbox.objects.filter(failures__gt=0, is_active=True), access)[:SHOWN]),
        "lacks_channel": not scoped(Channel.objects.all(), access).exists(),
        "may_manage": access.may("manage"),
        "unknown": unknown(access),
        "gauges": overview(access),
        "gauge_days": settings.GAUGE_DAYS,
        "drafts": list(broadcasts.filter(status=Status.DRAFT).order_by("-id")[:5]),
        "may_write": access.may("write"),
        "days": DAYS,
        "month": month(access, since),
        "list_of_broadcasts": list_url(Broadcast),
    }


def unknown(access: Access) -> list[dict[str, Any]]:
    """Return the broadcasts with unknown deliveries, with the number of these and the link to them."""
    rows = (
        scoped(Batch.objects.exclude(unknown=0), access)
        .values("message__broadcast", "message__broadcast__name")
        .annotate(n=Sum("unknown"))
        .filter(n__gt=0)
        .order_by("-message__broadcast")[:SHOWN]
    )
    return [
        {
            "name": row["message__broadcast__name"],
            "n": row["n"],
            "url": list_url(Delivery, broadcast=row["message__broadcast"], status="unknown"),
        }
        for row in rows
    ]


def month(access: Access, since: Any) -> list[dict[str, Any]]:
    """Return the sums of the last days; each fact that is measured with its share in what could tell it."""
    rows = scoped(Batch.objects.filter(created__gte=since), access).values_list(
        "message__channel__kind", *(f"message__{name}" for name in TRACKED.values())
    )
    by_kind = [
        (
            reported_by(kind, opened=opens, clicked=clicks) if kind else OWN_FACTS,
            dict(zip(COUNTED, sums, strict=True)),
        )
        for kind, opens, clicks, *sums in rows.annotate(*(Sum(name) for name in COUNTED)).order_by()
    ]
    totals = {name: sum(numbers[name] for _, numbers in by_kind) for name in COUNTED}
    measured = {fact for reported, _ in by_kind for fact in reported}
    told = [("sent", ""), ("failed", "")]
    for fact in stats.shown_facts(measured, totals):
        telling = [numbers for reported, numbers in by_kind if fact in reported]
        sent = sum(numbers["sent"] for numbers in telling)
        told.append((fact, formats.percent(sum(numbers[fact] for numbers in telling) / sent, 1) if sent else ""))
    return [
        {
            "name": name.capitalize(),
            "n": totals[name],
            "share": share,
            "url": list_url(Delivery, days=DAYS, **{"fact" if name in FACTS else "status": name}),
        }
        for name, share in told
    ]
