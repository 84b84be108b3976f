"""Whether sending can go on: a channel's back-off, and pausing what fails for good."""

from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Now

from broadcasts import stats
from broadcasts.models import Broadcast, Channel
from broadcasts.transports import TransportError

from .notices import pause_with
from .outcomes import asked_wait

LEAST_ANSWERED = 100  # by fewer, the share that failed is not judged
LONGEST_BACKOFF = 40  # seconds: a server that is back is found within a minute, however long it was away


def channel_works(channel: Channel) -> None:
    """Note that a channel sends (again), which ends its back-off, but for one that another pump has begun since."""
    if channel.health != Channel.Health.GOOD or channel.backoff_until:
        is_over = Q(backoff_until=None) | Q(backoff_until__lte=Now())
        rows = Channel.objects.filter(is_over, pk=channel.pk)
        rows.update(health=Channel.Health.GOOD, backoff_until=None, backoff_count=0)
        channel.refresh_from_db()


def channel_fails(channel: Channel, error: TransportError) -> None:
    """Put a channel into back-off, which ends by itself; what is permanent pauses its broadcasts with the reason."""
    rows = Channel.objects.filter(pk=channel.pk)
    rows.update(health=Channel.Health.FAILING, last_error=str(error), last_error_at=Now())
    if not error.permanent and error.retry_after is not None:
        until = Now() + timedelta(seconds=asked_wait(error.retry_after))
        rows.filter(Q(backoff_until=None) | Q(backoff_until__lt=until)).update(backoff_until=until)
    elif not error.permanent:
        # Once for all pumps that fail together: else every one of them would double how long the next waits.
        seconds = min(5 * 2 ** min(channel.backoff_count, 6), LONGEST_BACKOFF)
        rows.filter(Channel.in_service()).update(
            backoff_count=F("backoff_count") + 1, backoff_until=Now() + timedelta(seconds=seconds)
        )
    else:
        rows.update(backoff_until=None)
        under_way = Broadcast.objects.filter(messages__channel=channel, status=Broadcast.Status.SENDING)
        for broadcast in under_way.distinct():
            pause_with(broadcast, f"Paused: the channel “{channel}” cannot send. {error}")


def check_failure_budget(broadcast_id: int, last_refusal: str) -> None:
    """Pause a broadcast of which too large a share failed for good since it began, or since staff resumed it."""
    broadcast = Broadcast.objects.select_related("organization").get(pk=broadcast_id)
    counts = stats.counts([broadcast])[broadcast.pk]
    failed = max(0, counts["failed"] - broadcast.forgiven_failed)
    answered = failed + max(0, counts["sent"] - broadcast.forgiven_sent)
    is_over = broadcast.expanded_at and not counts["pending"]
    if is_over or answered < LEAST_ANSWERED or failed <= settings.REFUSAL_BUDGET * answered:
        return
    pause_with(
        broadcast,
        f"Paused: {failed:,} of {answered:,} copies ({failed / answered:.0%}) failed for good, and no more than "
        f"{settings.REFUSAL_BUDGET:.0%} may. The last one: {last_refusal}",
    )
