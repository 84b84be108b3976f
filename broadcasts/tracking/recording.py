"""Record reports about deliveries, one or many in a transaction, and apply their consequences."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from broadcasts import consenting, noting, tallying
from broadcasts.consenting import Bounce, suppress
from broadcasts.database import insert_many, set_many
from broadcasts.models import (
    FACTS,
    Contact,
    Delivery,
    DeliveryEvent,
    Fallback,
    Link,
    Medium,
    Message,
    Organization,
    Suppression,
    UseCase,
)

from .counters import add_to_batches

Status = Delivery.Status

# An event of these types is stored each time; of the others only the first time.
REPEATING = frozenset({"opened", "clicked", "played", "replied"})
NOES = {"unsubscribed": Suppression.Cause.UNSUBSCRIBE, "complained": Suppression.Cause.COMPLAINT}
ALIVE = frozenset({"delivered", "opened", "clicked"})  # the address works
IMPLIED = {"clicked": ("opened", "clicked")}
EVENT = ("delivery_id", "created", "type", "at", "machine", "link_id", "detail")
TRIES = 5  # to lock the people of reports, who may be merged meanwhile


@dataclass(frozen=True, slots=True)
class Fact:
    """A report about a delivery."""

    delivery: int
    type: str  # `sent`, `failed` or one of FACTS
    at: datetime  # aware
    machine: bool = False  # by a scanner or proxy: it is stored as an event and sets no fact
    detail: Mapping[str, object] = field(default_factory=dict)
    link: Link | None = None  # the clicked one, of the same message
    is_withdrawn: bool = False  # the consent that it withdraws is withdrawn already


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
    stored as an event and sets no fact. A bounce suppresses the address if `detail` has {"hard": True}; its "class"
    soft is counted, and policy alerts staff. A failure that is reported after acceptance, or while the delivery is
    still pending, is a bounce. `link` is the clicked one, of the
    same message (ValueError otherwise); `detail` may have {"device": one of Device}.
    """
    pk = delivery if isinstance(delivery, int) else delivery.pk
    return record_all([Fact(pk, type, at or timezone.now(), machine, detail or {}, link)])[0]


def record_all(facts: Sequence[Fact]) -> list[bool]:
    """Record reports in their order, in one transaction; return for each whether it changed anything.

    It means the same as `record` for one after the other; reports about deliveries that are gone change nothing. Rows
    are locked in one order for all: contacts, deliveries, batches, links and counts, each by id. So two of these never
    wait for each other in a circle, nor for a merge, a window or a recovery, which lock in this order too.
    """
    if not facts:
        return []
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return _Recording(facts).run()
        except _Moved:
            if attempt == TRIES:
                raise
    return []


def unsubscribe(delivery: Delivery | int, source: str, evidence: Mapping[str, object] | None = None) -> bool:
    """Withdraw a recipient's consent to marketing, suppress the address and set the fact; return True if it is new.

    It may be repeated. If the contact was erased, only the fact is set.
    """
    return record(delivery, "unsubscribed", detail={**(evidence or {}), "source": source})


def hold_people(facts: Iterable[Fact], also: Iterable[int] = ()) -> dict[int, Contact | None]:
    """Lock the contacts whose consent the facts withdraw, and others by id; return {id: contact}, None for one gone.

    Locked before deliveries, since merging does so.
    """
    noes = {fact.delivery for fact in facts if fact.type in NOES and not (fact.machine or fact.is_withdrawn)}
    told = Delivery.objects.filter(pk__in=noes).values_list("contact_id", "merged_into") if noes else ()
    asked = {pk for one, other in told if (pk := one or other)} | set(also)
    if not asked:
        return {}
    rows = Contact.objects.select_for_update(of=("self",), no_key=True).select_related("organization").order_by("pk")
    return {**dict.fromkeys(asked), **rows.in_bulk(list(asked))}


class _Moved(Exception):
    """A contact was merged into another one while its row was waited for."""


class _Recording:
    """The reports of one transaction: they are applied to the rows in memory, and what is new is written at once."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.facts = facts
        self.now = timezone.now()
        self.tally = tallying.Tally()
        self.new: dict[str, list[tuple[int, datetime]]] = defaultdict(list)  # {fact: [(delivery id, time)]}
        self.settled: dict[int, datetime | None] = {}  # {id of an unknown delivery: when it was sent; None: failed}
        self.counters: dict[int, Counter[str]] = defaultdict(Counter)
        self.events: list[DeliveryEvent] = []
        self.clicks: list[tallying.Click] = []
        self.told: list[noting.ToldFact] = []  # what subscriptions may want to know
        self.withdrawals: list[tuple[Contact | None, Delivery, str, Mapping[str, object]]] = []
        self.bounces: list[Bounce] = []
        # By organization and medium: (address, when) of copies that arrived or were read.
        self.alive: dict[tuple[Organization, str], list[tuple[str, datetime]]] = defaultdict(list)

    def run(self) -> list[bool]:
        self.people = hold_people(self.facts)
        locked = Delivery.objects.select_for_update(no_key=True).order_by("pk")
        self.deliveries = {one.pk: one for one in locked.filter(pk__in={fact.delivery for fact in self.facts})}
        # Not joined: many deliveries are of few messages.
        messages = Message.objects.select_related("broadcast__organization", "channel")
        found = messages.in_bulk({one.message_id for one in self.deliveries.values()})
        for one in self.deliveries.values():
            one.message = found[one.message_id]
        self.fallbacks = {pk: Fallback.of(message) for pk, message in found.items()}
        news = [self.apply(fact) for fact in self.facts]
        self.write()
        return news

    def apply(self, fact: Fact) -> bool:
        """Apply a report to its delivery in memory; return whether it changes anything."""
        delivery = self.deliveries.get(fact.delivery)
        if delivery is None:
            return False
        type, at, machine = fact.type, fact.at, fact.machine
        if fact.link and fact.link.message_id != delivery.message_id:
            raise ValueError(f"link {fact.link.pk} is not of the message of delivery {delivery.pk}")
        # Without an address (an erased contact, or none) the detail is not stored.
        detail = dict(fact.detail) if delivery.address else {}
        if type == "failed" and delivery.status in (Status.SENT, Status.PENDING):
            type = "bounced"
        # A repeated unsubscribe counts again, since consent may have been given in between. A repeated complaint is
        # the same complaint.
        is_no = type == "unsubscribed" or (type == "complained" and delivery.complained_at is None)
        if is_no and not (machine or fact.is_withdrawn):
            self.withdrawals.append((self.person(delivery), delivery, type, detail))
        told = () if machine else IMPLIED.get(type, (type,))
        new = [name for name in told if self.set_once(delivery, name, at)]
        for name in new:
            self.tally.add(delivery, name, at, detail)
        if machine:
            self.tally.add_machine(delivery, type, fact.detail.get("rule"))
        news = bool(new)
        implied = [name for name in new if name != type]
        if not machine and delivery.status == Status.UNKNOWN:
            self.settle(delivery, type, at)
            news = True
            implied = ["sent", *implied] if type not in ("sent", "failed") else implied
        self.told += [noting.ToldFact(delivery.pk, name, at, None, is_first=True) for name in implied]
        if fact.link and type == "clicked":
            self.clicks.append(tallying.Click(fact.link.pk, delivery.pk, machine, "clicked" in new))
        if news or machine or type in REPEATING:
            event = DeliveryEvent(delivery=delivery, type=type, at=at, machine=machine, detail=detail, link=fact.link)
            event.created = self.now  # the default of the database is compiled anew for each row
            self.events.append(event)
            if not machine:
                is_first = type in (*new, "sent", "failed")
                self.told.append(noting.ToldFact(delivery.pk, type, at, event, is_first))
        if type in ("bounced", "failed") and news and delivery.address and (bounce := _bounce(delivery, fact, type)):
            self.bounces.append(bounce)
        if type in ALIVE and not machine and delivery.address and delivery.message.medium == Medium.EMAIL:
            place = delivery.message.broadcast.organization, delivery.message.medium
            self.alive[place].append((delivery.address, at))
        return news

    def person(self, delivery: Delivery) -> Contact | None:
        """Return the contact of a delivery, whose row is locked; None if it was erased."""
        pk = delivery.contact_id or delivery.merged_into
        if pk and pk not in self.people:
            raise _Moved
        return self.people[pk] if pk else None

    def set_once(self, delivery: Delivery, fact: str, at: datetime) -> bool:
        if fact not in FACTS or getattr(delivery, f"{fact}_at"):
            return False
        setattr(delivery, f"{fact}_at", at)
        self.new[fact].append((delivery.pk, at))
        self.counters[delivery.pk][fact] += 1
        return True

    def settle(self, delivery: Delivery, type: str, at: datetime) -> None:
        """Set the outcome of an unknown delivery: any fact except `failed` proves that it was sent."""
        delivery.status = Status.FAILED if type == "failed" else Status.SENT
        self.settled[delivery.pk] = None if type == "failed" else at
        self.counters[delivery.pk].update({"unknown": -1, delivery.status: 1})
        if delivery.status == Status.SENT:
            self.tally.add_minute(delivery.message_id, Status.SENT, at)

    def write(self) -> None:
        for contact, delivery, type, detail in sorted(self.withdrawals, key=_by_person):
            _withdraw(contact, delivery, type, detail)
        for fact, told in self.new.items():
            adapt = connection.ops.adapt_datetimefield_value
            changed = set_many(Delivery, f"{fact}_at", [(pk, adapt(at)) for pk, at in told])
            assert changed == len(told), "the rows are locked"
            self.write_fallbacks(fact, [pk for pk, _ in told])
        self.write_outcomes()
        moved = add_to_batches(self.deliveries.values(), self.counters)
        tallying.count_clicks(self.clicks)
        _insert(self.events)
        noting.note_facts(self.told, self.deliveries)
        consenting.take_in(self.bounces, self.alive)
        self.tally.add_all(moved)
        self.tally.write()

    def write_fallbacks(self, fact: str, pks: Iterable[int]) -> None:
        """Write what a new fact means for the fallback of its copies."""
        of_message: dict[int, list[int]] = defaultdict(list)
        for pk in pks:
            of_message[self.deliveries[pk].message_id].append(pk)
        for message, rows in of_message.items():
            if changes := self.fallbacks[message].told(fact):
                Delivery.objects.filter(pk__in=rows).update(**changes)

    def write_outcomes(self) -> None:
        for pk, sent_at in self.settled.items():
            unknown = Delivery.objects.filter(pk=pk, status=Status.UNKNOWN)
            fallback = self.fallbacks[self.deliveries[pk].message_id]
            sent = {"status": Status.SENT, "sent_at": sent_at, **fallback.sent()}
            assert unknown.transition(**(sent if sent_at else {"status": Status.FAILED, **fallback.failed()}))


def _insert(events: Sequence[DeliveryEvent]) -> None:
    """Insert events as `bulk_create` does, in a third of the time."""
    adapt = connection.ops.adapt_datetimefield_value
    rows = [
        (one.delivery_id, adapt(one.created), one.type, adapt(one.at), one.machine, one.link_id, json.dumps(one.detail))
        for one in events
    ]
    for one, pk in zip(events, insert_many(DeliveryEvent, EVENT, rows), strict=True):
        one.pk = pk


def _by_person(withdrawal: tuple[Contact | None, Delivery, str, Mapping[str, object]]) -> tuple[int, str]:
    contact, delivery, *_ = withdrawal
    return contact.pk if contact else 0, delivery.address


def _source(delivery: Delivery, type: str, detail: Mapping[str, object]) -> str:
    return str(detail.get("source") or f"{type}: {delivery.message.broadcast}")


def _bounce(delivery: Delivery, fact: Fact, type: str) -> Bounce | None:
    """Return what a report says of the address; None if it says nothing, as a failure without a class."""
    message, detail = delivery.message, fact.detail
    is_told = detail.get("hard") is True or "class" in detail
    if not is_told and (fact.type != "bounced" or message.medium != Medium.EMAIL):
        return None
    words = (detail.get(name) for name in ("code", "text", "reporter"))
    return Bounce(
        organization=message.broadcast.organization,
        channel=message.channel_id,
        medium=message.medium,
        address=delivery.address,
        delivery=delivery.pk,
        kind=consenting.class_of(detail),
        at=fact.at,
        source=_source(delivery, type, detail),
        report=consenting.report_of(fact.at, *words),
    )


def _withdraw(contact: Contact | None, delivery: Delivery, type: str, detail: Mapping[str, object]) -> None:
    """Withdraw consent to marketing; only suppress the address if the contact was erased."""
    broadcast, medium, cause = delivery.message.broadcast, delivery.message.medium, NOES[type]
    source = _source(delivery, type, detail)
    if contact is None:
        suppress(broadcast.organization, medium, delivery.address, cause, UseCase.MARKETING, source)
        return
    told = {name: value for name, value in detail.items() if name != "source"}
    evidence = {**told, "delivery": delivery.pk, "broadcast": str(broadcast.uuid)}
    said = (contact, medium, UseCase.MARKETING)
    consenting.withdraw(*said, source=source, evidence=evidence, address=delivery.address, cause=cause)
