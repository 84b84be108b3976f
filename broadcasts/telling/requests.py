"""What users ask of a subscription: switch it on, change its secret, test it, send calls again."""

import base64
import secrets
import time
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.module_loading import import_string

from broadcasts import formats, noting
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import AuditEntry, EventCall, EventSubscription, Organization, User
from broadcasts.transports.standard import PREFIX

from .results import told_of
from .sorting import add, calls_of

KEPT_HOURS = 24  # that calls are signed with the secret before this one too
OFF = "It is switched off: switch it on first."


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def switched(subscription: EventSubscription, *, was_active: bool) -> None:
    """Follow up a change of `is_active` that was saved: one that is switched on begins anew, with what waits."""
    noting.forget()
    if was_active or not subscription.is_active:
        return
    fresh = {"failures": 0, "failing_since": None, "stopped_because": "", "backoff_until": None, "notice_due_at": None}
    with transaction.atomic():
        subscription.calls.filter(state=EventCall.State.WAITING).update(due_at=Now())
        EventSubscription.objects.filter(pk=subscription.pk).update(due_at=Now(), **fresh)


@transaction.atomic
def rotate_secret(subscription: EventSubscription, *, keep_old: bool, by: User) -> str:
    """Give a subscription a new secret and return it.

    keep_old: whether calls are signed with the present one too, for KEPT_HOURS.
    """
    held = EventSubscription.objects.select_for_update(no_key=True, of=("self",)).get(pk=subscription.pk)
    fresh, old = new_secret(), (held.secrets or {}).get("signing_secret")
    held.secrets = {"signing_secret": fresh, **({"previous_secret": old} if keep_old and old else {})}
    held.previous_until = timezone.now() + timedelta(hours=KEPT_HOURS) if keep_old else None
    held.save(update_fields=["secrets", "previous_until", "modified"])
    detail = {"old_secret": f"works for {KEPT_HOURS} hours" if keep_old else "cut at once"}
    AuditEntry.write(subscription, "rotate secret", organization=subscription.organization, user=by, **detail)
    subscription.refresh_from_db()
    return fresh


def test_call(subscription: EventSubscription) -> EventCall:
    """Call the URL now with one event of the type `test`, and return the call with its result, which is stored.

    Raises WrongState if the organization is suspended. It is never tried again, and health does not depend on it.
    """
    if subscription.organization.status != Organization.Status.ACTIVE:
        raise WrongState("The organization is suspended, so nothing is called.")
    now = timezone.now()
    event = [f"evt_{uuid4().hex}_0", "test", int(time.time() * 1000), 0, 0, 1]
    [call] = calls_of(subscription, None, [event], cause=EventCall.Cause.TEST, due_at=None, created=now)
    make = import_string("broadcasts.telling.calls.make")  # with the HTTP client, so only when used
    result = make(call, subscription.url, subscription.signing_secrets)
    call.state = EventCall.State.SUCCEEDED if result.is_success else EventCall.State.FAILED
    call.attempts, call.tried_at, call.ended_at = 1, now, timezone.now()
    for name, value in told_of(result).items():
        setattr(call, name, value)
    call.save(force_insert=True)
    return call


def call_again(call: EventCall, by: User) -> EventCall:
    """Send an ended call again, as a new one with the same events; one that waits is tried now. Returns the call.

    Raises WrongState if the subscription is switched off, or the call was a test.
    """
    subscription = call.subscription
    if not subscription.is_active:
        raise WrongState(OFF)
    if call.cause == EventCall.Cause.TEST:
        raise WrongState("A test is not sent again: send another test.")
    with transaction.atomic():
        waiting = EventCall.objects.filter(pk=call.pk, state=EventCall.State.WAITING)
        if not waiting.transition(due_at=Now()):  # calls are locked before their subscription, as workers do
            [call] = calls_of(subscription, call.broadcast_id, call.events, cause=EventCall.Cause.REPLAY)
            add([call])
        EventSubscription.objects.filter(pk=subscription.pk).update(backoff_until=None, due_at=Now())
        organization = subscription.organization
        AuditEntry.write(subscription, "send again", organization=organization, user=by, call=call.identity)
    return EventCall.objects.select_related("subscription__organization").get(pk=call.pk)


@transaction.atomic
def replay(subscription: EventSubscription, since: datetime, by: User) -> int:
    """Have all ended calls since a moment made again, with the same events; return how many there are.

    Workers add them little by little, after the calls that wait. Raises WrongState if the subscription is switched off
    or a replay is under way, InvalidInput if there are none.
    """
    held = EventSubscription.objects.select_for_update(no_key=True, of=("self",)).get(pk=subscription.pk)
    if not held.is_active:
        raise WrongState(OFF)
    if held.replay_after is not None:
        raise WrongState("A replay is under way: wait until it has ended.")
    ended = held.calls.filter(cause=EventCall.Cause.EVENT, state__in=EventCall.ENDED, created__gte=since)
    found = ended.aggregate(first=Min("pk"), last=Max("pk"))
    if found["first"] is None:
        kept = formats.duration(settings.EVENT_CALL_RETENTION_DAYS * 86_400)
        raise InvalidInput({"since": f"No call since then has ended; the log keeps calls for {kept}."})
    n = ended.count()
    span = {"replay_after": found["first"] - 1, "replay_through": found["last"]}
    EventSubscription.objects.filter(pk=held.pk).update(**span, due_at=Now())
    AuditEntry.write(held, "replay", organization=held.organization, user=by, since=since.isoformat(), calls=n)
    return n
