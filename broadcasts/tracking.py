"""What the outside tells about deliveries, and what follows from it.

A fact is set once, counted once, and never taken back; late, repeated and out-of-order news changes nothing.
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
    Link,
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
MOST_EARLY = 100_000  # facts of unknown deliveries that are kept for one channel
ROOM_EVERY = 1_000  # of these facts, room is made
NO_DELIVERY = 0  # what a reference that is only tried points at


@dataclass(frozen=True)
class Fact:
    """What was told about a delivery, when, and by whom."""

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
    """Note that something was told about a delivery; True when it is news.

    `type` is `sent`, `failed` or one of FACTS. What a machine opened or clicked is noted and sets no fact. A
    bounce suppresses its address when detail says {"hard": True}; a failure told after acceptance is a bounce, and
    so is one told before the worker wrote down that it was accepted. `link` is the one that was clicked, of the same
    message; detail may say {"device": one of Device}.
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
    """Do what `record` does for the delivery that a channel's provider knows by its own id.

    Where no delivery is known by it yet, the fact is kept until one is, and the answer is False. Not to be called
    inside a transaction: windows of the channel would wait for its end.
    """
    if type not in DeliveryEvent.Type.values:
        raise ValueError(f"{type!r} is no type of event; accepted: {', '.join(DeliveryEvent.Type.values)}")
    place = _place(channel, provider_id)
    if not place["provider_id"]:
        return False
    at = at or timezone.now()
    found = _referred(place) or _keep(place, type=type, at=at, machine=machine, detail=dict(detail or {}))
    return record(found, type, at, machine, detail) if found else False


def add_provider_ids(channel: Channel, provider_ids: Mapping[int, str]) -> None:
    """Write down what a provider calls deliveries, {delivery id: its id}, and apply what it told about them before.

    Called last in a transaction that holds the rows of these deliveries, all of one batch.
    """
    refs = [
        ProviderRef(channel_id=channel.pk, delivery_id=pk, provider_id=known_as(provider_id))
        for pk, provider_id in provider_ids.items()
        if known_as(provider_id)
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
    """Take a recipient's no to marketing: consent withdrawn, address suppressed, fact noted; True when it is news.

    It may come again and again, and after the person was erased, when only the fact is left to note.
    """
    return record(delivery, "unsubscribed", detail={**(evidence or {}), "source": source})


def by_provider_id(channel: Channel, provider_id: str) -> int | None:
    """Return the id of the delivery that a channel's provider calls so; None while none is known."""
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
    """Keep a fact until its reference is written; where that has happened meanwhile, return the delivery instead.

    A window may be writing the reference at this moment. The unique index has the two wait for each other: whoever
    comes second sees what the first has committed, so that exactly one of them applies the fact.
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
    # Of somebody who was erased, or of nobody, only the fact is noted.
    detail = dict(fact.detail) if delivery.address else {}
    accepted = [Status.SENT, Status.PENDING]
    if type == "failed" and Delivery.objects.filter(pk=delivery.pk, status__in=accepted).exists():
        type = "bounced"
    # First, as it holds the person, and merging holds people before their deliveries. An unsubscribing that comes
    # again is one: in between it may have become a yes. A complaint told again is the same complaint.
    if not machine and (type == "unsubscribed" or (type == "complained" and delivery.complained_at is None)):
        _withdraw(delivery, type, detail)
    # Facts before the status: recovery, which calls it unknown where there is none, waits or is seen here.
    told = () if machine else IMPLIED.get(type, (type,))
    new = [name for name in told if _set_once(delivery, name, at)]
    for name in new:
        tally.add(delivery, name, at, detail)
    news = bool(new)
    if not machine:
        news = _settle_unknown(delivery, type, at) or news
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


def _source(delivery: Delivery, type: str, detail: Mapping[str, object]) -> str:
    return str(detail.get("source") or f"{type}: {delivery.message.broadcast}")


def _withdraw(delivery: Delivery, type: str, detail: Mapping[str, object]) -> None:
    """Write down a no to marketing, by the address alone where the person is gone."""
    broadcast, medium, cause = delivery.message.broadcast, delivery.message.medium, NOES[type]
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
