"""Searches that an index answers: whole keys and beginnings, never a substring of a million rows."""

import contextlib
from collections.abc import Iterator
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Q, QuerySet

from broadcasts.models import Organization, email_key, phone_key

LIMIT = 1000


def starts_with(queryset: QuerySet, field: str, beginning: str) -> Q:
    """Match a beginning, by its case, in the way that an index of this database answers."""
    if connections[queryset.db].vendor == "sqlite":
        # Its LIKE never uses an index of the default collation; a range does.
        return Q(**{f"{field}__gte": beginning, f"{field}__lt": beginning + "\U0010ffff"})
    return Q(**{f"{field}__startswith": beginning})


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
    found: dict[int, None] = {}
    for condition in _ways(contacts, term):
        if len(found) < limit:
            found.update(dict.fromkeys(contacts.filter(condition).values_list("pk", flat=True)[:limit]))
    return list(found)[:limit]


def _ways(contacts: QuerySet, term: str) -> Iterator[Q]:
    digits = phone_key(term) or ""
    if pk := as_id(term):
        yield Q(pk=pk)
    yield Q(external_id=term)
    yield Q(whatsapp_key=term)
    if "@" in term:
        with contextlib.suppress(ValidationError):
            yield Q(email_key=email_key(term))
    yield starts_with(contacts, "email_key", term.casefold())
    if len(digits) > 3 and len(digits) >= len(term) - 4:
        yield starts_with(contacts, "phone_key", digits)
    for spelling in dict.fromkeys([term, term.capitalize(), term.title(), term.lower(), term.upper()]):
        yield starts_with(contacts, "full_name", spelling)
