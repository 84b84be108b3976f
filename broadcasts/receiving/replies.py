"""Make Inbound rows of replies: each once, tied to the person and to the copy that it answers."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ValidationError

from broadcasts import tracking
from broadcasts.database import storable
from broadcasts.exceptions import WrongState
from broadcasts.mediums import ADDRESS_FIELDS, AddressField, Medium, stored_key
from broadcasts.models import Channel, Contact, Delivery, Inbound, Keyword
from broadcasts.transports import InboundMessage

from .keywords import obey, source_of

ANSWERED_WITHIN = timedelta(days=7)  # after it was sent, a reply that names no copy answers the last one
SKEW = timedelta(minutes=1)  # by which a provider's clock may be behind ours
LONGEST_TEXT = 10_000  # characters of a reply that are kept
LONGEST_PAYLOAD = 20_000  # characters in JSON; a longer payload is not kept
OLDEST = timedelta(days=30)  # before now, that anything told may have happened
RECENT = 20  # copies of one person on one channel that are looked at

Key = tuple[int, str, str]  # organization, name of the address field, key of the address


class ReplyBatch:
    """The replies of one transaction."""

    def __init__(self, told: Sequence[tuple[Channel, InboundMessage]], now: datetime) -> None:
        self.told = told
        self.now = now
        self.rows: list[Inbound] = []

    @property
    def places(self) -> list[tracking.Place]:
        """Where the copies are that the replies name."""
        return [(channel.pk, known) for channel, reply in self.told if (known := tracking.known_as(reply.answers))]

    def look_up(self, found: Mapping[tracking.Place, int]) -> set[int]:
        """Make the rows; return the ids of the people that wrote, whose rows have to be locked before `take_in`."""
        if not self.told:
            return set()
        copies = Delivery.objects.select_related("message")
        by_key = tracking.find_by_key({(channel.pk, reply.key): reply.key for channel, reply in self.told if reply.key})
        answered = copies.in_bulk([*by_key.values(), *(found[place] for place in self.places if place in found)])
        people = self._people()
        for channel, reply in self.told:
            known = found.get((channel.pk, tracking.known_as(reply.answers)), 0)
            copy = answered.get(by_key.get((channel.pk, reply.key), known))
            key = _key(channel, reply.address)
            person = (copy and (copy.contact_id or copy.merged_into)) or (people.get(key) if key else None)
            at = moment_of(reply.at, self.now)
            if copy is None and person and key:
                copy = _last_copy(channel, person, key, at)
            self.rows.append(_row(channel, reply, at, person, copy))
        return {row.contact_id for row in self.rows if row.contact_id}

    def take_in(self, people: Mapping[int, Contact | None]) -> list[tracking.Fact]:
        """Store the rows that are new, obey their keywords, and return the facts that they are."""
        if any(row.contact_id and people[row.contact_id] is None for row in self.rows):
            raise WrongState("Somebody who replied was merged or deleted at this moment.")
        # In one order, or two workers that store the same replies could wait for each other in a circle.
        self.rows.sort(key=lambda row: (row.channel_id, row.provider_id))
        Inbound.objects.bulk_create(self.rows, ignore_conflicts=True)
        stored = dict(Inbound.objects.filter(uuid__in=[row.uuid for row in self.rows]).values_list("uuid", "pk"))
        fresh = [row for row in self.rows if row.uuid in stored]
        facts = [tracking.Fact(row.delivery_id, "replied", row.at) for row in fresh if row.delivery_id and row.at]
        for row in sorted(fresh, key=lambda row: (row.contact_id or 0, row.address)):
            row.pk = stored[row.uuid]
            person = people[row.contact_id] if row.contact_id else None
            is_own = _is_from(row, person)
            if obey(row, person if is_own else None) == Keyword.STOP and is_own and row.delivery_id and row.at:
                told = {"source": source_of(row, Keyword.STOP)}
                facts.append(tracking.Fact(row.delivery_id, "unsubscribed", row.at, detail=told, is_withdrawn=True))
        return facts

    def _people(self) -> dict[Key, int]:
        """Return the contacts that have the addresses, by one query for each organization and field."""
        keys: dict[tuple[int, str], set[str]] = defaultdict(set)
        for channel, reply in self.told:
            if key := _key(channel, reply.address):
                keys[key[:2]].add(key[2])
        found: dict[Key, int] = {}
        for (organization, name), wanted in keys.items():
            column = ADDRESS_FIELDS[name].key
            rows = Contact.objects.for_organization(organization).filter(**{f"{column}__in": wanted})
            found |= {(organization, name, key): pk for key, pk in rows.values_list(column, "pk")}
        return found


def moment_of(told: datetime | None, now: datetime) -> datetime:
    """Return when something happened that a provider told: at most 30 days ago, and never in the future.

    No time is now, and a time without a zone is in UTC. Databases do not read back each time that they store.
    """
    if told is None:
        return now
    try:
        return max(now - OLDEST, min(told if told.utcoffset() is not None else told.replace(tzinfo=UTC), now))
    except OverflowError:  # the first or the last hours that Python knows, in another zone
        return now


def _row(channel: Channel, reply: InboundMessage, at: datetime, person: int | None, copy: Delivery | None) -> Inbound:
    payload = storable(reply.payload)
    return Inbound(
        organization=channel.organization,
        channel=channel,
        contact_id=person,
        delivery=copy,
        broadcast_id=copy.message.broadcast_id if copy else None,
        address=storable(reply.address)[:320],
        at=at,
        text=storable(reply.text)[:LONGEST_TEXT],
        payload=payload if len(json.dumps(payload)) <= LONGEST_PAYLOAD else {},
        provider_id=tracking.known_as(reply.provider_id),
    )


def _is_from(reply: Inbound, person: Contact | None) -> bool:
    """Tell whether a reply is from its copy's address or one of the person's own: anybody may name a copy."""
    if reply.channel and reply.channel.medium == Medium.WHATSAPP:
        return True  # Meta signs both, and writes some numbers otherwise than they are stored, such as those of Mexico
    key = _stored_key(reply.address)
    copied = _stored_key(reply.delivery.address) if reply.delivery else None
    own = [getattr(person, field.key) for field in ADDRESS_FIELDS.values()] if person else []
    return key is not None and key in (copied, *own)


def _stored_key(address: str) -> str | None:
    try:
        return stored_key(address)
    except ValidationError:
        return None


def _key(channel: Channel, address: str) -> Key | None:
    """Return how an address of the kind that a channel sends to is found; None for what is no address."""
    field = ADDRESS_FIELDS.get(channel.contact_field)
    key = field and _normalised(field, storable(address))
    return (channel.organization_id, field.name, key) if field and key else None


def _normalised(field: AddressField, address: str) -> str | None:
    try:
        return field.normalise(address)
    except ValidationError:
        return None


def _last_copy(channel: Channel, person: int, key: Key, at: datetime) -> Delivery | None:
    """Return the last copy that was sent to an address on a channel within the days before a reply.

    That may be one which a worker is still handing over: people and providers can be faster than its window.
    """
    _, name, wanted = key
    copies = Delivery.objects.of([Contact(pk=person)]).filter(message__channel=channel).select_related("message")
    sent = copies.filter(sent_at__gte=at - ANSWERED_WITHIN, sent_at__lte=at + SKEW).order_by("-sent_at")
    in_hand = copies.under_way().filter(created__lte=at + SKEW).order_by("-pk")
    for copy in (*in_hand[:RECENT], *sent[:RECENT]):
        if _normalised(ADDRESS_FIELDS[name], copy.address) == wanted:
            return copy
    return None
