"""How fast a channel may send to one receiving domain: who goes now, and when the others' turn comes.

One row per channel and domain, as of the channel's own rate (GCRA). What is over the limit does not wait in a worker:
it books slots, one after the other at the domain's rate, and each delivery comes due at its own. Each message has a
queue of slots of its own, so that a small one is not behind a large one. A slot is no permit: who comes due takes a
real one, and who is refused books again, so that the rate holds when many slots are past.
"""

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from broadcasts.mediums import email_domain
from broadcasts.models import Batch, Channel, ChannelRate

from .outcomes import Results
from .window import PendingDelivery

BURST = timedelta(seconds=1)
GRID = 2  # seconds: slots are rounded up to this, so that those of one moment are gathered and written together
CATCH_UP = timedelta(seconds=4)  # by how much those with a slot may be late without losing it


def admit(channel: Channel, batch: Batch, window: list[PendingDelivery], results: Results) -> list[PendingDelivery]:
    """Return the rows of a window that may go now; the others are put into the results with their slots."""
    limited = _by_domain(channel, window)
    if not limited:
        return window
    _make_rows(channel, limited)
    deferred: dict[int, tuple[datetime, str]] = {}
    with transaction.atomic():
        rows = list(_locked(channel, limited))
        for row in rows:
            rate = _rate(channel, row.domain)
            waiting = limited[row.domain]
            granted, slots = _book(row, rate, len(waiting), str(batch.message_id), has_slots=batch.first_id is None)
            error = f"Waits its turn: {row.domain} takes {rate:g} a second."
            deferred |= {one.pk: (slot, error) for one, slot in zip(waiting[granted:], slots, strict=True)}
        ChannelRate.objects.bulk_update(rows, ["arrival", "booked"])
    results.deferred |= deferred
    return [delivery for delivery in window if delivery.pk not in deferred]


def _rate(channel: Channel, domain: str) -> float:
    """Return how many a second it takes; 0: as many as you like."""
    return channel.domain_rates.get(domain) or channel.domain_rates.get("*", 0)


def _by_domain(channel: Channel, window: list[PendingDelivery]) -> dict[str, list[PendingDelivery]]:
    """Group the rows that are to be sent by their domain, where it has a limit."""
    found: dict[str, list[PendingDelivery]] = defaultdict(list)
    if channel.domain_rates:
        for delivery in window:
            domain = email_domain(delivery.address)
            if domain and _rate(channel, domain):
                found[domain].append(delivery)
    return found


def _make_rows(channel: Channel, domains: dict[str, list[PendingDelivery]]) -> None:
    rows = ChannelRate.objects.filter(channel=channel, domain__in=domains)
    missing = set(domains) - set(rows.values_list("domain", flat=True))
    ChannelRate.objects.bulk_create(
        [ChannelRate(channel=channel, domain=domain) for domain in sorted(missing)], ignore_conflicts=True
    )


def _locked(channel: Channel, domains: dict[str, list[PendingDelivery]]) -> QuerySet[ChannelRate]:
    """Lock the rows, in one order so that nobody waits in a circle, and read the database's clock with them."""
    rows = ChannelRate.objects.select_for_update(of=("self",)).filter(channel=channel, domain__in=domains)
    return rows.order_by("domain").annotate(now=Now())


def _book(row, rate: float, n: int, message: str, *, has_slots: bool) -> tuple[int, list[datetime]]:
    """Grant what the rate allows now, and book slots for the rest; changes the row."""
    now: datetime = row.now
    step = timedelta(seconds=1 / rate)
    booked = {key: end for key, end in row.booked.items() if end > now.timestamp()}
    granted = 0
    if has_slots or message not in booked:
        earliest = now - CATCH_UP if has_slots else now
        begin = max(row.arrival or now, earliest)
        ahead = max(BURST, step) + timedelta(milliseconds=1)  # the rest of a division is nobody's loss
        granted = min(n, max(0, (now + ahead - begin) // step))
        row.arrival = begin + granted * step if granted else row.arrival
    end = datetime.fromtimestamp(booked.get(message, now.timestamp()), UTC)
    slots = [end + i * step for i in range(1, n - granted + 1)]
    if slots:
        booked[message] = slots[-1].timestamp()
    row.booked = booked
    return granted, [_on_grid(slot) for slot in slots]


def _on_grid(slot: datetime) -> datetime:
    return datetime.fromtimestamp(math.ceil(slot.timestamp() / GRID) * GRID, UTC)
