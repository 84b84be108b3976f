"""Erase a contact (GDPR article 17), but keep the statistics and the suppressions.

Its deliveries stay without contact, address and error, so that all numbers stay the same; suppressions stay with the
hash of the address only. Not erased: dry runs of imports and lists of refused rows (`prune` deletes them), responses
kept for repeated requests (24 hours), rules and texts in which staff wrote an address by hand, backups, and the logs of
mail servers.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from urllib.parse import unquote_plus

from django.db import transaction
from django.db.models import Q, QuerySet

from broadcasts import consenting, sending, tallying, wiping
from broadcasts.mediums import ADDRESS_FIELDS, SENT_TO
from broadcasts.models import (
    AuditEntry,
    Broadcast,
    Channel,
    Contact,
    Delivery,
    DeliveryAttempt,
    DeliveryEvent,
    EarlyFact,
    EventCall,
    EventSubscription,
    Hit,
    Inbound,
    Medium,
    Message,
    Organization,
    ProviderRef,
    StoredCall,
    Suppression,
    User,
)

from .audit_labels import CALLED_BY_NAME, forget_labels, forget_name
from .delete import take_out

CHUNK = 1000
CALLS = 20  # of up to a megabyte
GONE = "(erased)"


@dataclass
class Trace:
    """The addresses and hashes by which a contact is found in places without a foreign key to it."""

    contact: Contact
    addresses: set[str] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)

    @property
    def organization(self) -> Organization:
        return self.contact.organization

    def in_text(self, column: str) -> Q:
        """Return the clause for rows whose text or JSON column contains one of the addresses."""
        condition = Q(pk=None)
        for address in self.addresses:
            for spelling in {address, json.dumps(address)[1:-1]}:  # as JSON is stored in SQLite
                condition |= Q(**{f"{column}__icontains": spelling})
        return condition

    def cut_from(self, text: str) -> str:
        if not self.addresses:
            return text
        spellings = sorted(self.addresses, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, spellings)), GONE, text, flags=re.IGNORECASE)

    def is_in(self, address: str) -> bool:
        """Return whether an address, such as mailto:joe@example.com, is one of this contact."""
        scheme, colon, value = address.partition(":")
        if scheme == "ext" and colon:
            return value == self.contact.external_id
        return consenting.hash_of(value if colon else address) in self.hashes


def erase(contact: Contact, *, by: User | None = None, source: str = "") -> None:
    """Erase a contact everywhere; from the first step on nothing is sent to it, also if it is imported again.

    It works in chunks, so that it can be interrupted and called again; for a deleted contact it does nothing.
    """
    trace = _stop(contact)
    if trace is None:
        return
    _blank_suppressions(trace)
    _clean_broadcasts(trace)
    _clean_texts(trace)
    n = _blank_deliveries(trace)
    with transaction.atomic():
        held = Contact.objects.select_for_update(of=("self",)).filter(pk=contact.pk)
        list(held.values_list("pk"))  # locked first: concurrent opt-outs refer to the row
        Inbound.objects.filter(contact=contact).delete()
        gone, _ = Contact.objects.filter(pk=contact.pk).delete()
        if gone:
            nameless = Contact(pk=contact.pk, uuid=contact.uuid)
            detail = {"deliveries": n, "source": source}
            AuditEntry.write(nameless, "erase", organization=trace.organization, user=by, **detail)
    with transaction.atomic():
        # An expansion that had read the contact may have created a delivery since.
        sending.hold_expansions(trace.organization)
        _blank_deliveries(trace)
    wiping.wipe()


@transaction.atomic
def _stop(contact: Contact) -> Trace | None:
    """Suppress all addresses of the contact and return its trace; None if it was deleted."""
    rows = Contact.objects.select_for_update(of=("self",)).select_related("organization")
    found = rows.filter(pk=contact.pk).first()
    if found is None:
        return None
    Contact.objects.filter(pk=found.pk).update(status=Contact.Status.BLOCKED)
    # On each medium that reaches an address, also for future channels.
    reached: set[tuple[str, str]] = {(medium, one.name) for medium in Medium for one in medium.reaches}
    reached |= {(one.medium, one.contact_field) for one in Channel.objects.for_organization(found.organization_id)}
    Suppression.objects.bulk_create(
        [
            Suppression(organization=found.organization, medium=medium, address_hash=digest, reason="erased")
            for medium, name in sorted(reached)
            if (digest := getattr(found, SENT_TO[name].hash))
        ],
        ignore_conflicts=True,
    )
    return _trace(found)


def _trace(contact: Contact) -> Trace:
    """Collect the addresses of the contact, and its past ones that no other contact has now."""
    trace = Trace(contact)
    trace.addresses = {getattr(contact, name) for name in ADDRESS_FIELDS} - {""}
    trace.hashes = contact.hashes
    past = Delivery.objects.of([contact]).exclude(address="").values_list("address", flat=True).distinct()
    for address in set(past) - trace.addresses:
        digest = consenting.hash_of(address)
        of_others = reduce(or_, (Q(**{one.hash: digest}) for one in SENT_TO.values()))
        others = Contact.objects.for_organization(contact.organization_id).exclude(pk=contact.pk)
        if digest and not others.filter(of_others).exists():
            trace.addresses.add(address)
            trace.hashes.add(digest)
    return trace


def _blank_suppressions(trace: Trace) -> None:
    """Blank the addresses of suppressions, and the reports that made them; their hashes stay."""
    # With all mediums, since the index begins with the medium.
    rows = Suppression.objects.for_organization(trace.organization).filter(
        medium__in=Medium.values, address_hash__in=trace.hashes
    )
    forget_labels(trace.contact, Suppression, rows)
    known = ~Q(address="") | Q(report__isnull=False) | Q(delivery__isnull=False)
    rows.filter(known).update(address="", report=None, delivery=None)


def _clean_broadcasts(trace: Trace) -> None:
    """Remove the contact and its addresses from the audience and preview of broadcasts."""
    contact = trace.contact
    named = trace.in_text("audience_preview") | trace.in_text("addresses")
    if contact.external_id:
        named |= Q(addresses__icontains=json.dumps(f"ext:{contact.external_id}")[1:-1])
    chosen = Q(retarget_of__isnull=False, contacts=contact)
    own = Broadcast.objects.for_organization(trace.organization)
    for pk in own.filter(named | chosen).values_list("pk", flat=True).distinct():
        with transaction.atomic():
            broadcast = Broadcast.objects.select_for_update(of=("self",), no_key=True).get(pk=pk)
            broadcast.audience_preview = [one for one in broadcast.audience_preview if not trace.is_in(one)]
            broadcast.addresses = [one for one in broadcast.addresses if not trace.is_in(one)]
            take_out(broadcast, contact)
            broadcast.save(update_fields=["audience_preview", "addresses", "query"])


def _clean_texts(trace: Trace) -> None:
    """Remove names and addresses from audit entries, error messages and other texts."""
    contact = trace.contact
    forget_labels(contact, Contact, Contact.objects.filter(pk=contact.pk))
    for model in CALLED_BY_NAME:
        forget_labels(contact, model, model._default_manager.filter(contact=contact))
    forget_name(contact)
    audit = AuditEntry.objects.for_organization(trace.organization)
    audit.filter(trace.in_text("label")).update(label=GONE)
    EarlyFact.objects.for_organization(trace.organization).filter(trace.in_text("detail")).delete()
    _forget_calls(trace)
    for rows, column in (
        (audit, "detail"),
        (Broadcast.objects.for_organization(trace.organization), "extra"),
        (Message.objects.for_organization(trace.organization), "extra"),
        (Channel.objects.for_organization(trace.organization), "alerts"),
    ):
        for pk, value in rows.filter(trace.in_text(column)).values_list("pk", column):
            rows.filter(pk=pk).update(**{column: json.loads(trace.cut_from(json.dumps(value, ensure_ascii=False)))})
    for told, column in (
        (Broadcast.objects.for_organization(trace.organization), "error_message"),
        (Channel.objects.for_organization(trace.organization), "last_error"),
        (EventSubscription.objects.for_organization(trace.organization), "last_error"),
        (EventCall.objects.for_organization(trace.organization), "answer"),  # a receiver may repeat what it was told
    ):
        for pk, text in told.filter(trace.in_text(column)).values_list("pk", column):
            told.filter(pk=pk, **{column: text}).update(**{column: trace.cut_from(text)})


def _forget_calls(trace: Trace) -> None:
    """Delete replies from the addresses that no contact had, and calls that name them and are not applied yet."""
    written = {address.lstrip("+") for address in trace.addresses}
    spelled = [*written, *(f"+{address}" for address in written)]
    Inbound.objects.for_organization(trace.organization).filter(contact=None, address__in=spelled).delete()
    looked_for = {one.casefold() for address in written for one in (address, json.dumps(address)[1:-1])}
    for call in StoredCall.objects.for_organization(trace.organization).iterator(CALLS):
        told = f"{call.url}\n{bytes(call.body).decode(errors='replace')}"
        told = f"{told}\n{unquote_plus(told)}".casefold()
        if any(address in told for address in looked_for):
            call.delete()


def _blank_deliveries(trace: Trace) -> int:
    """Blank the contact's deliveries, and those that a merge or a deletion left with its address only."""
    own = Delivery.objects.of([trace.contact])
    left = Delivery.objects.for_organization(trace.organization).filter(contact=None, address__in=trace.addresses)
    return sum(_blank(rows) for rows in (own, left))


def _blank(rows: QuerySet[Delivery]) -> int:
    n = 0
    while chunk := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        _blank_chunk(chunk)
        n += len(chunk)
    return n


@transaction.atomic
def _blank_chunk(pks: Iterable[int]) -> None:
    domains = tallying.domains_of(pks)
    # Deliveries first: once they are locked, all rows that a worker wrote beside them are visible. Counts come last in
    # every transaction, or it and a report about these copies could wait for each other.
    Delivery.objects.filter(pk__in=pks).update(contact=None, merged_into=None, address="", error="")
    DeliveryEvent.objects.filter(delivery__in=pks).exclude(detail={}).update(detail={})
    DeliveryAttempt.objects.filter(delivery__in=pks).exclude(words="").update(words="")
    Hit.objects.filter(delivery__in=pks).delete()
    ProviderRef.objects.filter(delivery__in=pks).delete()
    Inbound.objects.filter(delivery__in=pks).delete()
    tallying.forget_domains(domains)
