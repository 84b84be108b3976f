"""Insert and update chunks of rows of one table in the fastest way of each database."""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Model

STAGE = "changed_rows"


class Table:
    """The table of a model; rows are tuples of database values in the order of `inserted` or `updated`."""

    def __init__(self, model: type[Model], inserted: Sequence[str], updated: Sequence[str]) -> None:
        quote = connection.ops.quote_name
        columns = {field.name: quote(str(field.column)) for field in model._meta.concrete_fields}
        self.name = quote(model._meta.db_table)
        self.inserted = [columns[name] for name in inserted]
        self.updated = [columns[name] for name in updated]

    def insert(self, rows: Sequence[tuple[Any, ...]], otherwise: str = "") -> None:
        """Insert rows; `otherwise` is an optional ON CONFLICT clause."""
        columns = ", ".join(self.inserted)
        if connection.vendor != "postgresql":
            places = ", ".join(["%s"] * len(self.inserted))
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {self.name} ({columns}) VALUES ({places}) {otherwise}", rows)  # noqa: S608
        elif otherwise:
            sql = f"INSERT INTO {self.name} ({columns}) SELECT {columns} FROM {STAGE} {otherwise}"  # noqa: S608
            self._from_stage(self.inserted, rows, sql)
        else:
            self._copy(self.name, self.inserted, rows)

    def update(self, rows: Sequence[tuple[Any, ...]]) -> None:
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
            cursor.executemany(f"UPDATE {self.name} SET {changes} WHERE id = %s", rows)  # noqa: S608

    def _from_stage(self, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], sql: str) -> None:
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

    def _copy(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        into = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(into) as copy:
            for row in rows:
                copy.write_row(row)
