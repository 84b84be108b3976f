"""The list of addresses that must not be reached, as far as people's own yes and no concern it."""

from django.core.exceptions import ValidationError
from django.db.models import Q

from broadcasts.mediums import address_hash, stored_key
from broadcasts.models import Contact, Medium, Organization, OrganizationQuerySet, Suppression, UseCase


def suppress(
    organization: Organization, medium: str, address: str, reason: str, use_case: str = "", source: str = ""
) -> Suppression | None:
    """Remember that an address must not be reached; None when it is no address.

    For the same reason there is one suppression, which stops what any of them would. What was erased is kept by its
    hash alone.
    """
    digest = hash_of(address)
    if digest is None:
        return None
    place = {"organization": organization, "medium": medium, "address_hash": digest}
    erased = Suppression.Cause.ERASED
    is_erased = reason == erased or Suppression.objects.filter(**place, reason=erased).exists()
    shown = "" if is_erased else address.strip()
    suppression, created = Suppression.objects.get_or_create(
        **place, reason=reason, defaults={"address": shown, "use_case": use_case, "source": source[:255]}
    )
    if not created and suppression.use_case not in ("", use_case):
        suppression.use_case = ""
        suppression.save(update_fields=["use_case", "modified"])
    return suppression


def blocking(contact: Contact, medium: str, use_case: str) -> OrganizationQuerySet[Suppression]:
    """Return the suppressions that keep messages of a use case from a contact's addresses on a medium."""
    rows = Suppression.objects.for_organization(contact.organization_id)
    # By any address: which of them a channel sends to is its own setting.
    own = rows.filter(medium=medium, address_hash__in=contact.hashes)
    return own.filter(Q(use_case="") | Q(use_case=use_case))


def lift(contact: Contact, medium: str, use_case: str) -> None:
    """Take back the person's own unsubscribing from a use case, and nothing else."""
    own = blocking(contact, medium, use_case).filter(reason=Suppression.Cause.UNSUBSCRIBE)
    own.filter(use_case=use_case).delete()
    own.filter(use_case="").update(use_case=next(other for other in UseCase.values if other != use_case))


def address_of(contact: Contact, medium: str) -> str:
    """Return a contact's own address on a medium; "" for none."""
    own = Medium(medium).own
    return getattr(contact, own.name) if own else ""


def hash_of(address: str) -> str | None:
    """Return what suppressions know a stored address by; None when it is no address."""
    try:
        return address_hash(stored_key(address))
    except ValidationError:
        return None
