"""Contacts as CSV, with headers that importing accepts."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from broadcasts.models import Attribute, Contact, Organization

from .cells import CHUNK, cell, csv_text

COLUMNS = {
    **{name: name for name in ("external_id", *(name for name in Contact.PROFILE if name != "external_id"))},
    "no_tracking": "no_tracking",
    # Importing ignores these.
    **{f"contact.{name}": name for name in ("uuid", "status", "created", "last_seen_at")},
}


def contacts_csv(contacts: QuerySet[Contact], organizations: Iterable[Organization | int]) -> Iterator[str]:
    """Yield contacts as chunks of CSV text, with a column for each attribute of their organizations."""
    known = Attribute.objects.filter(organization__in=list(organizations))
    keys = list(known.order_by("key").values_list("key", flat=True).distinct())
    return csv_text([*COLUMNS, *(f"attributes.{key}" for key in keys)], _rows(contacts, keys))


def _rows(contacts: QuerySet[Contact], keys: list[str]) -> Iterator[list[str]]:
    rows: QuerySet[Contact, tuple[Any, ...]] = contacts.values_list(*COLUMNS.values(), "attributes")
    for *values, attributes in rows.iterator(chunk_size=CHUNK):
        yield [*map(cell, values), *(cell(attributes.get(key)) for key in keys)]
