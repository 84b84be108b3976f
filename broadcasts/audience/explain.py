"""What of an audience chooses one contact, and what does not: its tree, each condition asked of that contact alone.

The conditions are those that choose the recipients; here they are kept apart, with words for each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import BooleanField, Case, Q, Value, When

from broadcasts.models import Activity, Attendance, Broadcast, Contact, Engagement, Organization, Segment

from .audience import Audience
from .leaves import NOBODY, Leaf
from .measuring import MARK, measured
from .query import BRANCHES, SegmentLeaf, conjunction, in_segments, leaf_of
from .values import Scope
from .wording import Facts, said

AT_ONCE = 40  # conditions in one query
BY_NAME = 50  # to be named or made a member is further away than any rule
GROUPS = {"all": "all of these", "any": "any of these", "not": "not this"}


@dataclass(eq=False)
class Part:
    """A condition (`subject` must `rest`), or several joined by all, any or not; `holds` is of the contact asked.

    Without a subject `rest` is the whole of its words.
    """

    path: str
    name: str = ""  # of the segment that it is
    subject: str = ""
    rest: str = ""
    join: str = ""
    parts: list["Part"] = field(default_factory=list)
    condition: Q = NOBODY
    cost: int = 1
    asked: tuple[str, Any] | None = None  # key and value of a leaf of the vocabulary
    actual: str = ""  # what the contact's own row has in its place
    holds: bool = False

    def words(self, must: str = "must") -> str:
        if self.join:
            return self.rest or GROUPS[self.join]
        return f"{self.subject} {must} {self.rest}" if self.subject else self.rest

    def leaves(self) -> Iterator["Part"]:
        if not self.join:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def lines(self, depth: int = 0) -> Iterator[tuple[int, "Part"]]:
        """Yield itself and all below it, each with its depth."""
        yield depth, self
        for part in self.parts:
            yield from part.lines(depth + 1)

    def settle(self, true: set[int]) -> bool:
        """Work out `holds`, from the ids of the leaves that do."""
        held = [part.settle(true) for part in self.parts]
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

    def nearest(self, wanted: bool = True) -> tuple[int, list[tuple["Part", bool]]]:
        """Return the cheapest leaves that would have to become true or false for this to be as wanted."""
        if self.join == "not":
            return self.parts[0].nearest(not wanted)
        if not self.join:
            return (0, []) if self.holds == wanted else (self.cost, [(self, wanted)])
        found = [part.nearest(wanted) for part in self.parts]
        if (self.join == "all") != wanted:
            return min(found, key=lambda one: one[0])
        return sum(cost for cost, _ in found), [leaf for _, leaves in found for leaf in leaves]


@dataclass(frozen=True)
class Choice:
    """Whether an audience matches a contact, by which parts, and which of its exclusions apply."""

    matched: bool
    tree: Part
    excluded: Part
    facts: Facts

    def rule(self) -> str:
        """Name the nearest rule that leaves the contact out by its path and in words, with the contact's own value."""
        path, words = self._nearest
        return f"{path}: {words}" if words else ""

    def plainly(self) -> str:
        """Say that rule with no path in it but the segment's name."""
        path, words = self._nearest
        segment = path.rpartition(": ")[0]
        return f"{segment}: {words}" if segment else words

    @cached_property
    def _nearest(self) -> tuple[str, str]:
        _, leaves = self.tree.nearest()
        if not leaves:
            return "", ""
        leaf, wanted = leaves[0]
        actual = self.facts.actual(*leaf.asked) if leaf.asked else ""
        return leaf.path, f"{leaf.words('must' if wanted else 'must not')}{f'; {actual}' if actual else ''}"


def choice(audience: Audience, contact: Contact) -> Choice:
    """Ask each condition of an audience of one contact; raises InvalidInput where the audience cannot be read."""
    matched, _ = audience.matched(), audience.excluded()  # first: what goes round in a circle is refused here
    facts = Facts(contact, audience.organization)
    walk = _Walk(audience.organization, facts)
    whole = Part("audience", condition=matched)
    tree, excluded = walk.audience(audience), walk.exclusions(audience)
    leaves = [whole, *tree.leaves(), *excluded.leaves()]
    true: set[int] = set()
    for start in range(0, len(leaves), AT_ONCE):
        true |= _holding(contact, leaves[start : start + AT_ONCE])
    tree.settle(true), excluded.settle(true)
    return Choice(whole.settle(true), tree, excluded, facts)


def _holding(contact: Contact, leaves: Sequence[Part]) -> set[int]:
    answers = {
        f"holds_{i}": Case(When(leaf.condition, then=Value(True)), default=Value(False), output_field=BooleanField())
        for i, leaf in enumerate(leaves)
    }
    told = Contact.objects.filter(pk=contact.pk).annotate(**answers).values_list(*answers).first()
    return {id(leaf) for leaf, holds in zip(leaves, told or (), strict=False) if holds}


class _Walk:
    """Takes an audience apart."""

    def __init__(self, organization: Organization, facts: Facts) -> None:
        self.scope, self.facts = Scope(organization), facts

    def audience(self, audience: Audience) -> Part:
        parts = []
        for name, condition in audience.asked().items():
            match name:
                case "segments":
                    parts += self.segments(audience.segment_ids, "segments")
                case "query":
                    parts.append(self.tree(audience.query, "query"))
                case _:
                    parts.append(self.plain(name, condition, audience))
        parts = parts or [_nobody("audience")]
        union = parts[0] if len(parts) == 1 else Part("audience", join="any", parts=parts)
        among = audience.among()
        if among is None:
            return union
        broadcast = Broadcast.objects.get(pk=audience.retarget_of_id or 0)
        engagement = Engagement(audience.retarget_engagement or Engagement.SENT)
        rest = f"{engagement.did(f'“{broadcast}”')}{'' if engagement in measured(broadcast) else MARK}"
        kept = Part("retarget_of", subject="they", rest=rest, condition=among)
        kept.asked = "engagement", {"broadcast": str(broadcast.uuid)}
        return Part("audience", join="all", parts=[union, kept])

    def exclusions(self, audience: Audience) -> Part:
        parts = self.segments(audience.excluded_ids, "excluded_segments")
        if audience.excluded_broadcast_ids:
            copies = Q(pk__in=audience.excluded_copies().filter(contact=self.facts.contact).values("contact"))
            sent = "have been sent an excluded broadcast"
            parts.append(Part("excluded_broadcasts", subject="they", rest=sent, condition=copies))
        return Part("excluded", join="any", parts=parts)

    def plain(self, name: str, condition: Q, audience: Audience) -> Part:
        part = Part(name, subject="they", condition=condition, cost=BY_NAME)
        match name:
            case "send_to_all":
                part.rest = "be a contact of the organization"
            case "contacts":
                part.rest = "be one of the contacts that are named"
            case "addresses":
                [first, *others] = audience.addresses
                part.rest = f"have one of the {len(others) + 1:,} addresses that are named"
                if not others:
                    part.rest = f"have the address {first.partition(':')[2] or first}"
            case "activity":
                activity = Activity.objects.get(pk=audience.activity_id or 0)
                label = Attendance.Status(audience.attendance_status).label if audience.attendance_status else ""
                part.cost, part.rest = (
                    1,
                    f"have a place in “{activity}”{f' with the status “{label}”' if label else ''}",
                )
                part.asked = "activity", str(activity.uuid)
        return part

    def segments(self, pks: Any, path: str) -> list[Part]:
        found = Segment.objects.for_organization(self.scope.organization).filter(pk__in=pks).order_by("name")
        return [self.segment(one, path) for one in found] if pks else []

    def segment(self, segment: Segment, path: str) -> Part:
        name = f"segment “{segment.name}”"
        if segment.kind == Segment.Kind.STATIC:
            condition = in_segments([segment], self.scope)
            member = f"be a member of {name}"
            return Part(path, name, "they", member, condition=condition, cost=BY_NAME)
        return Part(path, name, rest=f"in {name}", join="all", parts=[self.tree(segment.rules, f"{name}: rules")])

    def tree(self, node: dict[str, Any], path: str) -> Part:
        parts: list[Part] = []
        found: dict[str, tuple[Leaf, list[Any]]] = {}
        for key, value in node.items():
            if key == "not":
                parts.append(Part(path, join="not", parts=[self.tree(value, f"{path}.not")]))
            elif key in BRANCHES:
                children = [self.tree(child, f"{path}.{key}[{i}]") for i, child in enumerate(value)]
                parts.append(Part(f"{path}.{key}", join=key, parts=children))
            else:
                leaf = leaf_of(key, self.scope)
                found[key] = leaf, leaf.read_all(value, self.scope)
        if {"activity", "attendance_status"} <= set(found):  # beside each other they are of the same attendance
            pair = {name: found.pop(name) for name in ("activity", "attendance_status")}
            parts += self.leaf(path, "activity", {name: node[name] for name in pair}, pair)
        for key, one in found.items():
            parts += self.leaf(path, key, node[key], {key: one})
        if not parts:
            return _nobody(path)
        return parts[0] if len(parts) == 1 else Part(path, join="all", parts=parts)

    def leaf(self, path: str, key: str, given: Any, found: dict[str, tuple[Leaf, list[Any]]]) -> list[Part]:
        leaf, values = found[key]
        if isinstance(leaf, SegmentLeaf):
            parts = [self.segment(one, path) for one in values]
            return [Part(path, join="any", parts=parts)] if len(parts) > 1 else parts
        subject, rest = said(key, given, self.facts)
        return [
            Part(path, "", subject, rest, condition=condition, asked=(key, given), actual=self.facts.known(key))
            for condition in conjunction(found, self.scope)
        ]


def _nobody(path: str) -> Part:
    return Part(path, rest="nobody is chosen, as nothing is asked for", cost=BY_NAME)
