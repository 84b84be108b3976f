"""The segments that contacts are in."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Value

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Organization, Segment, SegmentMember

from .query import segment_contacts

TOGETHER = 20  # segments whose members are asked for by one query


def groups_of(contacts: Iterable[int], organization: Organization) -> dict[int, list[Segment]]:
    """Return {id of a contact: its segments}, by membership and by rule; a rule that is broken finds nobody."""
    found: dict[int, list[Segment]] = defaultdict(list)
    segments = {one.pk: one for one in Segment.objects.for_organization(organization).order_by("pk")}
    pks = list(contacts)
    pairs = list(SegmentMember.objects.filter(contact__in=pks).values_list("contact_id", "segment_id"))
    by_rule = []
    for one in segments.values():
        if one.kind == Segment.Kind.DYNAMIC:
            try:
                members = segment_contacts(one)
            except InvalidInput:
                continue
            by_rule.append(members.filter(pk__in=pks).order_by().values_list("pk", Value(one.pk)))
    for start in range(0, len(by_rule), TOGETHER):
        rows = by_rule[start : start + TOGETHER]
        pairs += rows[0].union(*rows[1:], all=True) if len(rows) > 1 else rows[0]
    for contact, segment in sorted(pairs, key=lambda pair: pair[1]):
        if segment in segments:
            found[contact].append(segments[segment])
    return found
