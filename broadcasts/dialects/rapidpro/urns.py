"""URNs, such as tel:+250788123123: RapidPro's form of our addresses."""

from collections.abc import Iterable
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from rest_framework import serializers
from rest_framework.exceptions import ParseError

from broadcasts import audience
from broadcasts.models import Contact, Organization

SAME = {"bsuid": "whatsapp"}  # what a newer scheme is here
INVALID = "Invalid URN: {}"
NO_COUNTRY = ". Ensure phone numbers contain country codes."


def parse(urn: str, organization: Organization) -> tuple[str, str, str]:
    """Return (scheme, address as a contact stores it, key that it is looked up by); raises ValidationError."""
    scheme, colon, path = urn.strip().partition(":")
    scheme = scheme.lower()
    scheme, value, key = audience.parse_address(f"{SAME.get(scheme, scheme)}{colon}{path}", organization)
    return scheme, value.lower() if scheme == "mailto" else value, key


class RapidProUrnField(serializers.CharField):
    """A URN in its normalised form."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        urn = super().to_internal_value(data)
        if len(urn) > (self.max_length or 0):
            return urn  # its validator says so
        return normalised(urn, self.context["organization"])


def normalised(urn: str, organization: Organization) -> str:
    """Return a URN in its normalised form; raises the serializers' ValidationError."""
    try:
        scheme, value, _ = parse(urn, organization)
    except ValidationError:
        raise serializers.ValidationError(INVALID.format(urn) + NO_COUNTRY) from None
    return f"{scheme}:{value}"


def urns_of(contact: Contact) -> list[str]:
    """Return the addresses of a contact as URNs, the phone number first."""
    found = {field: getattr(contact, field) for field, _ in audience.SCHEMES.values()}
    return list(audience.uris(found).values())


def find_urns(urns: Iterable[str], organization: Organization) -> dict[str, Contact]:
    """Return {URN as it was given: the contact that has it}, in one query."""
    keys: dict[str, tuple[str, str]] = {}
    for urn in urns:
        with suppress(ValidationError):
            scheme, _, key = parse(urn, organization)
            keys[urn] = (audience.SCHEMES[scheme][1], key)
    clause = reduce(or_, (Q(**{column: key}) for column, key in set(keys.values())), Q(pk=None))
    rows = Contact.objects.for_organization(organization).filter(clause) if keys else []
    found = {(column, getattr(one, column)): one for one in rows for _, column in audience.SCHEMES.values()}
    return {urn: found[place] for urn, place in keys.items() if place in found}


def having(urn: str, organization: Organization) -> Q:
    """Return the clause for the contact that has the URN of an address; raises ParseError for one that is none."""
    try:
        scheme, _, key = parse(urn, organization)
    except ValidationError:
        raise ParseError(INVALID.format(urn)) from None
    return Q(**{audience.SCHEMES[scheme][1]: key})
