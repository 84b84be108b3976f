"""The suppression list: write suppressions, and lift those that follow from a contact's own decision."""

from django.core.exceptions import ValidationError
from django.db.models import Q

from broadcasts.mediums import address_hash, stored_key
from broadcasts.models import Contact, Medium, Organization, OrganizationQuerySet, Suppression, UseCase


def suppress(
    organization: Organization, medium: str, address: str, reason: str, use_case: str = "", source: str = ""
) -> Suppression | None:
    """Suppress an address and return the suppression; None if the text is not an address.

    There is one suppression for each reason; a second one for another use case makes it stop all. Erased addresses are
    stored by their hash only.
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
