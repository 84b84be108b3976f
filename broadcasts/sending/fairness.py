"""Which batch is claimed next: one rule for claiming, for enqueuing pumps, and for yielding to what is not served.

The order: the organization with the fewest leased batches, then the broadcast with the fewest, then the message that
yielded longest ago (or never), then the one with the fewest batches left, then a random one.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, F, Min, OuterRef
from django.db.models.functions import Now

from broadcasts.database import Statement, parameter
from broadcasts.models import Batch, Channel, Message, lease_end
from broadcasts.queue import enqueue

from . import rate
from .lease import HOST, Lease, wanted, worker_name


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that is being sent and has batches without a worker."""

    message: int
    channel: int
    broadcast: int
    organization: int
    yielded_at: datetime | str | None  # as the database driver returns it
    first: int
    batches: int


def claimable(channel: Channel):
    """Return the ready batches that pumps of this channel may claim."""
    return _ready(message__channel=channel)


def _ready(**filters: object):
    return Batch.objects.filter(wanted("message__"), state=Batch.State.READY, **filters)


@cache
def _waiting(vendor: str, *, of_channel: bool) -> Statement:
    """Select the candidates, of the channel `channel` or of all."""
    filters = {"message__channel": parameter("channel")} if of_channel else {}
    columns = ("message", "message__channel", "message__broadcast", "message__broadcast__organization")
    ready = _ready(**filters).filter(Channel.in_service("message__channel__"))
    groups = ready.values_list(*columns, "message__yielded_at").annotate(first=Min("id"), batches=Count("id"))
    return Statement.select(groups.order_by())


def _candidates(channel: Channel | None = None) -> list[Candidate]:
    if channel is None:
        found = _waiting(connection.vendor, of_channel=False).rows()
    else:
        found = _waiting(connection.vendor, of_channel=True).rows(channel=channel.pk)
    return [Candidate(*row) for row in found]


def _servable() -> list[Candidate]:
    """Return waiting messages, except those whose channel has used up its rate for now."""
    candidates = _candidates()
    used_up = rate.used_up({candidate.channel for candidate in candidates})
    return [candidate for candidate in candidates if candidate.channel not in used_up]


def _at_work(**filters: object):
    return Batch.objects.filter(state=Batch.State.LEASED, lease_until__gt=Now(), **filters)


def at_work(**filters: object) -> int:
    """Count the batches under a valid lease."""
    return _at_work(**filters).count()


def free_pumps() -> int:
    """Return how many more pumps this host may run."""
    return settings.PUMPS - at_work(owner__startswith=f"{HOST}:")


@cache
def _held(vendor: str) -> Statement:
    return Statement.select(_at_work().values_list("message", "message__broadcast", "message__broadcast__organization"))


def by_need(candidates: list[Candidate]) -> Iterator[Candidate]:
    """Yield the message of each next batch, in order; each one counts as leased for those after it."""
    if not candidates:
        return
    broadcasts, organizations, taken = Counter[int](), Counter[int](), Counter[int]()
    for _, broadcast, organization in _held(connection.vendor).rows():
        broadcasts[broadcast] += 1
        organizations[organization] += 1

    def need(candidate: Candidate) -> tuple:
        served = organizations[candidate.organization], broadcasts[candidate.broadcast]
        yielded = candidate.yielded_at is not None, candidate.yielded_at
        return *served, *yielded, candidate.batches, random.random()  # noqa: S311  (not secrecy)

    while left := [candidate for candidate in candidates if taken[candidate.message] < candidate.batches]:
        candidate = min(left, key=need)
        taken[candidate.message] += 1
        broadcasts[candidate.broadcast] += 1
        organizations[candidate.organization] += 1
        yield candidate


def claim(channel: Channel) -> Lease | None:
    """Claim the next batch of this channel; return None if there is none."""
    for _ in range(10):
        candidate = next(by_need(_candidates(channel)), None)
        if candidate is None:
            return None
        if lease := take(candidate.first):
            return lease
    return None  # other workers were faster ten times: they do the work


def take(batch: int) -> Lease | None:
    """Claim the batch of this id; return None if another worker was first."""
    claimed = _claim(connection.vendor, settings.LEASE_SECONDS).rows(batch=batch, owner=worker_name())
    return Lease(*claimed[0]) if claimed else None


@cache
def _claim(vendor: str, seconds: int) -> Statement:
    message = Message.objects.filter(wanted(), pk=OuterRef("message"))
    ready = Batch.objects.filter(Exists(message), pk=parameter("batch"), state=Batch.State.READY)
    changes = {"state": Batch.State.LEASED, "owner": parameter("owner"), "token": F("token") + 1}
    claimed = Statement.update(ready, **changes, lease_until=lease_end())
    return Statement(f"{claimed.sql} RETURNING id, token, message_id, started_through, last_id", claimed.params)


def is_one_too_many(lease: Lease) -> bool:
    """Tell whether pumps that started at once claimed more batches than PUMPS; those with the highest ids yield."""
    return len(_earlier(connection.vendor).rows(batch=lease.batch_id)) >= settings.PUMPS


@cache
def _earlier(vendor: str) -> Statement:
    """Select the batches that this host holds with lower ids than `batch`."""
    return Statement.select(_at_work(owner__startswith=f"{HOST}:", id__lt=parameter("batch")).values_list("id"))


def unserved_waits(own: int) -> bool:
    """Tell whether work without a worker waits for a pump that sends the broadcast of this id.

    That is another broadcast, or another message of its own, such as fallback copies on the next channel.
    """
    if free_pumps() > 0:
        return False
    held = _held(connection.vendor).rows()
    messages, served = {message for message, *_ in held}, {broadcast for _, broadcast, _ in held}
    return any(
        one.broadcast not in served or (one.broadcast == own and one.message not in messages) for one in _servable()
    )


def mark_yielded(lease: Lease) -> None:
    """Record that the pump left a message for another one, so that yielding messages alternate."""
    Message.objects.filter(pk=lease.message_id).update(yielded_at=Now())


def enqueue_pumps(most: int | None = None) -> None:
    """Enqueue the pumps that this host may still run, at most `most`, in the order of `by_need`."""
    missing = free_pumps()
    if missing <= 0:
        return
    for candidate in islice(by_need(_servable()), min(missing, most or missing)):
        enqueue("pump", candidate.channel)
