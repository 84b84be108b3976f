"""Which conditions of an audience one contact meets: the audience as a tree, each condition tested on that contact.

The clauses are the same that choose the recipients, kept apart and with a description of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import BooleanField, Case, Q, Value, When

from broadcasts import formats
from broadcasts.models import Activity, Attendance, Broadcast, Contact, Engagement, Organization, Segment

from .audience import Audience
from .conditions import NOBODY, Condition
from .describing import ContactProfile, describe
from .measuring import MARK, measured
from .query import BRANCHES, SegmentCondition, condition_of, conjunction, in_segments
from .values import Scope

AT_ONCE = 40  # conditions in one query
BY_NAME = 50  # the cost of being named or made a member: further away than any rule
GROUPS = {"all": "all of these", "any": "any of these", "not": "not this"}


@dataclass(eq=False)
class MatchNode:
    """A node of an audience's tree: a condition ("<subject> must <rest>"), or children joined by all, any or not.

    path: where it stands in the audience, such as "query.all[0]".
    rest: the whole description if there is no subject.
    cost: how far a contact is from meeting it, to find the nearest rule.
    holds: whether the contact meets it; valid after `settle`.
    """

    path: str
    name: str = ""  # "segment <name>", if the node is a segment
    subject: str = ""
    rest: str = ""
    join: str = ""
    children: list["MatchNode"] = field(default_factory=list)
    clause: Q = NOBODY
    cost: int = 1
    asked: tuple[str, Any] | None = None  # (key, value) in the query
    actual: str = ""  # the contact's own value, described
    holds: bool = False

    def words(self, must: str = "must") -> str:
        if self.join:
            return self.rest or GROUPS[self.join]
        return f"{self.subject} {must} {self.rest}" if self.subject else self.rest

    def conditions(self) -> Iterator["MatchNode"]:
        if not self.join:
            yield self
        for node in self.children:
            yield from node.conditions()

    def lines(self, depth: int = 0) -> Iterator[tuple[int, "MatchNode"]]:
        """Yield (depth, node) for this node and all its descendants, depth first."""
        yield depth, self
        for node in self.children:
            yield from node.lines(depth + 1)

    def settle(self, true: set[int]) -> bool:
        """Set and return `holds`, for the descendants as well; `true` has the id() of each condition that holds."""
        held = [node.settle(true) for node in self.children]
        match self.join:
            case "all":
                self.holds = all(held)
            case "any":
                self.holds = any(held)
            case "not":
                self.holds = not held[0]
            case _:
                self.holds = id(self) in true
        return self.holds

    def nearest(self, wanted: bool = True) -> tuple[int, list[tuple["MatchNode", bool]]]:
        """Return (cost, [(condition, wanted value)]): the cheapest changes that would make this node hold, or not."""
        if self.join == "not":
            return self.children[0].nearest(not wanted)
        if not self.join:
            return (0, []) if self.holds == wanted else (self.cost, [(self, wanted)])
        found = [node.nearest(wanted) for node in self.children]
        if (self.join == "all") != wanted:
            return min(found, key=lambda one: one[0])
        return sum(cost for cost, _ in found), [condition for _, conditions in found for condition in conditions]


@dataclass(frozen=True)
class Match:
    """The result of matching one contact against an audience: its tree and its exclusions, evaluated."""

    matched: bool
    tree: MatchNode
    excluded: MatchNode
    profile: ContactProfile

    def rule(self) -> str:
        """Return the nearest rule that excludes the contact, as "<path>: <description>; <the contact's value>"."""
        path, words = self._nearest
        return f"{path}: {words}" if words else ""

    def plainly(self) -> str:
        """Return the same rule without its path, except for the name of a segment."""
        path, words = self._nearest
        segment = path.rpartition(": ")[0]
        return f"{segment}: {words}" if segment else words

    @cached_property
    def _nearest(self) -> tuple[str, str]:
        _, conditions = self.tree.nearest()
        if not conditions:
            return "", ""
        condition, wanted = conditions[0]
        actual = self.profile.actual(*condition.asked) if condition.asked else ""
        return condition.path, f"{condition.words('must' if wanted else 'must not')}{f'; {actual}' if actual else ''}"


def match_contact(audience: Audience, contact: Contact) -> Match:
    """Test each condition of an audience on one contact; raises InvalidInput if the audience cannot be compiled."""
    matched, _ = audience.matched(), audience.excluded()  # first, since these reject circular segments
    profile = ContactProfile(contact, audience.organization)
    walk = _Walk(audience.organization, profile)
    whole = MatchNode("audience", clause=matched)
    tree, excluded = walk.audience(audience), walk.exclusions(audience)
    conditions = [whole, *tree.conditions(), *excluded.conditions()]
    true: set[int] = set()
    for start in range(0, len(conditions), AT_ONCE):
        true |= _holding(contact, conditions[start : start + AT_ONCE])
    tree.settle(true), excluded.settle(true)
    return Match(whole.settle(true), tree, excluded, profile)


def _holding(contact: Contact, conditions: Sequence[MatchNode]) -> set[int]:
    answers = {
        f"holds_{i}": Case(When(condition.clause, then=Value(True)), default=Value(False), output_field=BooleanField())
        for i, condition in enumerate(conditions)
    }
    told = Contact.objects.filter(pk=contact.pk).annotate(**answers).values_list(*answers).first()
    return {id(condition) for condition, holds in zip(conditions, told or (), strict=False) if holds}


class _Walk:
    """Builds the tree of an audience."""

    def __init__(self, organization: Organization, profile: ContactProfile) -> None:
        self.scope, self.profile = Scope(organization), profile

    def audience(self, audience: Audience) -> MatchNode:
        children = []
        for name, clause in audience.clauses().items():
            match name:
                case "segments":
                    children += self.segments(audience.segment_ids, "segments")
                case "query":
                    children.append(self.tree(audience.query, "query"))
                case _:
                    children.append(self.plain(name, clause, audience))
        children = children or [_nobody("audience")]
        union = children[0] if len(children) == 1 else MatchNode("audience", join="any", children=children)
        among = audience.retargeted()
        if among is None:
            return union
        broadcast = Broadcast.objects.get(pk=audience.retarget_of_id or 0)
        engagement = Engagement(audience.retarget_engagement or Engagement.SENT)
        rest = f"{engagement.did(f'“{broadcast}”')}{'' if engagement in measured(broadcast) else MARK}"
        kept = MatchNode("retarget_of", subject="they", rest=rest, clause=among)
        kept.asked = "engagement", {"broadcast": str(broadcast.uuid)}
        return MatchNode("audience", join="all", children=[union, kept])

    def exclusions(self, audience: Audience) -> MatchNode:
        children = self.segments(audience.excluded_ids, "excluded_segments")
        if audience.excluded_broadcast_ids:
            copies = Q(pk__in=audience.excluded_copies().filter(contact=self.profile.contact).values("contact"))
            sent = "have been sent an excluded broadcast"
            children.append(MatchNode("excluded_broadcasts", subject="they", rest=sent, clause=copies))
        return MatchNode("excluded", join="any", children=children)

    def plain(self, name: str, clause: Q, audience: Audience) -> MatchNode:
        node = MatchNode(name, subject="they", clause=clause, cost=BY_NAME)
        match name:
            case "send_to_all":
                node.rest = "be a contact of the organization"
            case "contacts":
                node.rest = "be one of the contacts that are named"
            case "addresses":
                [first, *others] = audience.addresses
                node.rest = f"have one of the {formats.number(len(others) + 1)} addresses that are named"
                if not others:
                    node.rest = f"have the address {first.partition(':')[2] or first}"
            case "activity":
                activity = Activity.objects.get(pk=audience.activity_id or 0)
                label = Attendance.Status(audience.attendance_status).label if audience.attendance_status else ""
                node.cost, node.rest = (
                    1,
                    f"have a place in “{activity}”{f' with the status “{label}”' if label else ''}",
                )
                node.asked = "activity", str(activity.uuid)
        return node

    def segments(self, pks: Any, path: str) -> list[MatchNode]:
        found = Segment.objects.for_organization(self.scope.organization).filter(pk__in=pks).order_by("name")
        return [self.segment(one, path) for one in found] if pks else []

    def segment(self, segment: Segment, path: str) -> MatchNode:
        name = f"segment “{segment.name}”"
        if segment.kind == Segment.Kind.STATIC:
            clause = in_segments([segment], self.scope)
            member = f"be a member of {name}"
            return MatchNode(path, name, "they", member, clause=clause, cost=BY_NAME)
        return MatchNode(
            path, name, rest=f"in {name}", join="all", children=[self.tree(segment.rules, f"{name}: rules")]
        )

    def tree(self, node: dict[str, Any], path: str) -> MatchNode:
        nodes: list[MatchNode] = []
        found: dict[str, tuple[Condition, list[Any]]] = {}
        for key, value in node.items():
            if key == "not":
                nodes.append(MatchNode(path, join="not", children=[self.tree(value, f"{path}.not")]))
            elif key in BRANCHES:
                children = [self.tree(child, f"{path}.{key}[{i}]") for i, child in enumerate(value)]
                nodes.append(MatchNode(f"{path}.{key}", join=key, children=children))
            else:
                condition = condition_of(key, self.scope)
                found[key] = condition, condition.read_all(value, self.scope)
        if {"activity", "attendance_status"} <= set(found):  # side by side they apply to the same attendance
            pair = {name: found.pop(name) for name in ("activity", "attendance_status")}
            nodes += self.condition(path, "activity", {name: node[name] for name in pair}, pair)
        for key, one in found.items():
            nodes += self.condition(path, key, node[key], {key: one})
        if not nodes:
            return _nobody(path)
        return nodes[0] if len(nodes) == 1 else MatchNode(path, join="all", children=nodes)

    def condition(
        self, path: str, key: str, given: Any, found: dict[str, tuple[Condition, list[Any]]]
    ) -> list[MatchNode]:
        condition, values = found[key]
        if isinstance(condition, SegmentCondition):
            children = [self.segment(one, path) for one in values]
            return [MatchNode(path, join="any", children=children)] if len(children) > 1 else children
        subject, rest = describe(key, given, self.profile)
        return [
            MatchNode(path, "", subject, rest, clause=clause, asked=(key, given), actual=self.profile.known(key))
            for clause in conjunction(found, self.scope)
        ]


def _nobody(path: str) -> MatchNode:
    return MatchNode(path, rest="nobody is chosen, as nothing is asked for", cost=BY_NAME)
