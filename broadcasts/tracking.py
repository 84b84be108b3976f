"""Record what providers, links and recipients report about deliveries, and apply the consequences.

A fact is set once, counted once and never unset; late, repeated and out-of-order reports change nothing.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from broadcasts import consenting, tallying
from broadcasts.database import storable
from broadcasts.models import (
    FACTS,
    Batch,
    Channel,
    Contact,
    Delivery,
    DeliveryEvent,
    EarlyFact,
    Fallback,
    Link,
    ProviderRef,
    Suppression,
    UseCase,
    count,
)

logger = logging.getLogger(__name__)
suppress = consenting.suppress
Status = Delivery.Status

# An event of these types is stored each time; of the others only the first time.
REPEATING = frozenset({"opened", "clicked", "played", "replied"})
NOES = {"unsubscribed": Suppression.Cause.UNSUBSCRIBE, "complained": Suppression.Cause.COMPLAINT}
IMPLIED = {"clicked": ("opened", "clicked")}
MOST_EARLY = 100_000  # facts of unknown deliveries that are kept for one channel
ROOM_EVERY = 1_000  # of these facts, room is made
NO_DELIVERY = 0  # the delivery of a temporary reference in `_keep`


@dataclass(frozen=True)
class Fact:
    """A report about a delivery."""

    type: str
    at: datetime
    machine: bool
    detail: Mapping[str, object]
    link: Link | None = None


def record(
    delivery: Delivery | int,
    type: str,
    at: datetime | None = None,
    machine: bool = False,
    detail: Mapping[str, object] | None = None,
    link: Link | None = None,
) -> bool:
    """Record a report about a delivery; return True if it changed anything.

    `type` is `sent`, `failed` or one of FACTS; `at` is aware, None for now. A report by a machine (scanner, proxy) is
    stored as an event and sets no fact. A bounce suppresses the address if `detail` has {"hard": True}. A failure that
    is reported after acceptance, or while the delivery is still pending, is a bounce. `link` is the clicked one, of the
    same message (ValueError otherwise); `detail` may have {"device": one of Device}.
    """
    tally = tallying.Tally()
    with transaction.atomic():
        news = _record(_load(delivery), Fact(type, at or timezone.now(), machine, detail or {}, link), tally)
        tally.write()
    return news


def record_by_provider_id(
    channel: Channel,
    provider_id: str,
    type: str,
    at: datetime | None = None,
    machine: bool = False,
    detail: Mapping[str, object] | None = None,
) -> bool:
    """Do what `record` does, for the delivery with this provider's id.

    If there is none yet, the fact is stored until the id is written, and False is returned. Do not call it inside a
    transaction: windows of the channel would wait for its end. Raises ValueError for an unknown type.
    """
    if type not in DeliveryEvent.Type.values:
        raise ValueError(f"“{type:.40}” is no type of event; accepted: {', '.join(DeliveryEvent.Type.values)}")
    place = _place(channel, provider_id)
    if not place["provider_id"]:
        return False
    at = at or timezone.now()
    found = _referred(place) or _keep(place, type=type, at=at, machine=machine, detail=dict(detail or {}))
    return record(found, type, at, machine, detail) if found else False


def add_provider_ids(channel: Channel, provider_ids: Mapping[int, str]) -> None:
    """Store the provider's ids of deliveries, {delivery id: provider id}, and apply facts that came before them.

    Called last in a transaction that has locked these deliveries, all of one batch.
    """
    refs = [
        ProviderRef(channel_id=channel.pk, delivery_id=pk, provider_id=stored)
        for pk, provider_id in provider_ids.items()
        if (stored := known_as(provider_id))
    ]
    ProviderRef.objects.bulk_create(refs, ignore_conflicts=True)
    told = {"channel": channel.pk, "provider_id__in": {ref.provider_id for ref in refs}}
    early = list(EarlyFact.objects.filter(**told).order_by("pk"))
    if not early:
        return
    # Read again, as a provider may have given one id twice.
    written = ProviderRef.objects.filter(**told, delivery__in=provider_ids)
    known = dict(written.values_list("provider_id", "delivery_id"))
    tally = tallying.Tally()
    for one in early:
        if delivery_id := known.get(one.provider_id):
            _record(_load(delivery_id), Fact(one.type, one.at, one.machine, one.detail), tally)
    EarlyFact.objects.filter(pk__in=[one.pk for one in early]).delete()
    tally.write()


def unsubscribe(delivery: Delivery | int, source: str, evidence: Mapping[str, object] | None = None) -> bool:
    """Withdraw a recipient's consent to marketing, suppress the address and set the fact; return True if it is new.

    It may be repeated. If the contact was erased, only the fact is set.
    """
    return record(delivery, "unsubscribed", detail={**(evidence or {}), "source": source})


def by_provider_id(channel: Channel, provider_id: str) -> int | None:
    """Return the id of the delivery with this provider's id; None if there is none yet."""
    return _referred(_place(channel, provider_id)) or None


def known_as(provider_id: object) -> str:
    """Return a provider's id as it is stored: text, also where a transport read a number from JSON."""
    return "" if provider_id is None else str(storable(str(provider_id)))[: ProviderRef.LONGEST]


def _place(channel: Channel, provider_id: str) -> dict[str, Any]:
    return {"channel_id": channel.pk, "provider_id": known_as(provider_id)}


def _referred(place: Mapping[str, Any]) -> int | None:
    return ProviderRef.objects.filter(**place).values_list("delivery_id", flat=True).first()


@transaction.atomic
def _keep(place: Mapping[str, Any], **fact: Any) -> int | None:
    """Store a fact until its reference is written; if that has happened meanwhile, return the delivery's id instead.

    A window may write the reference at the same time. The unique index makes the second transaction wait for the first
    and see what it committed, so that exactly one of them applies the fact.
    """
    ProviderRef.objects.bulk_create([ProviderRef(**place, delivery_id=NO_DELIVERY)], ignore_conflicts=True)
    if found := _referred(place):
        return found
    kept = EarlyFact.objects.create(**place, **fact)
    ProviderRef.objects.filter(**place, delivery=NO_DELIVERY).delete()
    if kept.pk % ROOM_EVERY == 0:
        _make_room(kept.channel_id)
    return None


def _make_room(channel_id: int) -> None:
    """Delete the oldest early facts of a channel, where its provider tells of ever more that is not ours."""
    rows = EarlyFact.objects.filter(channel=channel_id)
    too_old = rows.order_by("-pk").values_list("pk", flat=True)[MOST_EARLY : MOST_EARLY + 1].first()
    if too_old:
        rows.filter(pk__lte=too_old).delete()


def _record(delivery: Delivery, fact: Fact, tally: tallying.Tally) -> bool:
    type, at, machine, link = fact.type, fact.at, fact.machine, fact.link
    if link and link.message_id != delivery.message_id:
        raise ValueError(f"link {link.pk} is not of the message of delivery {delivery.pk}")
    # Without an address (an erased contact, or none) the detail is not stored.
    detail = dict(fact.detail) if delivery.address else {}
    accepted = [Status.SENT, Status.PENDING]
    if type == "failed" and Delivery.objects.filter(pk=delivery.pk, status__in=accepted).exists():
        type = "bounced"
    # First, since it locks the contact, and merging locks contacts before deliveries. A repeated unsubscribe counts
    # again, since consent may have been given in between. A repeated complaint is the same complaint.
    if not machine and (type == "unsubscribed" or (type == "complained" and delivery.complained_at is None)):
        _withdraw(delivery, type, detail)
    # Facts before the status: recovery, which sets unknown where there is no fact, waits or is seen here.
    told = () if machine else IMPLIED.get(type, (type,))
    fallback = Fallback.of(delivery.message)
    new = [name for name in told if _set_once(delivery, name, at, fallback)]
    for name in new:
        tally.add(delivery, name, at, detail)
    news = bool(new)
    if not machine:
        news = _settle_unknown(delivery, type, at, fallback) or news
    if link and type == "clicked":
        tallying.count_click(link, delivery, machine=machine, is_first="clicked" in new)
    if news or machine or type in REPEATING:
        DeliveryEvent.objects.create(delivery=delivery, type=type, at=at, machine=machine, detail=detail, link=link)
    if type == "bounced" and news and detail.get("hard") is True:
        source = _source(delivery, type, detail)
        organization = delivery.message.broadcast.organization
        suppress(organization, delivery.message.medium, delivery.address, Suppression.Cause.HARD_BOUNCE, "", source)
    return news


def _load(delivery: Delivery | int) -> Delivery:
    pk = delivery if isinstance(delivery, int) else delivery.pk
    return Delivery.objects.select_related("message__broadcast__organization", "message__channel").get(pk=pk)


def _set_once(delivery: Delivery, fact: str, at: datetime, fallback: Fallback) -> bool:
    if fact not in FACTS:
        return False
    unset = Delivery.objects.filter(pk=delivery.pk, **{f"{fact}_at": None})
    return unset.transition(**{f"{fact}_at": at}, **fallback.told(fact)) and adjust_counters(delivery, **{fact: 1})


def _settle_unknown(delivery: Delivery, type: str, at: datetime, fallback: Fallback) -> bool:
    """Set the outcome of an unknown delivery: any fact except `failed` proves that it was sent."""
    unknown = Delivery.objects.filter(pk=delivery.pk, status=Status.UNKNOWN)
    if type == "failed":
        failed = unknown.transition(status=Status.FAILED, **fallback.failed())
        return failed and adjust_counters(delivery, unknown=-1, failed=1)
    sent = unknown.transition(status=Status.SENT, sent_at=at, **fallback.sent())
    return sent and adjust_counters(delivery, unknown=-1, sent=1)


def adjust_counters(delivery: Delivery, **changes: int) -> bool:
    """Add to the counters of a delivery's batch: the one that gathered it, or else the one of its range."""
    batch_id = Delivery.objects.values_list("batch_id", flat=True).get(pk=delivery.pk)
    own_range = Q(message_id=delivery.message_id, first_id__lte=delivery.pk, last_id__gte=delivery.pk)
    changed = Batch.objects.filter(Q(pk=batch_id) if batch_id else own_range).update(**count(**changes))
    if changed != 1:  # wrong counters must not prevent an unsubscribe
        logger.error("delivery %s is of %s batches, expected 1: its counters miss %s", delivery.pk, changed, changes)
    return True


def _source(delivery: Delivery, type: str, detail: Mapping[str, object]) -> str:
    return str(detail.get("source") or f"{type}: {delivery.message.broadcast}")


def _withdraw(delivery: Delivery, type: str, detail: Mapping[str, object]) -> None:
    """Withdraw consent to marketing; only suppress the address if the contact was erased."""
    broadcast, medium, cause = delivery.message.broadcast, delivery.message.medium, NOES[type]
    source = _source(delivery, type, detail)
    contact = _person(delivery) or _person(delivery)  # again, since the contact may be merged while it is waited for
    if contact is None:
        suppress(broadcast.organization, medium, delivery.address, cause, UseCase.MARKETING, source)
        return
    told = {name: value for name, value in detail.items() if name != "source"}
    evidence = {**told, "delivery": delivery.pk, "broadcast": str(broadcast.uuid)}
    said = (contact, medium, UseCase.MARKETING)
    consenting.withdraw(*said, source=source, evidence=evidence, address=delivery.address, cause=cause)


def _person(delivery: Delivery) -> Contact | None:
    """Return the contact of a delivery, locked until the end of the transaction; None if it was erased."""
    told = Delivery.objects.values_list("contact_id", "merged_into").get(pk=delivery.pk)
    rows = Contact.objects.select_for_update(of=("self",), no_key=True)
    return rows.filter(pk=told[0] or told[1] or 0).first()
