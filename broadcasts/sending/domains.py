"""Limit how fast a channel sends to one receiving domain.

Each channel and domain has a row for GCRA, as the channel's own rate has (`rate`). Deliveries over the limit do not
wait in a worker: they are deferred to slots at the domain's rate. Each message has its own sequence of slots, so that a
small one does not wait behind a large one. A slot is not a permit: a delivery that is due still needs one, and is
deferred again if there is none, so that the rate is kept when many slots have passed.
"""

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from django.db import transaction

from broadcasts import formats
from broadcasts.mediums import email_domain
from broadcasts.models import Batch, Channel, ChannelRate

from .outcomes import Results
from .rate import locked
from .window import PendingDelivery

BURST = timedelta(seconds=1)
GRID = 2  # seconds: slots are rounded up to this, so that those of one moment are gathered and written together
CATCH_UP = timedelta(seconds=4)  # by how much those with a slot may be late without losing it


def admit(channel: Channel, batch: Batch, window: list[PendingDelivery], results: Results) -> list[PendingDelivery]:
    """Return the deliveries of a window that may be sent now; the others are added to the results as deferred."""
    limited = _by_domain(channel, window)
    if not limited:
        return window
    _make_rows(channel, limited)
    deferred: dict[int, tuple[datetime, str]] = {}
    with transaction.atomic():
        rows = list(locked(channel, limited))
        for row in rows:
            rate = channel.domain_rate(row.domain)
            waiting = limited[row.domain]
            granted, slots = _book(row, rate, len(waiting), str(batch.message_id), has_slots=batch.first_id is None)
            error = f"Waits its turn: {row.domain} takes {formats.number(rate)} a second."
            deferred |= {one.pk: (slot, error) for one, slot in zip(waiting[granted:], slots, strict=True)}
        ChannelRate.objects.bulk_update(rows, ["arrival", "booked"])
    results.deferred |= deferred
    return [delivery for delivery in window if delivery.pk not in deferred]


def _by_domain(channel: Channel, window: list[PendingDelivery]) -> dict[str, list[PendingDelivery]]:
    """Group deliveries by domain, for domains that have a limit."""
    found: dict[str, list[PendingDelivery]] = defaultdict(list)
    if channel.limits_domains:
        for delivery in window:
            domain = email_domain(delivery.address)
            if domain and channel.domain_rate(domain):
                found[domain].append(delivery)
    return found


def _make_rows(channel: Channel, domains: dict[str, list[PendingDelivery]]) -> None:
    rows = ChannelRate.objects.filter(channel=channel, domain__in=domains)
    missing = set(domains) - set(rows.values_list("domain", flat=True))
    ChannelRate.objects.bulk_create(
        [ChannelRate(channel=channel, domain=domain) for domain in sorted(missing)], ignore_conflicts=True
    )


def _book(row, rate: float, n: int, message: str, *, has_slots: bool) -> tuple[int, list[datetime]]:
    """Grant what the rate allows now, and book slots for the rest; changes the row."""
    now: datetime = row.now
    step = timedelta(seconds=1 / rate)
    booked = {key: end for key, end in row.booked.items() if end > now.timestamp()}
    granted = 0
    if has_slots or message not in booked:
        earliest = now - CATCH_UP if has_slots else now
        begin = max(row.arrival or now, earliest)
        ahead = max(BURST, step) + timedelta(milliseconds=1)  # tolerates the rounding of the division
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
