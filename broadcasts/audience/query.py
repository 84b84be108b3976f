"""Compile the `query` of a broadcast and the rules of a segment to one SQL clause on contacts."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.models import BooleanField, Field, Func, Q, QuerySet
from django.utils import timezone

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Contact, Organization, Segment, SegmentMember

from .attendances import ATTENDANCE_CONDITIONS, attended
from .attributes import PREFIX, attribute_condition
from .conditions import FIELD_CONDITIONS, NOBODY, Condition, any_of
from .lacking import LACK_CONDITIONS
from .relations import RELATION_CONDITIONS, having
from .values import QueryError, Scope, at, printable, read_uuid

# URL parameters of a list that do not filter.
NOT_FILTERS = frozenset({"page", "page_size", "field", "o"})
BRANCHES = ("all", "any", "not")
EXAMPLE = '{"language": "es"}'


class Unusable(QueryError):
    """A segment cannot be compiled; the message is the same at any path that refers to the segment."""


class SegmentCondition(Condition):
    """Contacts in one of the segments."""

    help = "The uuid of a segment; repeated: in any of them."

    def __init__(self, empty_list: bool = False) -> None:
        self.empty_list = empty_list

    def read(self, value: Any, scope: Scope) -> Any:
        # The API shows a segment as an object, so it accepts one as well.
        return read_uuid(value.get("uuid") if isinstance(value, dict) else value, scope)

    def read_all(self, given: Any, scope: Scope) -> list[Segment]:
        uuids = super().read_all(given, scope)
        found = Segment.objects.for_organization(scope.organization).filter(uuid__in=uuids)
        segments = {segment.uuid: segment for segment in found} if uuids else {}
        for i, uuid in enumerate(uuids):
            if uuid not in segments:
                raise QueryError(f"there is no segment {uuid}", f"[{i}]" if isinstance(given, list | tuple) else "")
        return list(segments.values())

    def match(self, values: list[Any], scope: Scope) -> Q | None:
        return in_segments(values, scope) if values else None


CONDITIONS: dict[str, Condition] = {
    **FIELD_CONDITIONS,
    "segment": SegmentCondition(),
    "customers": SegmentCondition(empty_list=True),
    "offerings": SegmentCondition(empty_list=True),
    **ATTENDANCE_CONDITIONS,
    **RELATION_CONDITIONS,
    **LACK_CONDITIONS,
}


def condition_of(key: str, scope: Scope, also: Iterable[str] = ()) -> Condition:
    """Return the condition of a key; raise QueryError that lists the accepted keys for an unknown one."""
    if condition := CONDITIONS.get(key):
        return condition
    if key.startswith(PREFIX):
        return attribute_condition(key, scope)
    raise QueryError(f"unknown; accepted: {', '.join([*also, *CONDITIONS, PREFIX + '<key>'])}")


def conjunction(found: Mapping[str, tuple[Condition, list[Any]]], scope: Scope) -> list[Q]:
    """Return the clauses of keys in one object; conditions that restrict nothing are left out."""
    found = dict(found)
    clauses: list[Q | None] = []
    if "activity" in found and "attendance_status" in found:  # side by side they apply to the same attendance
        scope.spend(1)
        (_, activities), (_, statuses) = found.pop("activity"), found.pop("attendance_status")
        clauses.append(attended(activity=activities, status=statuses, of_all=scope.of_all))
    for key, (condition, values) in found.items():
        with at(f".{key}"):
            clauses.append(condition.match(values, scope))
    return [clause for clause in clauses if clause is not None]


def all_of(clauses: Iterable[Q]) -> Q:
    whole = Q()
    for clause in clauses:
        whole &= clause
    return whole


class IsNotTrue(Func):
    """Negate a clause such that rows for which it is NULL match too."""

    template = "%(expressions)s IS NOT TRUE"  # a clause has its own brackets, and SQLite nests no more than 100
    output_field: Field = BooleanField()


def _object(node: Any, scope: Scope) -> Q | None:
    """Compile an object, whose keys must all hold; None if it restricts nothing."""
    if not isinstance(node, dict):
        raise QueryError(f"must be an object, such as {EXAMPLE}")
    found: dict[str, tuple[Condition, list[Any]]] = {}
    clauses: list[Q] = []
    with scope.deeper():
        for key, value in node.items():
            with at(f".{printable(key)}"):
                if key in BRANCHES:
                    clauses.append(_branch(key, value, scope))
                else:
                    condition = condition_of(key, scope, also=BRANCHES)
                    found[key] = condition, condition.read_all(value, scope)
        clauses += conjunction(found, scope)
    return all_of(clauses) if clauses else None


def _branch(key: str, value: Any, scope: Scope) -> Q:
    if key == "not":
        return Q(IsNotTrue(_nested(value, scope)))
    if not isinstance(value, list) or not value:
        raise QueryError(f"must be a list of at least one object, such as [{EXAMPLE}]")
    clauses = []
    for i, child in enumerate(value):
        with at(f"[{i}]"):
            clauses.append(_nested(child, scope))
    return any_of(clauses) if key == "any" else all_of(clauses)


def _nested(node: Any, scope: Scope) -> Q:
    clause = _object(node, scope)
    if clause is None:
        raise QueryError(f"says nothing; give at least one condition, such as {EXAMPLE}")
    return clause


def clause_of(query: Any, scope: Scope, root: str = "query") -> Q:
    """Compile a whole tree; an empty one matches no contact. Raises QueryError with the path from `root`."""
    with at(root):
        clause = _object(query, scope)
    return NOBODY if clause is None else clause


def in_segments(segments: Iterable[Segment], scope: Scope) -> Q:
    """Return the clause for contacts in any of the segments; the rules of dynamic ones are compiled in place."""
    segments = list(segments)
    scope.spend(1)
    static = [segment.pk for segment in segments if segment.kind == Segment.Kind.STATIC]
    members = SegmentMember.objects.filter(segment__in=static)
    clauses = [having(members, scope.of_all)] if static else []
    clauses += [_rules_of(segment, scope) for segment in segments if segment.kind == Segment.Kind.DYNAMIC]
    return any_of(clauses) if clauses else NOBODY


def _rules_of(segment: Segment, scope: Scope) -> Q:
    with inside(segment, scope):
        return clause_of(segment.rules, scope, root="rules")


@contextmanager
def inside(row: Segment | Broadcast, scope: Scope) -> Iterator[None]:
    """Compile the rules of a row as a part of others; raises Unusable for errors inside, and if it refers to itself."""
    names = [f"“{one.name}”" for one in [*scope.chain, row]]
    if row in scope.chain:
        is_plain = all(isinstance(one, Segment) for one in [*scope.chain, row])
        raise Unusable(f"{'segments' if is_plain else 'rules'} go round in a circle: {' → '.join(names)}")
    scope.chain.append(row)
    try:
        yield
    except Unusable as unusable:
        unusable.path = ""
        raise
    except QueryError as error:
        raise Unusable(
            f"{row._meta.verbose_name} {names[-1]} cannot be used, because of its {str(error).removeprefix(': ')}"
        ) from None
    finally:
        scope.chain.pop()


def compile_query(
    query: Any, organization: Organization, of_all: bool = False, within: Broadcast | None = None
) -> QuerySet[Contact]:
    """Return the contacts of an organization that match a query; `within` is the broadcast whose query it is.

    With `of_all` all of them are counted fast, but reading the first few is slow.
    Raises InvalidInput({"query": "<path>: what is wrong; accepted: ..."}).
    """
    try:
        clause = clause_of(query, Scope(organization, of_all, within))
    except QueryError as error:
        raise InvalidInput({"query": str(error)}) from None
    return Contact.objects.for_organization(organization).filter(clause)


def validate(query: Any, organization: Organization, within: Broadcast | None = None) -> None:
    """Raise InvalidInput({"query": "<path>: what is wrong; accepted: ..."}) if the query cannot be compiled."""
    compile_query(query, organization, within=within)


def query_from(parameters: Any) -> dict[str, Any]:
    """Return URL parameters as a query; a parameter `query`, which holds JSON, is combined with the others by "all"."""
    tree: dict[str, Any] = {}
    for name in parameters:
        if name not in NOT_FILTERS and name != "query":
            values = parameters.getlist(name)
            tree[name] = values if len(values) > 1 else values[0]
    if "query" not in parameters:
        return tree
    given = read_json(parameters["query"])
    return {"all": [given, tree]} if tree else given


def read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput({"query": f"query: not JSON; give an object, such as {EXAMPLE}"}) from None


def validate_rules(segment: Segment) -> None:
    """Raise InvalidInput({"rules": ...}) if the rules cannot be compiled or refer back to their own segment."""
    scope = Scope(segment.organization, within=segment)
    try:
        clause_of(segment.rules, scope, root="rules")
    except QueryError as error:
        raise InvalidInput({"rules": str(error)}) from None


def segment_contacts(segment: Segment, of_all: bool = False) -> QuerySet[Contact]:
    """Return the contacts in a segment; raises InvalidInput({"rules": ...}) if its rules cannot be compiled."""
    try:
        clause = in_segments([segment], Scope(segment.organization, of_all))
    except QueryError as error:
        raise InvalidInput({"rules": error.message}) from None
    return Contact.objects.for_organization(segment.organization_id).filter(clause)


def count_segment(segment: Segment) -> int:
    """Count the contacts of a segment, and store the count with its time on the row."""
    segment.contacts_count = segment_contacts(segment, of_all=True).count()
    segment.counted_at = timezone.now()
    Segment.objects.filter(pk=segment.pk).update(contacts_count=segment.contacts_count, counted_at=segment.counted_at)
    return segment.contacts_count
