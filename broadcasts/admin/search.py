"""Searches that an index answers: whole keys and beginnings, never a substring of a million rows."""

import contextlib
from functools import reduce
from operator import or_
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Q, QuerySet

from broadcasts.models import Organization, email_key, phone_key, whatsapp_key

LIMIT = 1000


def as_uuid(term: str) -> UUID | None:
    try:
        return UUID(term)
    except ValueError:
        return None


def as_id(term: str) -> int | None:
    return int(term) if term.isascii() and term.isdigit() and len(term) < 19 else None


def find_contacts(contacts: QuerySet, term: str, limit: int = LIMIT) -> list[int]:
    """Return the ids of contacts whose address, name, key or uuid is, or begins with, this term.

    Each way to find one is a query of its own index; a superuser's search names all organizations,
    because every index begins with one.
    """
    if uuid := as_uuid(term):
        return list(contacts.filter(uuid=uuid).values_list("pk", flat=True))
    contacts = contacts.filter(organization__in=Organization.objects.values_list("pk", flat=True)).order_by()
    found = _ids(contacts, _exactly(term), limit)
    if not (found and "@" in term):
        found |= _ids(contacts, _beginning(contacts, term), limit)
    return list(found)[:limit]


def _ids(contacts: QuerySet, conditions: list[Q], limit: int) -> dict[int, None]:
    found: dict[int, None] = {}
    for condition in conditions:
        found.update(dict.fromkeys(contacts.filter(condition).values_list("pk", flat=True)[:limit]))
    return found


def _exactly(term: str) -> list[Q]:
    conditions = [Q(external_id=term), Q(whatsapp_key=whatsapp_key(term) or "")]
    if pk := as_id(term):
        conditions.append(Q(pk=pk))
    with contextlib.suppress(ValidationError):
        conditions.append(Q(email_key=email_key(term)))
    return conditions


def _beginning(contacts: QuerySet, term: str) -> list[Q]:
    digits = phone_key(term) or ""
    looks = [("email_key", term.casefold())]
    if len(digits) > 3 and len(digits) >= len(term) - 4:
        looks.append(("phone_key", digits))
    spellings = dict.fromkeys([term, term.capitalize(), term.title(), term.lower(), term.upper()])
    looks += [("full_name", spelling) for spelling in spellings]
    if connections[contacts.db].vendor == "sqlite":
        # Its LIKE never uses an index of the default collation; a range does.
        return [Q(**{f"{field}__gte": start, f"{field}__lt": start + "\U0010ffff"}) for field, start in looks]
    # An index in the language's collation cannot answer LIKE, and a range would follow that collation: one scan.
    return [reduce(or_, (Q(**{f"{field}__startswith": start}) for field, start in looks))]
