"""The back-off of channels, and pausing of broadcasts with too many permanent failures."""

from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Now

from broadcasts import formats, stats
from broadcasts.models import Broadcast, Channel
from broadcasts.transports import TransportError

from .notices import pause_with
from .outcomes import asked_wait

LEAST_ANSWERED = 100  # copies with an outcome, before the share of failures is judged
LONGEST_BACKOFF = 40  # seconds, so that a server is found within a minute after it has come back


def channel_works(channel: Channel, flaw: str = "") -> None:
    """Record that a channel works and end its back-off, except one that another pump has started since.

    A flaw is shown as its last error, though it sends.
    """
    if flaw:
        Channel.objects.filter(pk=channel.pk).update(last_error=flaw, last_error_at=Now())
    if channel.health != Channel.Health.GOOD or channel.backoff_until:
        is_over = Q(backoff_until=None) | Q(backoff_until__lte=Now())
        rows = Channel.objects.filter(is_over, pk=channel.pk)
        rows.update(health=Channel.Health.GOOD, backoff_until=None, backoff_count=0)
        channel.refresh_from_db()


def channel_fails(channel: Channel, error: TransportError) -> None:
    """Record an account error: a transient one starts a back-off, a permanent one pauses the channel's broadcasts."""
    rows = Channel.objects.filter(pk=channel.pk)
    rows.update(health=Channel.Health.FAILING, last_error=str(error), last_error_at=Now())
    if not error.permanent and error.retry_after is not None:
        until = Now() + timedelta(seconds=asked_wait(error.retry_after))
        rows.filter(Q(backoff_until=None) | Q(backoff_until__lt=until)).update(backoff_until=until)
    elif not error.permanent:
        # Once for all pumps that fail at the same time: otherwise each of them would double the delay.
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
    """Pause a broadcast if its share of permanent failures exceeds REFUSAL_BUDGET.

    Copies are counted since the start, or since staff resumed it. The message quotes `last_refusal`.
    """
    broadcast = Broadcast.objects.select_related("organization").get(pk=broadcast_id)
    counts = stats.judged(broadcast)
    failed = max(0, counts["failed"] - broadcast.forgiven_failed)
    answered = failed + max(0, counts["sent"] - broadcast.forgiven_sent)
    is_over = broadcast.expanded_at and not counts["pending"]
    if is_over or answered < LEAST_ANSWERED or failed <= settings.REFUSAL_BUDGET * answered:
        return
    pause_with(
        broadcast,
        f"Paused: {formats.number(failed)} of {formats.number(answered)} copies ({formats.percent(failed / answered)}) "
        f"failed for good, and no more than {formats.percent(settings.REFUSAL_BUDGET)} may. "
        f"The last one: {last_refusal}",
    )
