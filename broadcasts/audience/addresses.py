"""The addresses of an audience, as URIs: mailto:, tel:, whatsapp: and ext: (the key of another system)."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from broadcasts import formats
from broadcasts.exceptions import InvalidInput
from broadcasts.mediums import ADDRESS_FIELDS
from broadcasts.models import Contact, Organization

ADDRESSES_LIMIT = 10_000
CHUNK = 500

EXTERNAL = "ext"
FIELDS = {one.scheme: one for one in ADDRESS_FIELDS.values()}
# Scheme -> the contact's field that it fills, and the column it is looked up by.
SCHEMES = {
    **{scheme: (one.name, one.key) for scheme, one in FIELDS.items()},
    EXTERNAL: ("external_id", "external_id"),
}


def uris(addresses: Mapping[str, str | None]) -> dict[str, str]:
    """Return {field: URI} of a contact's addresses, {field: address}: phone, WhatsApp and e-mail before all others."""
    order = dict.fromkeys(["tel", "whatsapp", "mailto", *SCHEMES])
    fields = {scheme: SCHEMES[scheme][0] for scheme in order}
    return {field: f"{scheme}:{addresses[field]}" for scheme, field in fields.items() if addresses.get(field)}


def validate_addresses(addresses: Any, organization: Organization) -> list[str]:
    """Return the addresses in their normalised form without duplicates.

    Raises InvalidInput({"addresses": "addresses[<index>]: what is wrong"}).
    """
    if not isinstance(addresses, list | tuple):
        raise InvalidInput({"addresses": 'Give a list, such as ["mailto:joe@example.com", "tel:+250788123123"].'})
    if len(addresses) > ADDRESSES_LIMIT:
        given, most = formats.number(len(addresses)), formats.number(ADDRESSES_LIMIT)
        raise InvalidInput({"addresses": f"{given} addresses; {most} at most."})
    kept: dict[tuple[str, str], str] = {}
    for i, address in enumerate(addresses):
        try:
            scheme, value, key = parse_address(address, organization)
        except ValidationError as error:
            raise InvalidInput({"addresses": f"addresses[{i}]: {' '.join(error.messages)}"}) from None
        kept.setdefault((scheme, key), f"{scheme}:{value}")
    return list(kept.values())


def parse_address(address: Any, organization: Organization) -> tuple[str, str, str]:
    """Return (scheme, value as stored in the contact's field, key by which the contact is looked up).

    Raises ValidationError.
    """
    if not isinstance(address, str):
        raise ValidationError("must be text, such as mailto:joe@example.com.")
    scheme, colon, value = address.strip().partition(":")
    value = value.strip()
    if not colon or scheme not in SCHEMES:
        accepted = ", ".join(f"{one}:" for one in SCHEMES)
        raise ValidationError(f"“{address[:100]}” does not say what it is; accepted: {accepted} before the address.")
    if not value or "\x00" in value:
        raise ValidationError(f"“{address[:100]}” has nothing after {scheme}: that could be an address.")
    if field := FIELDS.get(scheme):
        value = field.clean(value, organization.country)
        return scheme, value, field.normalise(value) or ""
    if len(value) > 255:
        raise ValidationError(f"“{address[:100]}” is longer than the 255 characters of an external id.")
    return scheme, value, value


def keys_of(addresses: Iterable[str], organization: Organization) -> dict[str, dict[str, str]]:
    """Return {scheme: {lookup key: value as stored}}."""
    found: dict[str, dict[str, str]] = {}
    for address in validate_addresses(addresses, organization):
        scheme, value, key = parse_address(address, organization)
        found.setdefault(scheme, {})[key] = value
    return found


def at_addresses(addresses: Iterable[str], organization: Organization) -> Q:
    """Return the clause for existing contacts that have one of the addresses."""
    clause = Q()
    for scheme, keys in keys_of(addresses, organization).items():
        clause |= Q(**{f"{SCHEMES[scheme][1]}__in": list(keys)})
    return clause


def missing_addresses(addresses: Iterable[str], organization: Organization) -> dict[str, dict[str, str]]:
    """Return {scheme: {lookup key: value}} of the addresses that no contact has."""
    contacts = Contact.objects.for_organization(organization)
    missing: dict[str, dict[str, str]] = {}
    for scheme, keys in keys_of(addresses, organization).items():
        column, wanted = SCHEMES[scheme][1], list(keys)
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            known = set(contacts.filter(**{f"{column}__in": chunk}).values_list(column, flat=True))
            fresh = {key: keys[key] for key in chunk if key not in known}
            if fresh:
                missing.setdefault(scheme, {}).update(fresh)
    return missing


def create_contacts(addresses: Iterable[str], organization: Organization) -> None:
    """Create a contact for each address that no contact has; safe against concurrent calls."""
    for scheme, keys in missing_addresses(addresses, organization).items():
        field = SCHEMES[scheme][0]
        fresh = [Contact(organization=organization, **{field: value}) for value in keys.values()]
        for contact in fresh:
            contact.set_keys()
        Contact.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=CHUNK)
