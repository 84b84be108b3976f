"""Statements of the ORM that are compiled once and run often.

For a window of a hundred rows, compiling a query takes longer than the database takes to answer it. What differs from
one run to the next is a placeholder in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.sql import UpdateQuery


@dataclass(frozen=True)
class Placeholder:
    """Stands among a statement's parameters for a value that is given when it is run."""

    name: str


def placeholder(name: str) -> RawSQL:
    """A value, in a queryset that is compiled; it is handed to the database as it is, whatever its type."""
    return RawSQL("%s", (Placeholder(name),), output_field=BigIntegerField())


def placeholder_for_ids(name: str) -> RawSQL:
    """A list of ids, for `__in`; one parameter, however many they are. Its value is made by `ids()`."""
    source = "SELECT unnest(%s::bigint[])" if connection.vendor == "postgresql" else "SELECT value FROM json_each(%s)"
    return RawSQL(source, (Placeholder(name),), output_field=BigIntegerField())  # noqa: S611  (a parameter)


def ids(values: Sequence[int]) -> Any:
    return list(values) if connection.vendor == "postgresql" else str(list(values))


@dataclass(frozen=True)
class Statement:
    """SQL with its parameters, some of them placeholders."""

    sql: str
    params: tuple[Any, ...]

    @classmethod
    def select(cls, rows: QuerySet[Any, Any]) -> "Statement":
        return cls(*rows.query.sql_with_params())

    @classmethod
    def update(cls, rows: QuerySet[Any, Any], **changes: object) -> "Statement":
        query = rows.query.chain(UpdateQuery)
        query.add_update_values(changes)  # type: ignore[attr-defined]
        sql, params = query.get_compiler(connection=connection).as_sql()
        return cls(sql, tuple(params))

    def _filled(self, values: dict[str, Any]) -> list[Any]:
        return [values[param.name] if isinstance(param, Placeholder) else param for param in self.params]

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Run it and return all rows, as the driver gives them."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self._filled(values))
            return cursor.fetchall()

    def run(self, **values: Any) -> int:
        """Run it and return how many rows it changed."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self._filled(values))
            return cursor.rowcount

    def run_each(self, each: Iterable[dict[str, Any]]) -> int:
        """Run it for each set of values and return how many rows were changed in all."""
        with connection.cursor() as cursor:
            cursor.executemany(self.sql, [self._filled(values) for values in each])
            return cursor.rowcount
