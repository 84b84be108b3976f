"""The condition that a contact lacks a value that content may name, such as the first name.

Blank text, null, an empty list and a key that is not there are no value; false and 0 are one.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q, QuerySet, lookups

from broadcasts.models import Attribute, Contact, Organization

from .attributes import JSONValue
from .conditions import Condition, any_of
from .values import QueryError, Scope, printable, read_text

CONTACT, ATTRIBUTES = "contact.", "contact.attributes."
SHOWN = 50
# The fields of contacts that content may name.
LABELS = {
    "first_name": "First name",
    "name": "Name",
    "email": "E-mail address",
    "phone": "Phone number",
    "language": "Language",
    "external_id": "External id",
}
EMPTY = ("", "[]", "{}")
# What content may name below `contact` -> the clause for those who have no value.
FIELDS = {
    "name": Q(full_name=""),
    "full_name": Q(full_name=""),
    "first_name": Q(full_name=""),
    "email": Q(email=""),
    "phone": Q(phone=""),
    "language": Q(language=""),
    "external_id": Q(external_id=None) | Q(external_id=""),
}


class LacksCondition(Condition):
    help = "A merge field that has no value for the contact, such as contact.first_name or contact.attributes.plan."

    def read(self, value: Any, scope: Scope) -> str:
        """Return the key of an attribute, or of FIELDS with a dot before it."""
        text = read_text(value, scope).strip()
        name = text.removeprefix(CONTACT)
        if name in FIELDS:
            return f".{name}"
        key = name.removeprefix("attributes.")
        if key in scope.attribute_types:
            return key
        known = [*(CONTACT + name for name in FIELDS), *(ATTRIBUTES + key for key in sorted(scope.attribute_types))]
        raise QueryError(f"“{printable(text)}” is no merge field of contacts; accepted: {', '.join(known[:SHOWN])}")

    def match(self, values: list[Any], scope: Scope) -> Q:
        scope.spend(2 * len(values))
        return any_of([FIELDS[one[1:]] if one.startswith(".") else _without(one) for one in values])


def _without(key: str) -> Q:
    value = JSONValue(key)
    return Q(lookups.IsNull(value, True)) | Q(lookups.In(value, EMPTY))


def merge_field_labels(attributes: Iterable[Attribute]) -> dict[str, str]:
    """Return {merge field: label} of the fields of contacts, and of these attributes."""
    labels = {f"{CONTACT}{name}": label for name, label in LABELS.items()}
    return labels | {f"{ATTRIBUTES}{one.key}": str(one) for one in attributes}


LACK_CONDITIONS: dict[str, Condition] = {"lacks": LacksCondition()}


def count_lacking(
    rows: QuerySet[Contact], names: Iterable[str], organization: Organization
) -> tuple[int, dict[str, int]]:
    """Return how many contacts there are, and {merge field: how many of them lack a value}, in one query."""
    scope, condition = Scope(organization), LACK_CONDITIONS["lacks"]
    clauses = {name: condition.match([condition.read(name, scope)], scope) for name in names}
    counts = {f"lacking_{n}": Count("pk", filter=clause) for n, clause in enumerate(clauses.values())}
    told = rows.order_by().aggregate(total=Count("pk"), **counts)
    return told["total"], {name: told[f"lacking_{n}"] for n, name in enumerate(clauses)}
