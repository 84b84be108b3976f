"""What the outside tells about deliveries, and what follows from it.

A fact is set once, counted once, and never taken back; late, repeated and out-of-order news changes nothing.
"""

import logging
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from broadcasts import consenting
from broadcasts.models import (
    FACTS,
    Batch,
    Channel,
    Contact,
    Delivery,
    DeliveryEvent,
    Medium,
    ProviderRef,
    Suppression,
    UseCase,
    count,
)

logger = logging.getLogger(__name__)
suppress = consenting.suppress
Status = Delivery.Status

# News of these is worth a line each time; of the others only when it is new.
REPEATING = frozenset({"opened", "clicked", "played", "replied"})
NOES = {"unsubscribed": Suppression.Cause.UNSUBSCRIBE, "complained": Suppression.Cause.COMPLAINT}
IMPLIED = {"clicked": ("opened", "clicked")}


def record(
    delivery: Delivery | int,
    type: str,
    at: datetime | None = None,
    machine: bool = False,
    detail: Mapping[str, object] | None = None,
) -> bool:
    """Note that something was told about a delivery; True when it is news.

    `type` is `sent`, `failed` or one of FACTS. What a machine opened or clicked is noted and sets no fact. A
    bounce suppresses its address when detail says {"hard": True}; a failure told after acceptance is a bounce, and
    so is one told before the worker wrote down that it was accepted.
    """
    delivery = _load(delivery)
    # Of somebody who was erased, or of nobody, only the fact is noted.
    at, detail = at or timezone.now(), dict(detail or {}) if delivery.address else {}
    with transaction.atomic():
        accepted = [Status.SENT, Status.PENDING]
        if type == "failed" and Delivery.objects.filter(pk=delivery.pk, status__in=accepted).exists():
            type = "bounced"
        news = False
        # First, as it holds the person, and merging holds people before their deliveries. An unsubscribing that comes
        # again is one: in between it may have become a yes. A complaint told again is the same complaint.
        if not machine and (type == "unsubscribed" or (type == "complained" and delivery.complained_at is None)):
            _withdraw(delivery, type, detail)
        # Facts before the status: recovery, which calls it unknown where there is none, waits or is seen here.
        for fact in () if machine else IMPLIED.get(type, (type,)):
            news = _set_once(delivery, fact, at) or news
        if not machine:
            news = _settle_unknown(delivery, type, at) or news
        if news or machine or type in REPEATING:
            DeliveryEvent.objects.create(delivery=delivery, type=type, at=at, machine=machine, detail=detail)
        if type == "bounced" and news and detail.get("hard") is True:
            source = _source(delivery, type, detail)
            organization = delivery.message.broadcast.organization
            suppress(organization, _medium(delivery), delivery.address, Suppression.Cause.HARD_BOUNCE, "", source)
    return news


def record_by_provider_id(
    channel: Channel,
    provider_id: str,
    type: str,
    at: datetime | None = None,
    machine: bool = False,
    detail: Mapping[str, object] | None = None,
) -> bool:
    """Note what a channel's provider tells of the copy that it calls so; an id that is not known is no news."""
    delivery_id = by_provider_id(channel, provider_id)
    return delivery_id is not None and record(delivery_id, type, at, machine, detail)


def by_provider_id(channel: Channel, provider_id: str) -> int | None:
    """Return the id of the delivery that a channel's provider calls so."""
    refs = ProviderRef.objects.filter(kind=channel.kind, provider_id=provider_id, delivery__message__channel=channel)
    return refs.values_list("delivery_id", flat=True).first()


def unsubscribe(delivery: Delivery | int, source: str, evidence: Mapping[str, object] | None = None) -> bool:
    """Take a recipient's no to marketing: consent withdrawn, address suppressed, fact noted; True when it is news.

    It may come again and again, and after the person was erased, when only the fact is left to note.
    """
    return record(delivery, "unsubscribed", detail={**(evidence or {}), "source": source})


def _load(delivery: Delivery | int) -> Delivery:
    pk = delivery if isinstance(delivery, int) else delivery.pk
    return Delivery.objects.select_related("message__broadcast__organization", "message__channel").get(pk=pk)


def _set_once(delivery: Delivery, fact: str, at: datetime) -> bool:
    if fact not in FACTS:
        return False
    unset = Delivery.objects.filter(pk=delivery.pk, **{f"{fact}_at": None})
    return unset.transition(**{f"{fact}_at": at}) and adjust_counters(delivery, **{fact: 1})


def _settle_unknown(delivery: Delivery, type: str, at: datetime) -> bool:
    """Learn what became of a delivery that nobody could tell of: whoever got it was sent it."""
    unknown = Delivery.objects.filter(pk=delivery.pk, status=Status.UNKNOWN)
    if type == "failed":
        return unknown.transition(status=Status.FAILED) and adjust_counters(delivery, unknown=-1, failed=1)
    return unknown.transition(status=Status.SENT, sent_at=at) and adjust_counters(delivery, unknown=-1, sent=1)


def adjust_counters(delivery: Delivery, **changes: int) -> bool:
    """Add to the counters of the batch that holds a delivery: the one it was gathered in, or else its range."""
    batch_id = Delivery.objects.values_list("batch_id", flat=True).get(pk=delivery.pk)
    own_range = Q(message_id=delivery.message_id, first_id__lte=delivery.pk, last_id__gte=delivery.pk)
    changed = Batch.objects.filter(Q(pk=batch_id) if batch_id else own_range).update(**count(**changes))
    if changed != 1:  # the numbers are off, which must not stop somebody from unsubscribing
        logger.error("delivery %s is of %s batches, expected 1: its counters miss %s", delivery.pk, changed, changes)
    return True


def _medium(delivery: Delivery) -> str:
    channel = delivery.message.channel
    return channel.medium if channel else Medium.EMAIL


def _source(delivery: Delivery, type: str, detail: Mapping[str, object]) -> str:
    return str(detail.get("source") or f"{type}: {delivery.message.broadcast}")


def _withdraw(delivery: Delivery, type: str, detail: Mapping[str, object]) -> None:
    """Write down a no to marketing, by the address alone where the person is gone."""
    broadcast, medium, cause = delivery.message.broadcast, _medium(delivery), NOES[type]
    source = _source(delivery, type, detail)
    contact = _person(delivery) or _person(delivery)  # again, as it may become another while it is waited for
    if contact is None:
        suppress(broadcast.organization, medium, delivery.address, cause, UseCase.MARKETING, source)
        return
    told = {name: value for name, value in detail.items() if name != "source"}
    evidence = {**told, "delivery": delivery.pk, "broadcast": str(broadcast.uuid)}
    said = (contact, medium, UseCase.MARKETING)
    consenting.withdraw(*said, source=source, evidence=evidence, address=delivery.address, cause=cause)


def _person(delivery: Delivery) -> Contact | None:
    """Hold whoever a delivery went to, to the end of the transaction."""
    told = Delivery.objects.values_list("contact_id", "merged_into").get(pk=delivery.pk)
    rows = Contact.objects.select_for_update(of=("self",), no_key=True)
    return rows.filter(pk=told[0] or told[1] or 0).first()
