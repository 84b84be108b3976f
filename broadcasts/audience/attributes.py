"""Conditions on contacts' attributes: `attributes__<key>` and its lookups, typed by the registry.

The SQL gives the same results on both databases: a value of another type than the registered one matches only
`exists`; numbers compare as numbers, dates as ISO 8601 text, and moments as text in UTC, in which they are stored.
Items of lists compare as text.
"""

import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import BooleanField, F, Field, FloatField, Func, Q, TextField, lookups

from broadcasts.models import Attribute

from .conditions import Condition, any_of
from .icontains import IContains
from .values import (
    EDGES,
    TOO_FAR,
    QueryError,
    Read,
    Scope,
    printable,
    read_boolean,
    read_days,
    read_number,
    read_text,
    read_within,
    read_within_next,
    read_words,
)

PREFIX = "attributes__"
Type = Attribute.Type

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class JSONValue(Func):
    """The value of one key as SQL of one type; NULL if there is no value of this type.

    The key is part of the SQL text: registered keys have only lower-case letters, digits and underscores.
    """

    sqlite = "CAST(JSON_EXTRACT(%(expressions)s, '$.\"%(key)s\"') AS TEXT)"
    postgresql = "(%(expressions)s ->> '%(key)s')"
    output_field: Field = TextField()

    def __init__(self, key: str) -> None:
        super().__init__(F("attributes"), key=key)

    def as_sqlite(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, template=self.sqlite, **context)

    def as_postgresql(self, compiler, connection, **context):
        return self.as_sql(compiler, connection, template=self.postgresql, **context)


class TextStart(JSONValue):
    """The first characters of a text, since entries of an index have a limited length."""

    length = 255
    sqlite = f"SUBSTR(CAST(JSON_EXTRACT(%(expressions)s, '$.\"%(key)s\"') AS TEXT), 1, {length})"
    postgresql = f"SUBSTR(%(expressions)s ->> '%(key)s', 1, {length})"


class NumberValue(JSONValue):
    """A number; NULL from 1e299 on, since casting a larger one would fail the whole query on PostgreSQL."""

    sqlite = (
        "CASE WHEN JSON_TYPE(%(expressions)s, '$.\"%(key)s\"') IN ('integer', 'real') "
        "AND ABS(CAST(JSON_EXTRACT(%(expressions)s, '$.\"%(key)s\"') AS REAL)) < 1e299 "
        "THEN CAST(JSON_EXTRACT(%(expressions)s, '$.\"%(key)s\"') AS REAL) END"
    )
    postgresql = (
        "CASE WHEN JSONB_TYPEOF(%(expressions)s -> '%(key)s') = 'number' "
        "AND LENGTH(SPLIT_PART(LTRIM(%(expressions)s ->> '%(key)s', '-'), '.', 1)) < 300 "
        "THEN (%(expressions)s ->> '%(key)s')::double precision END"
    )
    output_field = FloatField()


class BooleanValue(JSONValue):
    """The words true and false; any other value matches neither."""

    sqlite = "JSON_TYPE(%(expressions)s, '$.\"%(key)s\"')"
    postgresql = "SUBSTR((%(expressions)s -> '%(key)s')::text, 1, 5)"


class IsText(JSONValue):
    """True if the value is a text."""

    sqlite = "(JSON_TYPE(%(expressions)s, '$.\"%(key)s\"') = 'text')"
    postgresql = "(JSONB_TYPEOF(%(expressions)s -> '%(key)s') = 'string')"
    output_field = BooleanField()


class IsTime(JSONValue):
    """True if the value begins like an ISO 8601 date."""

    sqlite = (
        "(CAST(JSON_EXTRACT(%(expressions)s, '$.\"%(key)s\"') AS TEXT) "
        "GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*')"
    )
    postgresql = "((%(expressions)s ->> '%(key)s') ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}')"
    output_field = BooleanField()


class DateValue(JSONValue):
    sqlite = "SUBSTR(CAST(JSON_EXTRACT(%(expressions)s, '$.\"%(key)s\"') AS TEXT), 1, 10)"
    postgresql = "SUBSTR(%(expressions)s ->> '%(key)s', 1, 10) COLLATE \"C\""


class MomentValue(JSONValue):
    sqlite = "SUBSTR(REPLACE(CAST(JSON_EXTRACT(%(expressions)s, '$.\"%(key)s\"') AS TEXT), ' ', 'T'), 1, 19)"
    postgresql = "SUBSTR(REPLACE(%(expressions)s ->> '%(key)s', ' ', 'T'), 1, 19) COLLATE \"C\""


class ListHolds(JSONValue):
    """True if a list, or a single value in its place, contains a text or number."""

    output_field = BooleanField()

    def __init__(self, key: str, item: str) -> None:
        super().__init__(key)
        self.item, self.number = item, _number(item)

    def as_sqlite(self, compiler, connection, **context):
        holds = "item.type = 'text' AND item.value = %s"
        if self.number is not None:
            holds += " OR item.type IN ('integer', 'real') AND item.value = %s"
        template = "(JSON_TYPE({0}, {1}) <> 'object' AND EXISTS (SELECT 1 FROM JSON_EACH({0}, {1}) AS item WHERE {2}))"
        return template.format(self._column(compiler), f"'$.\"{self.extra['key']}\"'", holds), self._items()

    def as_postgresql(self, compiler, connection, **context):
        holds = f"({self._column(compiler)} -> '{self.extra['key']}') @> %s::jsonb"
        items = [json.dumps(item) for item in self._items()]
        return f"({' OR '.join([holds] * len(items))})", items

    def _column(self, compiler) -> str:
        return compiler.compile(self.get_source_expressions()[0])[0]

    def _items(self) -> list[str | int | float]:
        return [self.item] if self.number is None else [self.item, self.number]


def _number(text: str) -> int | float | None:
    """Return a text as a JSON number that both databases can compare; None if it is not one."""
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    if math.isinf(number):
        return None
    return int(text) if text.lstrip("-").isdecimal() and abs(number) < 2**63 else number


class AttributeCondition(Condition):
    """One lookup of one attribute."""

    def __init__(self, key: str, type_: str, lookup: str) -> None:
        self.key, self.type, self.lookup = key, type_, lookup
        self.commas = lookup == "in"

    def read(self, value: Any, scope: Scope) -> Any:
        keys = (f"{self.type}__{self.lookup}", self.lookup, self.type)
        return next(READS[key] for key in keys if key in READS)(value, scope)

    def match(self, values: list[Any], scope: Scope) -> Q:
        found = self._match(values, scope)
        guard = None if self.lookup == "exists" else GUARDS.get(self.type)
        return found & Q(guard(self.key)) if guard else found

    def _match(self, values: list[Any], scope: Scope) -> Q:
        equal = self.lookup in ("exact", "in")
        if equal and self.type in (Type.TEXT, Type.NUMBER):
            scope.spend(1)
            found = Q(lookups.In(VALUES[self.type](self.key), values))
            if self.type == Type.TEXT and self.key in scope.indexed_attributes:
                starts = {value[: TextStart.length] for value in values}
                found &= Q(lookups.In(TextStart(self.key), sorted(starts)))
            return found
        scope.spend(len(values))
        one = self._equal if equal else LOOKUPS[self.lookup]
        return any_of([Q(one(VALUES[self.type](self.key), value)) for value in values])

    def _equal(self, column: JSONValue, value: Any) -> Any:
        if self.type == Type.LIST:
            return ListHolds(self.key, value)
        if self.type == Type.BOOLEAN:
            return lookups.Exact(column, "true" if value else "false")
        return _between(column, value)


def _between(column: JSONValue, span: tuple[str, str]) -> Q:
    first, last = span
    return Q(lookups.GreaterThanOrEqual(column, first)) & Q(lookups.LessThanOrEqual(column, last))


def _read_date(value: Any, scope: Scope) -> tuple[str, ...]:
    return tuple(one.date().isoformat() for one in read_days(value, scope))


def _read_moment(value: Any, scope: Scope) -> tuple[str, ...]:
    try:
        return _in_utc(read_days(value, scope))
    except OverflowError:
        raise QueryError(f"“{printable(str(value))}” {TOO_FAR}") from None


def _in_utc(moments: Iterable[datetime]) -> tuple[str, ...]:
    in_utc = [one.astimezone(UTC).replace(tzinfo=None) if one.tzinfo else one for one in moments]
    return tuple(one.isoformat(timespec="seconds") for one in in_utc)


def _dates_of(read: Read) -> Read:
    """Return a reader of spans as (first, last) day in the time zone of the organization."""
    return lambda value, scope: tuple(
        one.astimezone(scope.organization.zone).date().isoformat() for one in read(value, scope)
    )


def _moments_of(read: Read) -> Read:
    return lambda value, scope: _in_utc(read(value, scope))


def _read_item(value: Any, scope: Scope) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        read_number(value, scope)  # raises for NaN, infinity and too many digits
        return str(value)
    return read_text(value, scope)


def _edge(lookup: type[lookups.Lookup], name: str):
    def compare(column: JSONValue, value: Any) -> lookups.Lookup:
        return lookup(column, value[EDGES[name]] if isinstance(value, tuple) else value)

    return compare


READS: dict[str, Read] = {
    Type.TEXT: _read_item,
    Type.NUMBER: read_number,
    Type.BOOLEAN: read_boolean,
    Type.DATE: _read_date,
    Type.DATETIME: _read_moment,
    Type.LIST: _read_item,
    "icontains": read_words,
    "exists": read_boolean,
    f"{Type.DATE}__within": _dates_of(read_within),
    f"{Type.DATE}__within_next": _dates_of(read_within_next),
    f"{Type.DATETIME}__within": _moments_of(read_within),
    f"{Type.DATETIME}__within_next": _moments_of(read_within_next),
}
VALUES: dict[str, type[JSONValue]] = {
    Type.TEXT: JSONValue,
    Type.NUMBER: NumberValue,
    Type.BOOLEAN: BooleanValue,
    Type.DATE: DateValue,
    Type.DATETIME: MomentValue,
    Type.LIST: JSONValue,
}
# Type -> the expression that is indexed; lists have no index.
INDEXED: dict[str, type[JSONValue]] = {
    **{type_: value for type_, value in VALUES.items() if type_ != Type.LIST},
    Type.TEXT: TextStart,
}
GUARDS: dict[str, type[JSONValue]] = {Type.TEXT: IsText, Type.DATE: IsTime, Type.DATETIME: IsTime}
LOOKUPS = {
    "icontains": IContains,
    "exists": lambda column, there: lookups.IsNull(JSONValue(column.extra["key"]), not there),
    "gt": _edge(lookups.GreaterThan, "gt"),
    "gte": _edge(lookups.GreaterThanOrEqual, "gte"),
    "lt": _edge(lookups.LessThan, "lt"),
    "lte": _edge(lookups.LessThanOrEqual, "lte"),
    "within": _between,
    "within_next": _between,
}
_ORDERED = ("exact", "in", "gt", "gte", "lt", "lte", "exists")
_TIMES = (*_ORDERED, "within", "within_next")
ACCEPTED: dict[str, tuple[str, ...]] = {
    Type.TEXT: ("exact", "in", "icontains", "exists"),
    Type.NUMBER: _ORDERED,
    Type.BOOLEAN: ("exact", "exists"),
    Type.DATE: _TIMES,
    Type.DATETIME: _TIMES,
    Type.LIST: ("exact", "in", "exists"),
}


def attribute_condition(name: str, scope: Scope) -> AttributeCondition:
    """Return the condition of `attributes__<key>[__<lookup>]`; raise QueryError for an unknown key or lookup."""
    key, suffix, lookup = name.removeprefix(PREFIX).partition("__")
    type_ = scope.attribute_types.get(key)
    if type_ is None:
        known = [f"{PREFIX}{one}" for one in sorted(scope.attribute_types)[:50]]
        raise QueryError(f"there is no such attribute; accepted: {', '.join(known) or 'none, for no contact has any'}")
    lookup = lookup if suffix else "exact"
    if lookup not in ACCEPTED[type_]:
        known = [f"{PREFIX}{key}" + ("" if one == "exact" else f"__{one}") for one in ACCEPTED[type_]]
        raise QueryError(f"unknown; accepted for an attribute of type {type_}: {', '.join(known)}")
    return AttributeCondition(key, type_, lookup)
