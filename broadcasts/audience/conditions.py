"""The conditions of the vocabulary: which values a key accepts, and the SQL clause on contacts that they make.

Query trees, segment rules and URL parameters all use them; a value may be JSON or the text of a URL parameter.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import F, Q

from broadcasts.mediums import ADDRESS_FIELDS, AddressField
from broadcasts.models import Contact, search_words

from .icontains import IContains
from .searching import search_clause
from .values import (
    EDGES,
    QueryError,
    Read,
    Scope,
    at,
    read_address,
    read_boolean,
    read_choice,
    read_language,
    read_moment,
    read_text,
    read_time_zone,
    read_uuid,
    read_within,
    read_words,
)

# Unlike an empty `IN ()`, this is valid SQL, so that an INSERT ... SELECT of no rows still compiles.
NOBODY = Q(pk__lt=0)


class Condition:
    """What one key of a query asks for.

    `read` returns a value in its Python type or raises QueryError; `match` returns the clause for contacts that match
    any of the values, or None if the values restrict nothing.
    """

    help = ""
    empty_list = False  # whether [] is accepted, and restricts nothing
    commas = False  # whether a text may hold several values, separated by commas

    def read(self, value: Any, scope: Scope) -> Any:
        raise NotImplementedError

    def match(self, values: list[Any], scope: Scope) -> Q | None:
        raise NotImplementedError

    def read_all(self, given: Any, scope: Scope) -> list[Any]:
        """Read one value or a list of values; raises QueryError with the index of a bad one."""
        if self.commas and isinstance(given, str):
            given = given.split(",")
        if not isinstance(given, list | tuple):
            scope.take(1)
            return [self.read(given, scope)]
        if not given and not self.empty_list:
            raise QueryError("an empty list; give at least one value")
        scope.take(len(given))
        values = []
        for i, value in enumerate(given):
            with at(f"[{i}]"):
                values.append(self.read(value, scope))
        return values


class ExactCondition(Condition):
    """A column that equals one of the values."""

    def __init__(self, field: str, read: Read, help: str = "") -> None:
        self.field, self._read, self.help = field, read, help

    def read(self, value: Any, scope: Scope) -> Any:
        return self._read(value, scope)

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(1)
        return Q(**{f"{self.field}__in": values})


class AddressCondition(ExactCondition):
    """An address, compared by its normalised key; a blank value matches contacts without an address."""

    def __init__(self, address: AddressField) -> None:
        super().__init__(address.key, read_address(address), f"{address.hint}; blank: those without one.")

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(2)
        found = Q(**{f"{self.field}__in": [value for value in values if value]})
        if not all(values):
            found |= Q(**{self.field: None})
        return found


class CompareCondition(ExactCondition):
    """A column that compares to one of the values by a lookup, such as gte."""

    def __init__(self, field: str, lookup: str, read: Read, help: str = "") -> None:
        super().__init__(f"{field}__{lookup}", read, help)

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(len(values))
        return any_of([Q(**{self.field: value}) for value in values])


class ContainsCondition(ExactCondition):
    """A column that contains one of the values, ignoring case."""

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(len(values))
        return any_of([Q(IContains(F(self.field), value)) for value in values])


class WithinCondition(ExactCondition):
    """A column whose time is within one of the spans."""

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(len(values))
        return any_of([Q(**{f"{self.field}__range": span}) for span in values])


class EverybodyCondition(Condition):
    help = "true: everybody."

    def read(self, value: Any, scope: Scope) -> bool:
        return read_boolean(value, scope)

    def match(self, values: list[Any], scope: Scope) -> Q | None:
        return Q(pk__gt=0) if any(values) else None


class SearchCondition(Condition):
    help = "How words of the name or e-mail address begin, whatever their case and accents, or part of a phone number."

    def read(self, value: Any, scope: Scope) -> str:
        text = read_words(value, scope)
        if not search_words(text):
            raise QueryError("no letter or digit in it; give how a name or an address begins")
        return text

    def match(self, values: list[Any], scope: Scope) -> Q:
        for value in values:
            scope.spend(len(search_words(value)) + 1)
        return any_of([search_clause(value) for value in values])


def any_of(clauses: Sequence[Q]) -> Q:
    found = clauses[0]
    for clause in clauses[1:]:
        found |= clause
    return found


def moments(field: str, help: str) -> dict[str, Condition]:
    def edge(lookup: str) -> Read:
        return lambda value, scope: read_moment(value, scope)[EDGES[lookup]]

    edges = {f"{field}__{lookup}": CompareCondition(field, lookup, edge(lookup), help) for lookup in EDGES}
    return {
        **edges,
        f"{field}__within": WithinCondition(field, read_within, "In the last 12h, 30d, 4w (hours, days, weeks)."),
    }


FIELD_CONDITIONS: dict[str, Condition] = {
    "all_users": EverybodyCondition(),
    "search": SearchCondition(),
    "uuid": ExactCondition("uuid", read_uuid, "Of a contact."),
    "contact": ExactCondition("uuid", read_uuid, "The same as uuid."),
    "external_id": ExactCondition("external_id", read_words, "The key of another system."),
    **{one.name: AddressCondition(one) for one in ADDRESS_FIELDS.values()},
    "email__icontains": ContainsCondition("email", read_words, "Part of the e-mail address."),
    "full_name": ExactCondition("full_name", read_text, "The whole name."),
    "full_name__icontains": ContainsCondition("full_name", read_words, "Part of the name."),
    "language": ExactCondition("language", read_language, "BCP 47, such as es; blank: those without one."),
    "status": ExactCondition(
        "status", read_choice(Contact.Status, "a status"), f"One of {', '.join(Contact.Status.values)}."
    ),
    "no_tracking": ExactCondition("no_tracking", read_boolean, "true: those who asked not to be measured."),
    "time_zone": ExactCondition("time_zone", read_time_zone, "IANA name; blank: those without one."),
    **moments("created", "A moment, or a day in the organization's time zone."),
    **moments("last_seen_at", "A moment, or a day in the organization's time zone."),
}
