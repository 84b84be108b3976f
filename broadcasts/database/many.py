"""Write many rows by one statement, of values that the driver takes as they are.

What the ORM does for each row of `bulk_create` takes longer than what the database does. A statement of its own for
each row costs a round trip's worth of both.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models

AT_ONCE = 500  # rows of a statement


def insert_many(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[int]:
    """Insert rows, whose values stand in the order of the columns; return their ids in this order."""
    quote = connection.ops.quote_name
    row = f"({', '.join(['%s'] * len(columns))})"
    found: list[int] = []
    with connection.cursor() as cursor:
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            sql = (
                f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, columns))}) "  # noqa: S608
                f"VALUES {', '.join([row] * len(some))} RETURNING {quote(str(model._meta.pk.column))}"
            )
            cursor.execute(sql, [value for values in some for value in values])
            found += [pk for (pk,) in cursor.fetchall()]
    return found


def set_many(model: type[models.Model], column: str, values: Sequence[tuple[int, Any]]) -> int:
    """Set a column of rows where it is NULL, (id, value) each; return how many were changed."""
    quote, changed = connection.ops.quote_name, 0
    table, name = quote(model._meta.db_table), quote(column)
    with connection.cursor() as cursor:
        for start in range(0, len(values), AT_ONCE):
            some = values[start : start + AT_ONCE]
            cursor.execute(
                f"UPDATE {table} SET {name} = told.column2 "  # noqa: S608
                f"FROM (VALUES {', '.join(['(%s, %s)'] * len(some))}) AS told "
                f"WHERE {table}.{quote(str(model._meta.pk.column))} = told.column1 AND {table}.{name} IS NULL",
                [value for pair in some for value in pair],
            )
            changed += cursor.rowcount
    return changed
