"""Search by a complete key or by words."""

import contextlib
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from broadcasts.audience import search_clause
from broadcasts.database import as_id
from broadcasts.mediums import ADDRESS_FIELDS
from broadcasts.models import Organization

LIMIT = 1000


def as_uuid(term: str) -> UUID | None:
    try:
        return UUID(term)
    except ValueError:
        return None


def find_contacts(contacts: QuerySet, term: str, limit: int = LIMIT) -> list[int]:
    """Return the ids of contacts that a term names by a key or an address, or whose words begin as its words do.

    Keys and whole addresses are asked for first, each by its own index; a superuser's search names all
    organizations, because every index begins with one.
    """
    if uuid := as_uuid(term):
        return list(contacts.filter(uuid=uuid).values_list("pk", flat=True))
    contacts = contacts.filter(organization__in=Organization.objects.values_list("pk", flat=True)).order_by()
    found = _ids(contacts, _exactly(term), limit)
    if not (found and "@" in term):
        found |= _ids(contacts, [search_clause(term)], limit)
    return list(found)[:limit]


def _ids(contacts: QuerySet, conditions: list[Q], limit: int) -> dict[int, None]:
    found: dict[int, None] = {}
    for condition in conditions:
        found.update(dict.fromkeys(contacts.filter(condition).values_list("pk", flat=True)[:limit]))
    return found


def _exactly(term: str) -> list[Q]:
    conditions = [Q(external_id=term)]
    if pk := as_id(term):
        conditions.append(Q(pk=pk))
    for one in ADDRESS_FIELDS.values():
        with contextlib.suppress(ValidationError):
            if not one.is_number:  # those are found by a part of them
                conditions.append(Q(**{one.key: one.normalise(term) or ""}))
    return conditions
