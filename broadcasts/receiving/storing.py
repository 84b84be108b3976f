"""Store a verified call in one insert, and have it applied soon."""

import json
import logging
import time

from django.db.models.functions import Now

from broadcasts.database import SharedInsert
from broadcasts.models import Channel, EarlyFact, StoredCall
from broadcasts.queue import enqueue_once
from broadcasts.transports import Callback, CallbackRequest, Transport

from .answering import enqueue_answers

log = logging.getLogger(__name__)

# Headers that a transport's `parse` reads. The others may carry secrets; they are not needed once the call is verified.
KEPT = frozenset({"content-type", "svix-id"})
PAUSE = 1.0  # seconds in which one process asks for the task once: it applies whatever is due


class _Alarm:
    """Enqueues the task that applies calls, now and then."""

    rung_at = 0.0

    def ring(self) -> None:
        now = time.monotonic()
        if now >= self.rung_at + PAUSE:
            self.rung_at = now
            enqueue_once("apply_calls")


alarm = _Alarm()
stored = SharedInsert(
    StoredCall, "channel_id", "attempts", "error", "method", "url", "headers", "body", "accounts", "things"
)


def store(channel: Channel, transport: Transport, call: CallbackRequest, told: Callback) -> None:
    """Store a call that the channel's transport verified and parsed; a call that tells nothing is not stored."""
    if not told.things:
        return
    stored.insert(
        channel_id=channel.pk,
        attempts=0,
        error="",
        method=call.method,
        url=call.url,
        headers=json.dumps({name: call.headers[name] for name in KEPT if name in call.headers}),
        body=call.body,
        accounts=json.dumps(_accounts(channel, transport.account, call, told)),
        things=told.things,
    )
    alarm.ring()


def is_verified(transport: Transport, call: CallbackRequest) -> bool:
    """Tell whether a call is from the provider of a transport."""
    try:
        return transport.verify(call) is True
    except Exception as error:  # such as a missing header or invalid base64
        log.info("A call for a channel of kind %s was not verified: %s", transport.kind, type(error).__name__)
        return False


def _accounts(channel: Channel, own: str, call: CallbackRequest, told: Callback) -> dict[str, int]:
    """Return the other channels that a call is for, by the accounts that it names.

    These are channels of the same kind and organization, and only those whose own secrets verify the call too.
    """
    named = {event.account for event in told.events} | {reply.account for reply in told.replies}
    named -= {"", own}
    if not named:
        return {}
    same = Channel.objects.for_organization(channel.organization_id).filter(kind=channel.kind)
    found: dict[str, int] = {}
    for other in same.exclude(pk=channel.pk).order_by("-pk"):
        transport = other.transport()
        if transport.account in named and is_verified(transport, call):
            found[transport.account] = other.pk
    if unknown := named - set(found):
        log.info("A call for channel %s names accounts of no channel: %s of them", channel.uuid, len(unknown))
    return found


def enqueue_waiting() -> None:
    """Enqueue what is due of calls, early facts and answers; called in the supervisor's round."""
    due = {"due_at__lte": Now()}
    if StoredCall.objects.filter(**due).exists() or EarlyFact.objects.filter(**due).exists():
        enqueue_once("apply_calls")
    enqueue_answers()
