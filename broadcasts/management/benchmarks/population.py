"""N people with all that rules ask about, made by the database itself: what they are, did, got, agreed to and refused.

Each statement takes its numbers from a series and is the same on both databases, but for the words in WORDS. The
keyed hashes of addresses are stood in for: what matters is that those of contacts and suppressions meet.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from broadcasts.models import (
    Activity,
    Attendance,
    Attribute,
    Broadcast,
    Channel,
    Consent,
    Contact,
    Delivery,
    Message,
    MessageTranslation,
    Organization,
    Segment,
    SegmentMember,
    Series,
    Suppression,
)

LANGUAGES = ("en", "es")
ACTIVITIES = 300
SERIES = ("Yoga", "Swimming", "Judo", "Chess", "Ballet", "Running", "Choir", "Drawing", "Climbing", "Rowing")
EARLIER = 20  # broadcasts; each went to a tenth of the people
EVERY_DAYS = 4  # one of them went out
WORDS = {
    "postgresql": {
        "people": "GENERATE_SERIES(1, {n}::bigint) AS s(i)",
        "object": "JSONB_BUILD_OBJECT",
        "array": "JSONB_BUILD_ARRAY",
        "true": "TRUE",
        "false": "FALSE",
        "uuid": "LPAD(TO_HEX({i}), 32, '0')::uuid",
        "ago": "NOW() - INTERVAL '1 day' * ({days})",
    },
    "sqlite": {
        "people": "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {n}) SELECT i FROM s)",
        "object": "JSON_OBJECT",
        "array": "JSON_ARRAY",
        "true": "JSON('true')",
        "false": "JSON('false')",
        "uuid": "PRINTF('%032x', {i})",
        "ago": "STRFTIME('%Y-%m-%d %H:%M:%f', 'now', '-' || ({days}) || ' days')",
    },
}
YES_OR_NO = "CASE WHEN {} THEN [true] ELSE [false] END"
DAY = "({year} || '-0' || (1 + i % 9) || '-' || (10 + i % 19))"
# The 20 attributes: their types, and their values as SQL of i.
ATTRIBUTES: dict[str, tuple[str, str]] = {
    "plan": ("text", "CASE i % 10 WHEN 0 THEN 'gold' WHEN 1 THEN 'family' WHEN 2 THEN 'family' ELSE 'basic' END"),
    "city": ("text", "'City ' || (i * 7 % 97)"),
    "club": ("text", "'Club ' || (i % 12)"),
    "member_number": ("text", "'M-' || (100000 + i)"),
    "source": ("text", "CASE i % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'desk' ELSE 'friend' END"),
    "doctor": ("text", "'Dr. ' || (i * 13 % 401)"),
    "street": ("text", "(i % 200) || ' Long Street'"),
    "visits": ("number", "i * 31 % 300"),
    "age": ("number", "5 + i * 17 % 85"),
    "balance": ("number", "(i * 37 % 20000) / 100.0"),
    "children": ("number", "i % 4"),
    "member": ("boolean", YES_OR_NO.format("i % 4 > 0")),
    "newsletter": ("boolean", YES_OR_NO.format("i % 3 > 0")),
    "paid": ("boolean", YES_OR_NO.format("i % 20 > 0")),
    "born": ("date", DAY.format(year="(1935 + i * 17 % 80)")),
    "joined": ("date", DAY.format(year="(2010 + i % 16)")),
    "medical_until": ("date", DAY.format(year="(2026 + i % 3)")),
    "last_visit": ("datetime", f"{DAY.format(year='(2024 + i % 3)')} || 'T1' || (i % 10) || ':30:00Z'"),
    "tags": ("list", "[array]('tag' || (i % 5), 'tag' || (5 + i % 7))"),
    "teams": ("list", "[array]('Team ' || (i % 40))"),
}


def fill(club: Organization, channel: Channel, n: int) -> None:
    """Make n contacts, a multiple of a thousand, with all that stands around them."""
    for key, (type_, _) in ATTRIBUTES.items():
        Attribute.objects.create(organization=club, key=key, label=key.replace("_", " "), type=type_)
    with bare(Contact):
        _contacts(club, n)
    first = Contact.objects.for_organization(club).earliest("id").pk
    activities = [activity.pk for activity in _activities(club)]
    messages = [message.pk for message in _earlier(channel)]
    segments = [Segment.objects.create(organization=club, name=name, kind="static").pk for name in ("Left", "Friends")]
    with bare(Attendance, Delivery, Consent, Suppression, SegmentMember):
        _attendances(n, first, activities[0])
        _deliveries(n, first, messages[0])
        _consents(n, first)
        _suppressions(club, n)
        for segment, every in zip(segments, (20, 5), strict=True):
            _insert(
                SegmentMember, {"segment_id": f"{segment}", "contact_id": f"{first - 1} + i"}, n, f"i % {every} = 0"
            )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if is_alone() else "ANALYZE")


def _contacts(club: Organization, n: int) -> None:
    attributes = ", ".join(f"'{key}', {value}" for key, (_, value) in ATTRIBUTES.items())
    columns = {
        "organization_id": f"{club.pk}",
        "uuid": "[uuid:i]",
        "full_name": "'First' || (i * 7919 % 5003) || ' Last' || (i * 104729 % 997)",
        "email": "'person' || i || '@example.com'",
        "search_text": "' first' || (i * 7919 % 5003) || ' last' || (i * 104729 % 997) "
        "|| ' person' || i || ' example com'",
        "email_key": "'person' || i || '@example.com'",
        "email_hash": "MD5('person' || i || '@example.com')",
        "phone": "CASE WHEN i % 2 = 0 THEN '+34' || (600000000 + i) ELSE '' END",
        "phone_key": "CASE WHEN i % 2 = 0 THEN '34' || (600000000 + i) END",
        "phone_hash": "CASE WHEN i % 2 = 0 THEN MD5('34' || (600000000 + i)) END",
        "whatsapp_id": "''",
        "external_id": "'bench-' || i",
        "language": "CASE i % 3 WHEN 0 THEN 'es' ELSE 'en' END",
        "time_zone": "'Europe/Madrid'",
        "attributes": f"[object]({attributes})",
        "status": "CASE WHEN i % 200 = 0 THEN 'archived' ELSE 'active' END",
        "last_seen_at": "[ago:i % 700]",
    }
    _insert(Contact, columns, n)


def _activities(club: Organization) -> list[Activity]:
    now, series = timezone.now(), Series.named(club, SERIES)
    return Activity.objects.bulk_create(
        Activity(
            organization=club,
            name=f"{SERIES[k % len(SERIES)]} {k}",
            series=series[SERIES[k % len(SERIES)]],
            starts_at=now - timedelta(days=ACTIVITIES - k),
        )
        for k in range(ACTIVITIES)
    )


def _earlier(channel: Channel) -> list[Message]:
    """Make broadcasts that were sent; every second one was marketing."""
    messages, now = [], timezone.now()
    for k in range(EARLIER):
        at = now - timedelta(days=EVERY_DAYS * k)
        broadcast = Broadcast.objects.create(
            organization=channel.organization,
            name=f"Earlier {k}",
            use_case="general" if k % 2 else "marketing",
            status=Broadcast.Status.SENT,
            started_at=at,
            completed_at=at,
        )
        message = Message.objects.create(broadcast=broadcast, channel=channel)
        MessageTranslation.objects.create(message=message, language="en", subject="Earlier", text="Hello")
        messages.append(message)
    return messages


def _attendances(n: int, first: int, activity: int) -> None:
    """Three for each contact, all of one series, in the order of the activities."""
    each = n // 100  # have a place in one activity: a tenth of those of its series
    of = f"((i - 1) / {each})"
    columns = {
        "uuid": "[uuid:i]",
        "activity_id": f"{activity} + {of}",
        "contact_id": f"{first} + ((i - 1) % {each}) * 10 + {of} % 10 + {of} / 10 % 10 * {each} * 10",
        "status": "CASE i % 5 WHEN 0 THEN 'no_show' WHEN 1 THEN 'booked' ELSE 'attended' END",
        "at": "[ago:i % 300]",
    }
    _insert(Attendance, columns, ACTIVITIES * each)


def _deliveries(n: int, first: int, message: int) -> None:
    """Two for each contact, as they are written: message by message."""
    tenth = n // (EARLIER // 2)
    k = f"((i - 1) / {tenth})"
    at = f"[ago:{EVERY_DAYS} * {k}]"
    contact = f"(1 + ((i - 1) % {tenth}) * {EARLIER // 2} + {k} % {EARLIER // 2})"
    columns = {
        "message_id": f"{message} + {k}",
        "contact_id": f"{first - 1} + {contact}",
        "address": f"'person' || {contact} || '@example.com'",
        "language": "CASE i % 3 WHEN 0 THEN 'es' ELSE 'en' END",
        "status": "CASE WHEN i % 40 = 0 THEN 'failed' ELSE 'sent' END",
        "reason": "''",
        "error": "''",
        "attempts": "1",
        "sent_at": f"CASE WHEN i % 40 > 0 THEN {at} END",
        "delivered_at": f"CASE WHEN i % 40 > 0 THEN {at} END",
        "opened_at": f"CASE WHEN i % 40 > 0 AND i % 7 < 3 THEN {at} END",
        "clicked_at": f"CASE WHEN i % 40 > 0 AND i % 7 < 1 THEN {at} END",
    }
    _insert(Delivery, columns, tenth * EARLIER)


def _consents(n: int, first: int) -> None:
    columns = {
        "uuid": "[uuid:i]",
        "contact_id": f"{first - 1} + i",
        "medium": "'email'",
        "use_case": "'marketing'",
        "state": "CASE WHEN i % 50 = 0 THEN 'withdrawn' ELSE 'granted' END",
    }
    _insert(Consent, columns, n, "i % 10 < 3")


def _suppressions(club: Organization, n: int) -> None:
    columns = {
        "uuid": "[uuid:i]",
        "organization_id": f"{club.pk}",
        "medium": "'email'",
        "address_hash": "MD5('person' || i || '@example.com')",
        "address": "'person' || i || '@example.com'",
        "reason": "CASE i % 4 WHEN 0 THEN 'hard_bounce' WHEN 1 THEN 'complaint' ELSE 'unsubscribe' END",
        "use_case": "CASE i % 4 WHEN 0 THEN '' ELSE 'marketing' END",
        "source": "'bench'",
    }
    _insert(Suppression, columns, n, "i % 53 = 0")


def _insert(model, columns: dict[str, str], n: int, where: str = "i > 0") -> None:
    """INSERT a row for each i from 1 to n."""
    names = {field.attname for field in model._meta.concrete_fields}
    columns = columns | {name: "[ago:0]" for name in ("created", "modified") if name in names and name not in columns}
    words = WORDS[connection.vendor]
    source = words["people"].format(n=n)
    sql = (
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "  # noqa: S608
        f"SELECT {', '.join(columns.values())} FROM {source} WHERE {where}"
    )
    sql = re.sub(r"\[uuid:(.*?)\]", lambda found: words["uuid"].format(i=found[1]), sql)
    sql = re.sub(r"\[ago:(.*?)\]", lambda found: words["ago"].format(days=found[1]), sql)
    sql = re.sub(r"\[(\w+)\]", lambda found: words[found[1]], sql)
    with connection.cursor() as cursor:
        cursor.execute(sql)


@contextmanager
def bare(*models) -> Iterator[None]:
    """Take indexes and constraints away and make them again: PostgreSQL builds them far faster than it keeps them."""
    if not is_alone():
        with transaction.atomic():
            yield
        return
    statements: list[str] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for model in models:
            statements += _strip(cursor, model._meta.db_table)
        yield
        for statement in statements:
            cursor.execute(statement)


def is_alone() -> bool:
    """Tell whether this is PostgreSQL, with nothing begun."""
    return connection.vendor == "postgresql" and not connection.in_atomic_block


def _strip(cursor, table: str) -> list[str]:
    """Drop what a table has but its primary key and checks, and return the statements that make it again."""
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass "
        "AND contype IN ('u', 'f') ORDER BY contype DESC",
        [table],
    )
    constraints = cursor.fetchall()
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s "
        "AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass)",
        [table, table],
    )
    indexes = cursor.fetchall()
    for name, _ in constraints:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    added = [f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}' for name, definition in constraints]
    return [*added, *(definition for _, definition in indexes)]
