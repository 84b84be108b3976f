"""Which batch is claimed next: one rule for claiming, for enqueuing pumps, and for yielding to what is not served.

The order: the organization with the fewest leased batches, then the broadcast with the fewest, then the message that
yielded longest ago (or never), then the one with the fewest batches left, then a random one.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from django.conf import settings
from django.db.models import Count, Exists, F, Min, OuterRef
from django.db.models.functions import Now

from broadcasts.models import Batch, Channel, Message, lease_end
from broadcasts.queue import enqueue

from . import rate
from .lease import HOST, Lease, wanted, worker_name

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that is being sent and has batches without a worker."""

    message: int
    channel: int
    broadcast: int
    organization: int
    yielded_at: datetime | None
    first: int
    batches: int


def claimable(channel: Channel):
    """Return the ready batches that pumps of this channel may claim."""
    return _ready(message__channel=channel)


def _ready(**filters: object):
    return Batch.objects.filter(wanted("message__"), state=Batch.State.READY, **filters)


def _waiting(**filters: object) -> list[Candidate]:
    columns = ("message", "message__channel", "message__broadcast", "message__broadcast__organization")
    ready = _ready(**filters).filter(Channel.in_service("message__channel__"))
    groups = ready.values_list(*columns, "message__yielded_at").annotate(first=Min("id"), batches=Count("id"))
    return [Candidate(*group) for group in groups.order_by()]


def _servable() -> list[Candidate]:
    """Return waiting messages, except those whose channel has used up its rate for now."""
    candidates = _waiting()
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


def by_need(candidates: list[Candidate]) -> Iterator[Candidate]:
    """Yield the message of each next batch, in order; each one counts as leased for those after it."""
    if not candidates:
        return
    held = _at_work().values_list("message__broadcast", "message__broadcast__organization")
    broadcasts, organizations, taken = Counter[int](), Counter[int](), Counter[int]()
    for broadcast, organization in held:
        broadcasts[broadcast] += 1
        organizations[organization] += 1

    def need(candidate: Candidate) -> tuple:
        served = organizations[candidate.organization], broadcasts[candidate.broadcast]
        return *served, candidate.yielded_at or NEVER, candidate.batches, random.random()  # noqa: S311  (not secrecy)

    while left := [candidate for candidate in candidates if taken[candidate.message] < candidate.batches]:
        candidate = min(left, key=need)
        taken[candidate.message] += 1
        broadcasts[candidate.broadcast] += 1
        organizations[candidate.organization] += 1
        yield candidate


def claim(channel: Channel) -> Lease | None:
    """Claim the next batch of this channel; return None if there is none."""
    for _ in range(10):
        candidate = next(by_need(_waiting(message__channel=channel)), None)
        if candidate is None:
            return None
        batch = Batch.objects.filter(pk=candidate.first).first()
        if batch and take(batch):
            return Lease(batch.pk, batch.token + 1, batch.message_id, batch.started_through)
    return None  # other workers were faster ten times: they do the work


def take(batch: Batch) -> bool:
    """Claim one batch; return False if another worker was first."""
    message = Message.objects.filter(wanted(), pk=OuterRef("message"))
    return Batch.objects.filter(Exists(message), pk=batch.pk, state=Batch.State.READY, token=batch.token).transition(
        state=Batch.State.LEASED, owner=worker_name(), token=F("token") + 1, lease_until=lease_end()
    )


def is_one_too_many(lease: Lease) -> bool:
    """Tell whether pumps that started at once claimed more batches than PUMPS; those with the highest ids yield."""
    return at_work(owner__startswith=f"{HOST}:", id__lt=lease.batch_id) >= settings.PUMPS


def unserved_waits(own: int) -> bool:
    """Tell whether work without a worker waits for a pump that sends the broadcast of this id.

    That is another broadcast, or another message of its own, such as fallback copies on the next channel.
    """
    if free_pumps() > 0:
        return False
    held = list(_at_work().values_list("message", "message__broadcast"))
    messages, served = {message for message, _ in held}, {broadcast for _, broadcast in held}
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
