"""Statements of the ORM that are compiled once and run often.

For a window of a hundred rows, compiling a query takes longer than the database takes to answer it. What differs from
one run to the next is a parameter of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Model, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.sql import InsertQuery, UpdateQuery


@dataclass(frozen=True)
class Parameter:
    """A named parameter of a statement; its value is given at each run."""

    name: str


def parameter(name: str) -> RawSQL:
    """Return a named parameter as an expression for querysets; its value is passed to the driver unchanged."""
    return RawSQL("%s", (Parameter(name),), output_field=BigIntegerField())


def ids_parameter(name: str) -> RawSQL:
    """Return a named parameter for `__in` that holds any number of ids; `ids()` makes its value."""
    source = "SELECT unnest(%s::bigint[])" if connection.vendor == "postgresql" else "SELECT value FROM json_each(%s)"
    return RawSQL(source, (Parameter(name),), output_field=BigIntegerField())  # noqa: S611  (a parameter)


def ids(values: Sequence[int]) -> Any:
    """Return the value of an `ids_parameter`, in the form that the database takes."""
    listed = ",".join(map(str, values))  # by far quicker than what the driver does for a list
    return f"{{{listed}}}" if connection.vendor == "postgresql" else f"[{listed}]"


@dataclass(frozen=True)
class Statement:
    """SQL with its parameters, some of them given at each run."""

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

    @classmethod
    def insert(cls, model: type[Model], columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> "Statement":
        """Insert rows of some columns; the others are left to the defaults of the database."""
        query = InsertQuery(model)
        fields = [field for field in model._meta.concrete_fields if field.attname in columns]
        query.insert_values(fields, [model(**row) for row in rows])
        [(sql, params)] = query.get_compiler(connection=connection).as_sql()
        return cls(sql, tuple(params))

    def _filled(self, values: dict[str, Any]) -> list[Any]:
        return [values[param.name] if isinstance(param, Parameter) else param for param in self.params]

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Run the statement and return all rows, unconverted, as tuples from the driver."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self._filled(values))
            return cursor.fetchall()

    def run(self, **values: Any) -> int:
        """Run the statement and return the number of rows that it changed."""
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self._filled(values))
            return cursor.rowcount

    def run_each(self, each: Iterable[dict[str, Any]]) -> int:
        """Run the statement for each set of values and return the number of rows changed in total."""
        with connection.cursor() as cursor:
            cursor.executemany(self.sql, [self._filled(values) for values in each])
            return cursor.rowcount
