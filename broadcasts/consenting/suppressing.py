"""The suppression list: write suppressions, and lift those that follow from a contact's own decision."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone

from broadcasts.mediums import address_hash, stored_key
from broadcasts.models import Contact, Medium, Organization, OrganizationQuerySet, Suppression, UseCase

# What a suppression stops: its use case, "" for all, and its end, None for never.
Extent = tuple[str, datetime | None]


@dataclass(frozen=True, slots=True)
class Stop:
    """An address to suppress for everything, with the report that made it."""

    organization: Organization
    medium: str
    address: str
    reason: str
    source: str
    delivery: int | None = None
    report: Mapping[str, str] | None = None
    expires_at: datetime | None = None

    def row(self, digest: str, *, is_erased: bool) -> Suppression:
        return Suppression(
            organization=self.organization,
            medium=self.medium,
            address_hash=digest,
            address="" if is_erased else self.address.strip(),
            reason=self.reason,
            source=self.source[:255],
            expires_at=self.expires_at,
            delivery=None if is_erased else self.delivery,
            report=None if is_erased or not self.report else dict(self.report),
        )


def suppress(
    organization: Organization,
    medium: str,
    address: str,
    reason: str,
    use_case: str = "",
    source: str = "",
    *,
    delivery: int | None = None,
    report: Mapping[str, str] | None = None,
    expires_at: datetime | None = None,
) -> Suppression | None:
    """Suppress an address and return the suppression; None if the text is not an address.

    There is one suppression for each reason, which keeps the report that made it. A second one for another use case
    makes it stop all; it ends when the later of the two ends. Erased addresses are stored by their hash only.
    """
    digest = hash_of(address)
    if digest is None:
        return None
    place = {"organization": organization, "medium": medium, "address_hash": digest}
    erased = Suppression.Cause.ERASED
    is_erased = reason == erased or Suppression.objects.filter(**place, reason=erased).exists()
    stop = Stop(organization, medium, address, reason, source, delivery, report, expires_at)
    made = stop.row(digest, is_erased=is_erased)
    told = {name: getattr(made, name) for name in ("address", "source", "expires_at", "delivery", "report")}
    suppression, created = Suppression.objects.get_or_create(
        **place, reason=reason, defaults={**told, "use_case": use_case}
    )
    known = suppression.use_case, suppression.expires_at
    if not created and (both := stricter(known, (use_case, expires_at))) != known:
        suppression.use_case, suppression.expires_at = both
        suppression.save(update_fields=["use_case", "expires_at", "modified"])
    return suppression


def stricter(one: Extent, other: Extent) -> Extent:
    """Return what two suppressions of an address for one reason stop together, and when the later one ends."""
    use_case = one[0] if one[0] == other[0] else ""
    return use_case, max(one[1], other[1]) if one[1] and other[1] else None


def suppress_all(stops: Iterable[Stop]) -> None:
    """Suppress many addresses, as `suppress` does each, in few statements per organization, medium and reason."""
    groups: dict[tuple[Organization, str, str, datetime | None], dict[str, Stop]] = defaultdict(dict)
    for stop in stops:
        if digest := hash_of(stop.address):
            groups[stop.organization, stop.medium, stop.reason, stop.expires_at].setdefault(digest, stop)
    # In one order for all: two workers that suppress the same addresses must not wait for each other in a circle.
    for group, told in sorted(groups.items(), key=lambda one: (one[0][0].pk, *one[0][1:3])):
        _suppress_group(*group, told)


def _suppress_group(
    organization: Organization, medium: str, reason: str, until: datetime | None, told: Mapping[str, Stop]
) -> None:
    same = Suppression.objects.for_organization(organization).filter(medium=medium, address_hash__in=told)
    erased = set(same.filter(reason=Suppression.Cause.ERASED).order_by().values_list("address_hash", flat=True))
    made = [told[digest].row(digest, is_erased=digest in erased) for digest in sorted(told)]
    Suppression.objects.bulk_create(made, ignore_conflicts=True)
    known = same.filter(reason=reason)
    if until is None:
        wider = known.filter(~Q(use_case="") | Q(expires_at__isnull=False))
        wider.update(use_case="", expires_at=None, modified=timezone.now())
    else:
        known.filter(expires_at__lt=until).update(use_case="", expires_at=until, modified=timezone.now())


def blocking(contact: Contact, medium: str, use_case: str) -> OrganizationQuerySet[Suppression]:
    """Return the suppressions that stop messages of a use case to a contact's addresses on a medium."""
    rows = Suppression.objects.for_organization(contact.organization_id)
    # Of all addresses, since each channel has its own setting for which of them it sends to.
    own = rows.filter(medium=medium, address_hash__in=contact.hashes)
    return own.filter(Q(use_case="") | Q(use_case=use_case))


def lift(contact: Contact, medium: str, use_case: str) -> None:
    """Lift the contact's own unsubscription from a use case; other reasons stay."""
    own = blocking(contact, medium, use_case).filter(reason=Suppression.Cause.UNSUBSCRIBE)
    own.filter(use_case=use_case).delete()
    own.filter(use_case="").update(use_case=next(other for other in UseCase.values if other != use_case))


def address_of(contact: Contact, medium: str) -> str:
    """Return a contact's address on a medium; "" if it has none."""
    own = Medium(medium).own
    return getattr(contact, own.name) if own else ""


def hash_of(address: str) -> str | None:
    """Return the hash by which suppressions store an address; None if the text is not an address."""
    try:
        return address_hash(stored_key(address))
    except ValidationError:
        return None
