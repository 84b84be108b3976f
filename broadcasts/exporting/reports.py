"""Reports as CSV: a line for each number, with what it is a share of; links and events as the lists that they are."""

from collections.abc import Iterable, Iterator
from itertools import chain

from django.db.models import QuerySet

from broadcasts.models import Broadcast, DeliveryEvent, Link
from broadcasts.reporting import (
    GroupFigures,
    Period,
    ReportFigure,
    TimeSeries,
    devices,
    domains,
    failures,
    figures,
    growth,
    languages,
    links,
    skips,
    totals,
)
from broadcasts.stats import BroadcastCounts

from .cells import CHUNK, cell, csv_text

HEADER = ("section", "of", "name", "count", "share_of", "share_of_count", "machines")
LINK_COLUMNS = ("uuid", "channel", "url", "people", "clicks", "machine_clicks")
EVENT_COLUMNS = ("type", "at", "received", "machine", "rule", "link", "detail")


def report_csv(broadcast: Broadcast, counts: TimeSeries) -> Iterator[str]:
    """Yield the report of a broadcast, with this series of it."""
    told = BroadcastCounts.of(broadcast)
    lines = chain(
        _figures("totals", figures(broadcast, told)),
        _series("series", counts.points),
        (
            ["link", one.url, "people", one.people, "", "", one.machine_clicks]
            for one in links(broadcast).iterator(CHUNK)
        ),
        _groups("language", languages(broadcast)),
        _groups("domain", domains(broadcast, told)),
        _groups("device", devices(broadcast)),
        (["reason", one.words, one.outcome, one.count] for one in chain(skips(broadcast), failures(broadcast))),
    )
    return csv_text(HEADER, (list(map(cell, line)) for line in lines))


def period_csv(period: Period) -> Iterator[str]:
    """Yield the sums of a period, its broadcasts with their figures, and how people grew."""
    names = {one.pk: one.name for one in period.broadcasts}
    each = (
        ["broadcast", names[pk], *line[2:]] for pk, told in period.told.items() for line in _figures("", told.values())
    )
    lines = chain(_figures("totals", totals(period)), each, _series(f"growth by {period.per}", growth(period)))
    return csv_text(HEADER, (list(map(cell, line)) for line in lines))


def links_csv(rows: QuerySet[Link]) -> Iterator[str]:
    """Yield tracked links with their counters."""
    columns = ("uuid", "message__channel__name", "url", "people", "clicks", "machine_clicks")
    return csv_text(LINK_COLUMNS, (list(map(cell, row)) for row in rows.values_list(*columns).iterator(CHUNK)))


def events_csv(rows: QuerySet[DeliveryEvent]) -> Iterator[str]:
    """Yield the events of deliveries."""
    told = rows.values_list("type", "at", "created", "machine", "link__url", "detail").iterator(CHUNK)
    return csv_text(
        EVENT_COLUMNS,
        (list(map(cell, (*start, detail.get("rule", ""), url, detail))) for *start, url, detail in told),
    )


def _figures(section: str, told: Iterable[ReportFigure]) -> Iterator[list[object]]:
    for one in told:
        yield [section, "", one.name, one.value, one.of, one.total if one.of else "", one.machines or ""]


def _series(section: str, points: Iterable[tuple[object, dict[str, int]]]) -> Iterator[list[object]]:
    for at, counts in points:
        for name, n in counts.items():
            yield [section, at, name, n]


def _groups(section: str, groups: Iterable[GroupFigures]) -> Iterator[list[object]]:
    for one in groups:
        for name, n in one.counts.items():
            yield [section, one.value or "others", name, n]
