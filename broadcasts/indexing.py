"""Create and drop the indexes of attributes in the background; all organizations share them.

There is one for each (key, type), on the expression that `audience` compiles; its name is derived from both. `arrange`
makes the indexes equal to the attributes with `is_indexed`, whatever state an interrupted run has left.
"""

import logging
import time
from hashlib import blake2b

from django.db import DatabaseError, connection
from django.db.models.sql import Query

from broadcasts import audience
from broadcasts.audience.attributes import INDEXED
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import Attribute, Contact
from broadcasts.queue import enqueue

log = logging.getLogger(__name__)

LIMIT = 10  # per installation: each one is written with every contact
LOCK = 7_061_512  # key of the advisory lock on PostgreSQL, so that only one process arranges
PATIENCE = 30  # seconds that another process waits: it may have seen a later change
PREFIX = "attribute_"
State = Attribute.IndexState


def check(attribute: Attribute) -> None:
    """Raise InvalidInput if the attribute has `is_indexed` and cannot be indexed."""
    if not attribute.is_indexed:
        return
    if attribute.type not in INDEXED:
        raise InvalidInput({"is_indexed": "A list cannot be indexed; only text, numbers, dates and yes or no can."})
    others = Attribute.objects.filter(is_indexed=True).exclude(pk=attribute.pk)
    marked = set(others.values_list("key", "type"))
    if len(marked | {(attribute.key, attribute.type)}) > LIMIT:
        raise InvalidInput(
            {"is_indexed": f"{LIMIT} attributes are indexed in this installation already, the most there may be."}
        )


def follow(attribute: Attribute) -> None:
    """Enqueue the task that updates the indexes after a change of an attribute."""
    attribute.index_state = State.BUILDING if attribute.is_indexed else ""
    Attribute.objects.filter(pk=attribute.pk).update(index_state=attribute.index_state)
    enqueue("index_attributes")


def obstacles(attribute: Attribute) -> list[str]:
    """Return the names of what uses an attribute: broadcasts and segments whose rules refer to it, and “contacts”."""
    references = [f"“{user}”" for user in audience.references_to_attribute(attribute)]
    contacts = Contact.objects.for_organization(attribute.organization_id)
    return [*references, *(["contacts"] if contacts.filter(attributes__has_key=attribute.key).exists() else [])]


def remove(attribute: Attribute) -> None:
    """Delete an attribute; raises WrongState if a contact has it or a rule refers to it."""
    if found := obstacles(attribute):
        raise WrongState(f"It is in use and cannot be deleted: {', '.join(found)}.")
    attribute.delete()
    if attribute.is_indexed:
        enqueue("index_attributes")


def arrange() -> None:
    """Create missing indexes, and drop those of attributes without `is_indexed`."""
    if connection.vendor != "postgresql":
        _arrange()
        return
    with connection.cursor() as cursor:
        # Poll instead of waiting for the lock: CREATE INDEX CONCURRENTLY waits for all waiting transactions.
        for _ in range(PATIENCE):
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            if cursor.fetchone()[0]:
                break
            time.sleep(1)
        else:
            return
        try:
            _arrange()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _arrange() -> None:
    marked = Attribute.objects.filter(is_indexed=True, type__in=INDEXED)
    wanted = {name_of(key, type_): (key, type_) for key, type_ in marked.values_list("key", "type").distinct()}
    there = existing()
    for name in there.keys() - {name for name in wanted if there.get(name)}:
        _execute(f'DROP INDEX {{concurrently}} IF EXISTS "{name}"')
    for name, (key, type_) in wanted.items():
        rows = marked.filter(key=key, type=type_)
        try:
            if not there.get(name):
                rows.update(index_state=State.BUILDING)
                _execute(create_sql(key, type_))
                _execute(f"ANALYZE {Contact._meta.db_table}")  # the planner has no statistics of the new expression yet
        except DatabaseError:
            log.exception("The index on the attribute %s could not be built", key)
            rows.update(index_state=State.FAILED)
        else:
            rows.exclude(index_state=State.READY).update(index_state=State.READY)


def name_of(key: str, type_: str) -> str:
    name = f"{PREFIX}{type_}_{key}"
    return name if len(name) <= 63 else f"{name[:50]}_{blake2b(key.encode(), digest_size=6).hexdigest()}"


def create_sql(key: str, type_: str) -> str:
    query = Query(Contact, alias_cols=False)
    compiler = query.get_compiler(connection=connection)
    expression, _ = compiler.compile(INDEXED[type_](key).resolve_expression(query))
    return (
        f'CREATE INDEX {{concurrently}} IF NOT EXISTS "{name_of(key, type_)}" '
        f"ON {Contact._meta.db_table} (organization_id, ({expression}))"
    )


def existing() -> dict[str, bool]:
    """Return the indexes on attributes that there are, and whether each can be used."""
    if connection.vendor == "postgresql":
        sql = (
            "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
            "WHERE indrelid = %s::regclass AND starts_with(relname, %s)"
        )
    else:
        sql = "SELECT name, 1 FROM sqlite_master WHERE type = 'index' AND tbl_name = %s AND name GLOB %s || '*'"
    with connection.cursor() as cursor:
        cursor.execute(sql, [Contact._meta.db_table, PREFIX])
        return {name: bool(valid) for name, valid in cursor.fetchall()}


def _execute(sql: str) -> None:
    # Beside those who write; in a transaction that is not possible.
    beside = connection.vendor == "postgresql" and not connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("{concurrently}", "CONCURRENTLY" if beside else ""))
