"""What the outside tells about deliveries, and what follows from it.

A fact is set once, counted once, and never taken back; late, repeated and out-of-order news changes nothing.
"""

import logging
from collections.abc import Mapping
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from broadcasts.models import (
    FACTS,
    Batch,
    ChannelKind,
    Consent,
    ConsentChange,
    ConsentState,
    Contact,
    Delivery,
    DeliveryEvent,
    Organization,
    Suppression,
    UseCase,
    address_hash,
    count,
    email_key,
    phone_key,
)

logger = logging.getLogger(__name__)
Status = Delivery.Status

# News of these is worth a line each time; of the others only when it is new.
REPEATING = frozenset({"opened", "clicked", "played", "replied"})
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
        # Facts before the status: recovery, which calls it unknown where there is none, waits or is seen here.
        for fact in () if machine else IMPLIED.get(type, (type,)):
            news = _set_once(delivery, fact, at) or news
        if not machine:
            news = _settle_unknown(delivery, type, at) or news
        if news or machine or type in REPEATING:
            DeliveryEvent.objects.create(delivery=delivery, type=type, at=at, machine=machine, detail=detail)
        if type == "unsubscribed" and not machine:
            _withdraw(delivery, str(detail.get("source") or "provider"))
        elif news:
            _suppress_for(delivery, type, detail)
    return news


def unsubscribe(delivery: Delivery | int, source: str) -> bool:
    """Take a recipient's no to marketing: consent withdrawn, address suppressed, fact noted; True when it is news.

    It may come again and again, and after the person was erased, when only the fact is left to note.
    """
    return record(delivery, "unsubscribed", detail={"source": source})


def suppress(
    organization: Organization, channel_kind: str, address: str, reason: str, use_case: str = "", source: str = ""
) -> Suppression | None:
    """Remember that an address must not be reached; None when it is no address.

    For the same reason there is one suppression, the stricter of the two. What was erased is kept by its hash alone.
    """
    key = _address_key(channel_kind, address)
    digest = address_hash(key)
    if key is None or digest is None:
        return None
    place = {"organization": organization, "channel_kind": channel_kind, "address_hash": digest}
    is_erased = Suppression.objects.filter(**place, reason=Suppression.Cause.ERASED).exists()
    shown = "" if is_erased else address.strip()
    suppression, created = Suppression.objects.get_or_create(
        **place, reason=reason, defaults={"address": shown, "use_case": use_case, "source": source[:255]}
    )
    if not created and suppression.use_case and not use_case:
        suppression.use_case = ""
        suppression.save(update_fields=["use_case", "modified"])
    return suppression


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
    return channel.medium if channel else ChannelKind.EMAIL


def _suppress_for(delivery: Delivery, type: str, detail: Mapping[str, object]) -> None:
    broadcast = delivery.message.broadcast
    reason, use_case = {
        "bounced": (Suppression.Cause.HARD_BOUNCE, ""),
        "complained": (Suppression.Cause.COMPLAINT, UseCase.MARKETING),
    }.get(type, (None, ""))
    if reason is None or (type == "bounced" and detail.get("hard") is not True):
        return
    source = str(detail.get("source") or f"{type}: {broadcast}")
    suppress(broadcast.organization, _medium(delivery), delivery.address, reason, use_case, source)


def _withdraw(delivery: Delivery, source: str) -> None:
    """Write down a no, also when this delivery told it before: in between it may have become a yes."""
    broadcast, medium = delivery.message.broadcast, _medium(delivery)
    cause = Suppression.Cause.UNSUBSCRIBE
    suppress(broadcast.organization, medium, delivery.address, cause, UseCase.MARKETING, source)
    contact = Contact.objects.filter(pk=delivery.contact_id).first() if delivery.contact_id else None
    if contact is None:
        return
    place = {"contact": contact, "channel_kind": medium, "use_case": UseCase.MARKETING}
    withdrawn = {"state": ConsentState.WITHDRAWN}
    consent, created = Consent.objects.get_or_create(**place, defaults=withdrawn)
    standing = Consent.objects.filter(pk=consent.pk).exclude(**withdrawn)
    if created or standing.transition(**withdrawn, modified=timezone.now()):
        evidence = {"delivery": delivery.pk, "broadcast": str(broadcast.uuid)}
        ConsentChange.objects.create(**place, **withdrawn, source=source[:255], evidence=evidence)


def _address_key(channel_kind: str, address: str) -> str | None:
    if channel_kind == ChannelKind.EMAIL:
        try:
            return email_key(address)
        except ValidationError:
            return None
    return phone_key(address) if channel_kind == ChannelKind.SMS else address or None
