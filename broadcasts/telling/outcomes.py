"""Record what became of a call, for the call and for the health of its subscription."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from broadcasts import formats, noting
from broadcasts.models import AuditEntry, EventCall, EventSubscription
from broadcasts.queue import enqueue

from .results import CallResult, told_of

State = EventCall.State
# Until each further attempt of a call: for three days, a little longer than a receiver that is down stays switched on.
DELAYS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 86_400)
LONGEST_WAIT = 86_400  # seconds that a receiver may ask for
TOLERATED = 5  # failures in a row, before all of a subscription's calls wait
LEAST_BACKOFF, LONGEST_BACKOFF = 5, 300  # seconds
HEALTH_SECONDS = 10  # between notes of a success
GONE = 410
BUSY = frozenset({429, 503})


@transaction.atomic
def record(subscription: EventSubscription, call: EventCall, result: CallResult) -> bool:
    """Record the result of a call; return False, with nothing written, if another worker holds the subscription."""
    told = {**told_of(result), "attempts": F("attempts") + 1, "tried_at": Now()}
    mine = EventCall.objects.filter(pk=call.pk, state=State.WAITING, subscription__token=subscription.token)
    if result.is_success:
        if not mine.transition(state=State.SUCCEEDED, due_at=None, ended_at=Now(), **told):
            return False
        _works(subscription)
        return True
    asked = asked_wait(result)
    if call.attempts < len(DELAYS):
        due = Now() + timedelta(seconds=max(DELAYS[call.attempts], asked))
        is_mine = mine.transition(due_at=due, **told)
    else:
        is_mine = mine.transition(state=State.FAILED, due_at=None, ended_at=Now(), **told)
    if is_mine:
        _fails(subscription, result, asked)
    return is_mine


def asked_wait(result: CallResult) -> float:
    """Return the seconds that a busy receiver asked us to wait; 0 if it did not."""
    if result.answer is None or result.answer.status not in BUSY:
        return 0
    return min(result.answer.retry_after or 0, LONGEST_WAIT)


def _works(subscription: EventSubscription) -> None:
    """Note that a call succeeded; of many within seconds only the first."""
    now = timezone.now()
    lately = now - timedelta(seconds=HEALTH_SECONDS)
    if subscription.failures == 0 and subscription.last_success_at and subscription.last_success_at > lately:
        return
    subscription.failures, subscription.failing_since, subscription.last_success_at = 0, None, now
    changes = {"failures": 0, "failing_since": None, "backoff_until": None, "last_success_at": Now()}
    EventSubscription.objects.filter(pk=subscription.pk).update(**changes)


def _fails(subscription: EventSubscription, result: CallResult, asked: float) -> None:
    """Note a failure; after several in a row, or where the receiver asks for it, all calls wait."""
    subscription.failures += 1
    subscription.failing_since = subscription.failing_since or timezone.now()
    wait = asked
    if subscription.failures >= TOLERATED:
        wait = max(wait, min(LEAST_BACKOFF * 2 ** min(subscription.failures - TOLERATED, 10), LONGEST_BACKOFF))
    rows = EventSubscription.objects.filter(pk=subscription.pk)
    rows.update(
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", Now()),
        last_error=result.error,
        last_error_at=Now(),
    )
    if wait:
        subscription.backoff_until = timezone.now() + timedelta(seconds=wait)
        rows.update(backoff_until=Now() + timedelta(seconds=wait))
    days = settings.EVENT_FAILING_DAYS
    if result.answer and result.answer.status == GONE:
        switch_off(subscription, "Its receiver answered 410 Gone: it wants no more calls.")
    elif subscription.failing_since < timezone.now() - timedelta(days=days):
        within = formats.duration(days * 86_400)
        switch_off(subscription, f"No call has succeeded for {within}. The last error: {result.error}")


def switch_off(subscription: EventSubscription, because: str) -> None:
    """Switch a subscription off by itself, once, and have staff mailed why; its waiting calls are kept."""
    active = EventSubscription.objects.filter(pk=subscription.pk, is_active=True)
    if active.transition(is_active=False, stopped_because=because, notice_due_at=Now(), modified=Now()):
        subscription.is_active = False
        noting.forget()
        AuditEntry.write(subscription, "switch off", organization=subscription.organization, reason=because)
        enqueue("notify_subscription", subscription.pk)
