"""How the counts of a broadcast grew, by minute, hour or day."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from django.db.models import DateTimeField, F, Max, Min, QuerySet, Sum
from django.db.models.functions import Trunc

from broadcasts.models import Broadcast, MinuteCount

FACTS = ("sent", "delivered", "opened", "clicked")
PER = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
MOST = 1500  # points of an answer
SHOWN = 180  # points of a chart, beyond which a longer step is chosen


@dataclass(frozen=True)
class TimeSeries:
    """Points in time with the counts of each fact; times at which nothing happened have no point.

    per: one of PER, or "" where nothing was counted yet; times are beginnings, of days in the organization's zone.
    """

    per: str
    facts: tuple[str, ...]
    points: list[tuple[datetime, dict[str, int]]]
    is_cut: bool = False  # whether it has more than MOST points, of which these are the first


def series(
    broadcast: Broadcast, per: str = "", since: datetime | None = None, until: datetime | None = None
) -> TimeSeries:
    """Return the series of a broadcast from `since` to before `until`; without `per`, in the step that fits."""
    rows = MinuteCount.objects.filter(message__broadcast=broadcast, fact__in=FACTS)
    if since:
        rows = rows.filter(minute__gte=since)
    if until:
        rows = rows.filter(minute__lt=until)
    per = per or fitting(rows)
    if not per:
        return TimeSeries("", (), [])
    zone: tzinfo = broadcast.organization.zone
    if per == "hour":
        zone = _unchanging(zone)
    step = F("minute") if per == "minute" else Trunc("minute", per, tzinfo=zone, output_field=DateTimeField())
    sums = rows.annotate(step=step).order_by("step").values_list("step", "fact").annotate(n=Sum("count"))
    points: dict[datetime, dict[str, int]] = {}
    for at, fact, n in sums[: MOST * len(FACTS)]:
        points.setdefault(at, {})[fact] = n
    told = {fact for counts in points.values() for fact in counts}
    return TimeSeries(
        per, tuple(fact for fact in FACTS if fact in told), list(points.items())[:MOST], len(points) > MOST
    )


def fitting(rows: QuerySet[MinuteCount]) -> str:
    """Return the shortest step by which a chart of these counts has few enough points; "" for no counts."""
    ends = rows.aggregate(first=Min("minute"), last=Max("minute"))
    if ends["first"] is None:
        return ""
    length = ends["last"] - ends["first"]
    return next((per for per, step in PER.items() if length <= SHOWN * step), "day")


def _unchanging(zone: tzinfo) -> tzinfo:
    """Return a zone whose hours begin as those of another do, without summer time: its end would make two hours one."""
    return timezone(datetime.now(zone).utcoffset() or timedelta(0))
