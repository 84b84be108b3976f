"""The `query` of a broadcast and the rules of a segment, compiled to one condition on contacts."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import BooleanField, Field, Func, Q, QuerySet
from django.utils import timezone

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact, Organization, Segment, SegmentMember

from .attributes import PREFIX, attribute_leaf
from .leaves import FIELD_LEAVES, NOBODY, Leaf, any_of
from .relations import RELATION_LEAVES, attended, having
from .values import Refused, Scope, at, printable, read_uuid

# Parameters of a list that say nothing about who.
NOT_FILTERS = frozenset({"page", "page_size", "field", "o"})
BRANCHES = ("all", "any", "not")
EXAMPLE = '{"language": "es"}'


class Unusable(Refused):
    """A segment that cannot be compiled, wherever it was named."""


class SegmentLeaf(Leaf):
    """Whoever is in one of the segments."""

    help = "The uuid of a segment; repeated: in any of them."

    def __init__(self, empty_list: bool = False) -> None:
        self.empty_list = empty_list

    def read(self, value: Any, scope: Scope) -> Any:
        # What the API reads back as an object may be written as one.
        return read_uuid(value.get("uuid") if isinstance(value, dict) else value, scope)

    def read_all(self, given: Any, scope: Scope) -> list[Segment]:
        uuids = super().read_all(given, scope)
        found = Segment.objects.for_organization(scope.organization).filter(uuid__in=uuids)
        segments = {segment.uuid: segment for segment in found} if uuids else {}
        for i, uuid in enumerate(uuids):
            if uuid not in segments:
                raise Refused(f"there is no segment {uuid}", f"[{i}]" if isinstance(given, list | tuple) else "")
        return list(segments.values())

    def match(self, values: list[Any], scope: Scope) -> Q | None:
        return in_segments(values, scope) if values else None


LEAVES: dict[str, Leaf] = {
    **FIELD_LEAVES,
    "segment": SegmentLeaf(),
    "customers": SegmentLeaf(empty_list=True),
    "offerings": SegmentLeaf(empty_list=True),
    **RELATION_LEAVES,
}


def leaf_of(key: str, scope: Scope, also: Iterable[str] = ()) -> Leaf:
    """Return the leaf of a key, or refuse one that there is not, naming those that there are."""
    if leaf := LEAVES.get(key):
        return leaf
    if key.startswith(PREFIX):
        return attribute_leaf(key, scope)
    raise Refused(f"unknown; accepted: {', '.join([*also, *LEAVES, PREFIX + '<key>'])}")


def conjunction(found: Mapping[str, tuple[Leaf, list[Any]]], scope: Scope) -> list[Q]:
    """Return the conditions of keys that stand beside each other; those that say nothing are left out."""
    found = dict(found)
    conditions: list[Q | None] = []
    if "activity" in found and "attendance_status" in found:  # beside each other they are of the same attendance
        scope.spend(1)
        (_, activity_ids), (_, statuses) = found.pop("activity"), found.pop("attendance_status")
        conditions.append(attended(activity_ids=activity_ids, statuses=statuses, of_all=scope.of_all))
    for key, (leaf, values) in found.items():
        with at(f".{key}"):
            conditions.append(leaf.match(values, scope))
    return [condition for condition in conditions if condition is not None]


def all_of(conditions: Iterable[Q]) -> Q:
    whole = Q()
    for condition in conditions:
        whole &= condition
    return whole


class IsNotTrue(Func):
    """Everybody for whom a condition is not true, those included for whom SQL says neither yes nor no."""

    template = "%(expressions)s IS NOT TRUE"  # a condition brings its own brackets, and SQLite bears but 100
    output_field: Field = BooleanField()


def _object(node: Any, scope: Scope) -> Q | None:
    """Compile an object, whose keys must all hold; None when it says nothing."""
    if not isinstance(node, dict):
        raise Refused(f"must be an object, such as {EXAMPLE}")
    found: dict[str, tuple[Leaf, list[Any]]] = {}
    conditions: list[Q] = []
    with scope.deeper():
        for key, value in node.items():
            with at(f".{printable(key)}"):
                if key in BRANCHES:
                    conditions.append(_branch(key, value, scope))
                else:
                    leaf = leaf_of(key, scope, also=BRANCHES)
                    found[key] = leaf, leaf.read_all(value, scope)
        conditions += conjunction(found, scope)
    return all_of(conditions) if conditions else None


def _branch(key: str, value: Any, scope: Scope) -> Q:
    if key == "not":
        return Q(IsNotTrue(_nested(value, scope)))
    if not isinstance(value, list) or not value:
        raise Refused(f"must be a list of at least one object, such as [{EXAMPLE}]")
    conditions = []
    for i, child in enumerate(value):
        with at(f"[{i}]"):
            conditions.append(_nested(child, scope))
    return any_of(conditions) if key == "any" else all_of(conditions)


def _nested(node: Any, scope: Scope) -> Q:
    condition = _object(node, scope)
    if condition is None:
        raise Refused(f"says nothing; give at least one condition, such as {EXAMPLE}")
    return condition


def condition_of(query: Any, scope: Scope, root: str = "query") -> Q:
    """Compile a whole tree; one that says nothing is nobody. Raises Refused with the path from the root."""
    with at(root):
        condition = _object(query, scope)
    return NOBODY if condition is None else condition


def in_segments(segments: Iterable[Segment], scope: Scope) -> Q:
    """Contacts in any of the segments; a dynamic one is compiled in its place."""
    segments = list(segments)
    scope.spend(1)
    static = [segment.pk for segment in segments if segment.kind == Segment.Kind.STATIC]
    members = SegmentMember.objects.filter(segment__in=static)
    conditions = [having(members, scope.of_all)] if static else []
    conditions += [_rules_of(segment, scope) for segment in segments if segment.kind == Segment.Kind.DYNAMIC]
    return any_of(conditions) if conditions else NOBODY


def _rules_of(segment: Segment, scope: Scope) -> Q:
    names = [f"“{one.name}”" for one in [*scope.chain, segment]]
    if segment in scope.chain:
        raise Unusable(f"segments go round in a circle: {' → '.join(names)}")
    scope.chain.append(segment)
    try:
        return condition_of(segment.rules, scope, root="rules")
    except Unusable as unusable:
        unusable.path = ""
        raise
    except Refused as refused:
        raise Unusable(f"segment {names[-1]} cannot be used, because of its {refused}") from None
    finally:
        scope.chain.pop()


def compile_query(query: Any, organization: Organization, of_all: bool = False) -> QuerySet[Contact]:
    """Return the contacts of an organization that a query chooses; InvalidInput names the path of what is wrong.

    `of_all` makes it fast to count, and slow to read the first few.
    """
    try:
        condition = condition_of(query, Scope(organization, of_all))
    except Refused as refused:
        raise InvalidInput({"query": str(refused)}) from None
    return Contact.objects.for_organization(organization).filter(condition)


def validate(query: Any, organization: Organization) -> None:
    """Raise InvalidInput({"query": "<path>: what is wrong; accepted: ..."}) unless the query can be compiled."""
    compile_query(query, organization)


def query_from(parameters: Any) -> dict[str, Any]:
    """Make a query of URL parameters; `query` holds one as JSON, and the others must hold beside it."""
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
    """Raise InvalidInput({"rules": ...}) unless the rules can be compiled and do not lead back to the segment."""
    scope = Scope(segment.organization)
    scope.chain.append(segment)
    try:
        condition_of(segment.rules, scope, root="rules")
    except Refused as refused:
        raise InvalidInput({"rules": str(refused)}) from None


def segment_contacts(segment: Segment, of_all: bool = False) -> QuerySet[Contact]:
    """Return the contacts in a segment; InvalidInput when its rules cannot be used (any more)."""
    try:
        condition = in_segments([segment], Scope(segment.organization, of_all))
    except Refused as refused:
        raise InvalidInput({"rules": refused.message}) from None
    return Contact.objects.for_organization(segment.organization_id).filter(condition)


def count_segment(segment: Segment) -> int:
    """Count a segment's contacts now and keep the count with its time."""
    segment.contacts_count = segment_contacts(segment, of_all=True).count()
    segment.counted_at = timezone.now()
    Segment.objects.filter(pk=segment.pk).update(contacts_count=segment.contacts_count, counted_at=segment.counted_at)
    return segment.contacts_count
