"""Which broadcasts and segments refer to a row or an attribute, so that it cannot be deleted."""

from django.db.models import CharField, F, Model, Q, QuerySet
from django.db.models.functions import Cast, Lower

from broadcasts.exceptions import WrongState
from broadcasts.models import Activity, Attribute, Broadcast, Segment

TOLD = 3
# A cancelled one that never began has no log, and may be reopened.
OVER = Q(status=Broadcast.Status.SENT) | (
    Q(status=Broadcast.Status.CANCELLED, completed_at__isnull=False) & Broadcast.BEGUN
)


def references_to(row: Segment | Activity | Broadcast) -> list[Model]:
    """Return the first few broadcasts without a complete log, and segments, that refer to a row."""
    named = Q(text__contains=str(row.uuid)) | Q(text__contains=row.uuid.hex)
    match row:
        case Activity():
            chosen = Q(activity=row)
        case Segment():
            chosen = Q(segments=row) | Q(excluded_segments=row)
        case Broadcast():  # the database protects the broadcast of a retarget
            chosen = named
    broadcasts = _naming(Broadcast.objects.for_organization(row.organization_id), "query")
    if isinstance(row, Broadcast):
        broadcasts = broadcasts.exclude(pk=row.pk)
    using = broadcasts.exclude(OVER).filter(chosen | named).distinct()
    segments = Segment.objects.for_organization(row.organization_id)
    others = segments.exclude(pk=row.pk) if isinstance(row, Segment) else segments
    return [*using[:TOLD], *_naming(others, "rules").filter(named)[:TOLD]]


def require_unused(row: Segment | Activity | Broadcast) -> None:
    """Raise WrongState that names what refers to a row, which is about to be deleted."""
    if users := references_to(row):
        named = ", ".join(f"“{one}”" for one in users[:TOLD])
        raise WrongState(f"It is in use and cannot be deleted: {named}.")


def references_to_attribute(attribute: Attribute) -> list[Model]:
    """Return the first few broadcasts without a complete log, and segments, that refer to an attribute."""
    key = f"attributes__{attribute.key}"
    named = Q(text__contains=f'"{key}"') | Q(text__contains=f'"{key}__')
    broadcasts = _naming(Broadcast.objects.for_organization(attribute.organization_id), "query")
    segments = _naming(Segment.objects.for_organization(attribute.organization_id), "rules")
    return [*broadcasts.exclude(OVER).filter(named)[:TOLD], *segments.filter(named)[:TOLD]]


def _naming(rows: QuerySet, column: str) -> QuerySet:
    return rows.alias(text=Lower(Cast(F(column), CharField())))
