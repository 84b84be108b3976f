"""LEFT JOINs of a derived table, which the ORM does not support.

For all contacts at once, "is there a row for this contact?" is fastest as one join: a million single lookups take
seconds, and PostgreSQL runs a subquery inside an expression without parallel workers and, if it is large, without a
hash.
"""

from typing import Any

from django.db.models import CharField, Expression, Field, Q, QuerySet
from django.db.models.sql.constants import LOUTER


class Joined(Expression):
    """A column of a joined derived table."""

    def __init__(self, name: str, column: str, output_field: Field | None = None) -> None:
        super().__init__(output_field=output_field or CharField())
        self.name, self.column = name, column

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[()]]:
        quote = connection.ops.quote_name
        return f"{quote(self.name)}.{quote(self.column)}", ()

    def get_group_by_cols(self) -> list[Any]:
        return [self]


class DerivedTable:
    """A join in the alias map of a query; `rows` has at most one row for each value of `key`."""

    join_type = LOUTER
    filtered_relation = None
    nullable = True

    def __init__(self, name: str, rows: QuerySet[Any, Any], parent_alias: str, column: str, key: str) -> None:
        self.table_alias = self.table_name = name
        self.rows, self.parent_alias, self.column, self.key = rows, parent_alias, column, key

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        quote = connection.ops.quote_name
        sql, params = self.rows.query.get_compiler(connection=connection).as_sql()
        name, column, key = quote(self.table_alias), quote(self.column), quote(self.key)
        return f"LEFT OUTER JOIN ({sql}) {name} ON ({quote(self.parent_alias)}.{column} = {name}.{key})", params


def left_join(queryset: QuerySet[Any], name: str, rows: QuerySet[Any, Any], on: str, key: str) -> QuerySet[Any]:
    """Return the queryset LEFT JOINed to rows with a unique `key`; it cannot be used as a subquery."""
    queryset = queryset.filter(Q())
    query = queryset.query
    table = query.get_initial_alias()
    assert table is not None
    column = queryset.model._meta.get_field(on).column
    query.alias_map[name] = DerivedTable(name, rows, table, column, key)  # type: ignore[assignment]
    query.alias_refcount[name] = 1
    return queryset
