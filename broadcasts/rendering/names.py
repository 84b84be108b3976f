"""The names that templates may use, and their values for one recipient."""

import json
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from broadcasts import links
from broadcasts.models import Attribute, Broadcast, Contact, Organization

# The personal links of a copy, each made from the token of its delivery.
LINKS: dict[str, Callable[[str], str]] = {
    "unsubscribe_url": links.unsubscribe_url,
    "preferences_url": links.preferences_url,
    "web_url": links.web_url,
}
ROOTS = ("contact", "organization", "globals", "broadcast", *LINKS, "language", "now", "today")

LONG_TEXT = "Long text, with “quotes” & <signs>. " * 28  # about 1,000 characters
LONG_LIST = [f"entry {number}" for number in range(1_000)]

# Attribute values for trial renderings; a text often contains a number, so its sample is valid as both.
SAMPLES = {
    Attribute.Type.TEXT: "1",
    Attribute.Type.NUMBER: 1,
    Attribute.Type.BOOLEAN: True,
    Attribute.Type.DATE: "2030-01-31",
    Attribute.Type.DATETIME: "2030-01-31T12:00:00+00:00",
    Attribute.Type.LIST: ["1"],
}


@dataclass(slots=True)
class ContactSnapshot:
    """The columns of a contact that content may use; making a Contact instance would take much longer.

    The fields are the columns to read, in their order; `uuid_` is as the database driver returns it.
    """

    uuid_: UUID | str
    full_name: str
    email: str
    phone: str
    language: str
    external_id: str | None
    no_tracking: bool
    attributes: Any
    details: Any = None  # what only expressions use, which `ExpressionScope.load` reads for many

    @property
    def uuid(self) -> UUID:
        return self.uuid_ if isinstance(self.uuid_, UUID) else UUID(self.uuid_)

    @classmethod
    def columns(cls) -> list[str]:
        """Return the columns of a contact in the order that `of_rows` expects."""
        return [field.name.rstrip("_") for field in fields(cls) if field.default is MISSING]

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[Any]]) -> "list[ContactSnapshot | None]":
        """Return snapshots from the values of `columns()`; None for a contact that was erased."""
        # One call of the decoder: for each row its set-up would take longer than what it reads.
        decoded = json.loads(f"[{','.join([row[-1] or 'null' for row in rows])}]")
        return [
            None if row[0] is None else cls(*[*row[:-1], attributes])
            for row, attributes in zip(rows, decoded, strict=True)
        ]


def uuid_of(contact: Contact | ContactSnapshot) -> str:
    """Return the UUID of a contact; "" for an example that is not stored, which has another one each time."""
    is_example = isinstance(contact, Contact) and contact._state.adding
    return "" if is_example else str(contact.uuid)


@lru_cache(2048)
def first_name(name: str) -> str:
    return next(iter(name.split(maxsplit=1)), "")


# The names below `contact` besides the attributes; an attribute with the same name does not hide them.
VALUES: dict[str, Callable[[Contact | ContactSnapshot], object]] = {
    "name": attrgetter("full_name"),
    "full_name": attrgetter("full_name"),
    "first_name": lambda contact: first_name(contact.full_name),
    "email": attrgetter("email"),
    "phone": attrgetter("phone"),
    "language": attrgetter("language"),
    "external_id": lambda contact: contact.external_id or "",
    "uuid": uuid_of,
}
CONTACT = (*VALUES, "attributes")


def attributes_of(contact: Contact | ContactSnapshot) -> dict[str, Any]:
    return contact.attributes if isinstance(contact.attributes, dict) else {}


def shared_values(organization: Organization, broadcast: Broadcast) -> dict[str, object]:
    """Return the values that are equal for all recipients of a broadcast."""
    settled = organization.globals if isinstance(organization.globals, dict) else {}
    fixed = {"name": organization.name, "postal_address": organization.postal_address}
    return {
        "organization": {**settled, **fixed},
        "globals": settled,
        "broadcast": {"name": broadcast.name, "uuid": str(broadcast.uuid)},
    }


def contact_values(contact: Contact | ContactSnapshot | None) -> dict[str, object]:
    """Return the values below `contact`; an attribute never hides a name of VALUES."""
    if contact is None:
        return {}
    attributes = attributes_of(contact)
    return {**attributes, "attributes": attributes, **{name: read(contact) for name, read in VALUES.items()}}


def known_names(organization: Organization) -> dict[str, frozenset[str] | None]:
    """Return {root: names below it} that templates of an organization may use; None for a root without any."""
    attributes = frozenset(Attribute.objects.for_organization(organization).values_list("key", flat=True))
    settled = frozenset(organization.globals if isinstance(organization.globals, dict) else ())
    return {
        **dict.fromkeys(ROOTS),
        "contact": attributes.union(CONTACT),
        "contact.attributes": attributes,
        "organization": settled | {"name", "postal_address"},
        "globals": settled,
        "broadcast": frozenset({"name", "uuid"}),
    }


# Samples for the longest values; for other types the length does not matter.
LONG_SAMPLES = {**SAMPLES, Attribute.Type.TEXT: LONG_TEXT, Attribute.Type.LIST: LONG_LIST}


def sample_values(organization: Organization) -> list[dict[str, object]]:
    """Return values for trial renderings, of each of `sample_contacts`."""
    return [_sample(organization, contact) for contact in sample_contacts(organization)]


def sample_contacts(organization: Organization) -> list[Contact]:
    """Return contacts for trial renderings: an ordinary one, an empty one, and one with very long values.

    The first one has a value for every name.
    """
    types = dict(Attribute.objects.for_organization(organization).values_list("key", "type"))
    ordinary, long = (
        {key: samples.get(Attribute.Type(kind), samples[Attribute.Type.TEXT]) for key, kind in types.items()}
        for samples in (SAMPLES, LONG_SAMPLES)
    )
    return [
        Contact(full_name="Alex Example", email="alex@example.com", phone="+15550100", attributes=ordinary),
        Contact(),
        Contact(full_name=LONG_TEXT[:255], email="alex@example.com", phone="+15550100", attributes=long),
    ]


def _sample(organization: Organization, contact: Contact) -> dict[str, object]:
    contact.language = organization.primary_language
    return {
        **shared_values(organization, Broadcast(name="Broadcast")),
        "contact": contact_values(contact),
        **dict.fromkeys(LINKS, "https://example.com/u/"),
        "language": organization.primary_language,
    }
