"""The segments that contacts are in."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import QuerySet, Value

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact, Organization, Segment, SegmentMember

from .query import segment_contacts

MOST_BY_RULE = 100  # segments by rule that a contact is looked for in, the oldest ones
TOGETHER = 20  # segments whose members are asked for by one query


def groups_of(contacts: Iterable[int], organization: Organization) -> dict[int, list[Segment]]:
    """Return {id of a contact: its segments}, by membership and by rule."""
    found: dict[int, list[Segment]] = defaultdict(list)
    pks = list(contacts)
    members = SegmentMember.objects.filter(contact__in=pks).select_related("segment").order_by("segment")
    pairs = [(one.contact_id, one.segment) for one in members]
    by_rule = Segment.objects.for_organization(organization).filter(kind=Segment.Kind.DYNAMIC).order_by("pk")
    segments = {one.pk: one for one in by_rule[:MOST_BY_RULE]}
    for one in segments.values():
        one.organization = organization
    rows = [readable_contacts(one).filter(pk__in=pks).values_list("pk", Value(one.pk)) for one in segments.values()]
    for start in range(0, len(rows), TOGETHER):
        first, *others = rows[start : start + TOGETHER]
        pairs += [(pk, segments[segment]) for pk, segment in (first.union(*others, all=True) if others else first)]
    for contact, segment in pairs:
        found[contact].append(segment)
    return found


def readable_contacts(segment: Segment) -> QuerySet[Contact]:
    """Return the contacts in a segment, in no order; none if its rules cannot be compiled."""
    try:
        return segment_contacts(segment).order_by()
    except InvalidInput:  # such as rules that name what was deleted since
        return Contact.objects.none()
