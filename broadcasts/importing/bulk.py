"""Look up, insert and update chunks of rows of one table in the fastest way of each database."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model

STAGE = "changed_rows"


def _array(values: Iterable[str]) -> str:
    """Return an array of PostgreSQL as a text; none of the values has a NUL."""
    text = "\0".join(values).replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + text.replace("\0", '","') + '"}'


class Table:
    """The table of a model; rows are tuples of database values in the order of `inserted` or `updated`."""

    def __init__(self, model: type[Model], inserted: Sequence[str], updated: Sequence[str]) -> None:
        quote = connection.ops.quote_name
        self.columns = {field.name: quote(str(field.column)) for field in model._meta.concrete_fields}
        self.name = quote(model._meta.db_table)
        self.inserted = [self.columns[name] for name in inserted]
        self.updated = [self.columns[name] for name in updated]

    def find(
        self, read: Sequence[str], column: str, keys: Iterable[str], organization: int, lock: str = "", **same: str
    ) -> list[tuple[Any, ...]]:
        """Return some columns of the rows of an organization with one of these storable keys, locked in their order.

        Keys are one parameter, since to write and parse thousands takes longer than to find them.
        same: {column: what all of the rows have there}.
        """
        columns, name = ", ".join(self.columns[one] for one in read), self.columns[column]
        wanted = "".join(f" AND {self.columns[one]} = %s" for one in same)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # Each key is looked up by itself, and the organization is no constant: by what the statistics say of
                # one that is new to the table, all its rows are read faster than some are found by an index.
                cursor.execute(
                    "SELECT found.* FROM (SELECT %s::bigint AS organization, unnest(%s::text[]) AS key) AS one, "  # noqa: S608
                    f"LATERAL (SELECT {columns} FROM {self.name} "
                    f"WHERE organization_id = one.organization AND {name} = one.key{wanted} {lock}) AS found",
                    [organization, _array(sorted(keys)), *same.values()],
                )
            else:
                cursor.execute(
                    f"SELECT {columns} FROM {self.name} "  # noqa: S608
                    f"WHERE organization_id = %s AND {name} IN (SELECT value FROM json_each(%s)){wanted}",
                    [organization, json.dumps(list(keys)), *same.values()],
                )
            return cursor.fetchall()

    def look_over(self) -> None:
        """Have PostgreSQL look the table over if it never has: it plans as for an empty one until it does by itself."""
        if connection.vendor == "postgresql":
            never = f"SELECT FROM pg_class WHERE oid = '{self.name}'::regclass AND reltuples <= 0"
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN IF EXISTS ({never}) THEN ANALYZE {self.name}; END IF; END $$")

    def insert(self, rows: Iterable[tuple[Any, ...]], otherwise: str = "") -> None:
        """Insert rows; `otherwise` is an optional ON CONFLICT clause."""
        columns = ", ".join(self.inserted)
        if connection.vendor != "postgresql":
            places = ", ".join(["%s"] * len(self.inserted))
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {self.name} ({columns}) VALUES ({places}) {otherwise}", list(rows))  # noqa: S608
        elif otherwise:
            sql = f"INSERT INTO {self.name} ({columns}) SELECT {columns} FROM {STAGE} {otherwise}"  # noqa: S608
            self._from_stage(self.inserted, rows, sql)
        else:
            self._copy(self.name, self.inserted, rows)

    def update(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Update existing rows; each tuple has the updated columns, then the id."""
        if connection.vendor == "postgresql":
            changes = ", ".join(f"{column} = {STAGE}.{column}" for column in self.updated)
            self._from_stage(
                [*self.updated, "id"], rows,
                f"UPDATE {self.name} SET {changes} FROM {STAGE} WHERE {self.name}.id = {STAGE}.id",  # noqa: S608
            )  # fmt: skip
            return
        changes = ", ".join(f"{column} = %s" for column in self.updated)
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {self.name} SET {changes} WHERE id = %s", list(rows))  # noqa: S608

    def _from_stage(self, columns: Sequence[str], rows: Iterable[tuple[Any, ...]], sql: str) -> None:
        """Copy rows into a temporary table, and run a statement that reads from it."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMP TABLE {STAGE} ON COMMIT DROP AS SELECT {', '.join(columns)} FROM {self.name} WITH NO DATA"  # noqa: S608
            )
            self._copy(STAGE, columns, rows)
            # Without statistics the planner assumes a large table, and reads the target table as a whole.
            cursor.execute(f"ANALYZE {STAGE}")
            cursor.execute(sql)
            cursor.execute(f"DROP TABLE {STAGE}")

    def _copy(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        into = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(into) as copy:
            for row in rows:
                copy.write_row(row)
