"""Who needs a segment: without it they would choose other people, or none."""

from django.db.models import CharField, F, Model, Q, QuerySet
from django.db.models.functions import Cast, Lower

from broadcasts.models import Broadcast, Segment

TOLD = 3


def users_of(segment: Segment) -> list[Model]:
    """Return some of the broadcasts whose log is not complete yet, and of the segments, that use a segment."""
    named = Q(text__contains=str(segment.uuid)) | Q(text__contains=segment.uuid.hex)
    broadcasts = _naming(Broadcast.objects.for_organization(segment.organization_id), "query")
    over = Q(status=Broadcast.Status.SENT) | Q(status=Broadcast.Status.CANCELLED, completed_at__isnull=False)
    using = broadcasts.exclude(over).filter(Q(segments=segment) | Q(excluded_segments=segment) | named).distinct()
    others = _naming(Segment.objects.for_organization(segment.organization_id).exclude(pk=segment.pk), "rules")
    return [*using[:TOLD], *others.filter(named)[:TOLD]]


def _naming(rows: QuerySet, column: str) -> QuerySet:
    return rows.alias(text=Lower(Cast(F(column), CharField())))
