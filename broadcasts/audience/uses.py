"""Who needs a segment or an activity: without it they would choose other people, or none."""

from django.db.models import CharField, F, Model, Q, QuerySet
from django.db.models.functions import Cast, Lower

from broadcasts.models import Activity, Broadcast, Segment

TOLD = 3


def users_of(row: Segment | Activity) -> list[Model]:
    """Return some of the broadcasts whose log is not complete yet, and of the segments, that use a row."""
    named = Q(text__contains=str(row.uuid)) | Q(text__contains=row.uuid.hex)
    chosen = Q(activity=row) if isinstance(row, Activity) else Q(segments=row) | Q(excluded_segments=row)
    broadcasts = _naming(Broadcast.objects.for_organization(row.organization_id), "query")
    over = Q(status=Broadcast.Status.SENT) | Q(status=Broadcast.Status.CANCELLED, completed_at__isnull=False)
    using = broadcasts.exclude(over).filter(chosen | named).distinct()
    segments = Segment.objects.for_organization(row.organization_id)
    others = segments.exclude(pk=row.pk) if isinstance(row, Segment) else segments
    return [*using[:TOLD], *_naming(others, "rules").filter(named)[:TOLD]]


def _naming(rows: QuerySet, column: str) -> QuerySet:
    return rows.alias(text=Lower(Cast(F(column), CharField())))
