"""N people with languages and attributes, loaded the fastest way that each database has."""

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from broadcasts.management.progress import bar
from broadcasts.mediums import address_hash
from broadcasts.models import Attribute, Contact, Organization, search_text
from broadcasts.models.base import uuid7

LANGUAGES = ("en", "es")
FIRST = {"en": ("Emma", "Oliver", "Chloë", "Siân", "Noah"), "es": ("Lucía", "Íñigo", "Begoña", "José", "Ana")}
LAST = {"en": ("O'Brien", "Smith", "Müller", "Nguyễn"), "es": ("García", "Muñoz", "Ibáñez", "López")}
CITIES = {"en": ("Dublin", "Leeds", "Bristol"), "es": ("Málaga", "León", "Cádiz")}
PLANS = ("basic", "family", "gold")
LEFT = "left"  # the plan of those whom the broadcast excludes, one in a hundred
COLUMNS = (
    "uuid", "created", "modified", "organization_id", "full_name", "email", "email_key", "email_hash", "phone",
    "phone_key", "phone_hash", "whatsapp_id", "whatsapp_key", "whatsapp_hash", "external_id", "reference_hash",
    "language", "time_zone", "attributes", "status", "search_text",
)  # fmt: skip
CHUNK = 10_000


def load(club: Organization, n: int) -> None:
    """Make n contacts who will receive, and one more in a hundred who are excluded."""
    Attribute.register(club, attributes(0, LANGUAGES[0], PLANS[0]))
    with bar(total=n + n // 100, unit=" contacts", desc="Making contacts") as shown:
        (_copy if connection.vendor == "postgresql" else _insert)(rows(club, n), shown)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def rows(club: Organization, n: int) -> Iterator[tuple[Any, ...]]:
    """Yield the contacts' values in the order of COLUMNS, the same people at every run."""
    now = timezone.now()
    excluded = n // 100
    for i in range(n + excluded):
        is_left = i % 101 == 100 and i // 101 < excluded
        language = LANGUAGES[i % 2]
        plan = LEFT if is_left else PLANS[i % 3]
        name = f"{FIRST[language][i % 5]} {LAST[language][i % 4]}"
        # No two addresses of anybody are the same: by each the benches know whose copy it is.
        email, phone, whatsapp = f"member{i}@example.com", f"346{i:08}", f"347{i:08}"
        yield (
            uuid7(), now, now, club.pk, name, email, email, address_hash(email), f"+{phone}", phone,
            address_hash(phone), whatsapp, whatsapp, address_hash(whatsapp), f"bench-{i}", address_hash(f"bench-{i}"),
            language, "Europe/Madrid", json.dumps(attributes(i, language, plan)), Contact.Status.ACTIVE.value,
            search_text(name, email, whatsapp),
        )  # fmt: skip


def attributes(i: int, language: str, plan: str) -> dict[str, Any]:
    return {"plan": plan, "city": CITIES[language][i % 3], "visits": i % 300, "member": i + 1}


def _copy(people: Iterator[tuple[Any, ...]], shown: Any) -> None:
    sql = f"COPY {Contact._meta.db_table} ({', '.join(COLUMNS)}) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(sql) as copy:
        for row in people:
            copy.write_row(row)
            shown.update()


def _insert(people: Iterator[tuple[Any, ...]], shown: Any) -> None:
    sql = (
        f"INSERT INTO {Contact._meta.db_table} ({', '.join(COLUMNS)}) "  # noqa: S608
        f"VALUES ({', '.join(['%s'] * len(COLUMNS))})"
    )

    def plain() -> Iterator[tuple[Any, ...]]:
        for uuid, created, modified, *rest in people:
            shown.update()
            yield uuid.hex, str(created.replace(tzinfo=None)), str(modified.replace(tzinfo=None)), *rest

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(sql, plain())  # type: ignore[arg-type]  # any iterable will do
