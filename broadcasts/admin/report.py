"""The report of a broadcast as its page shows it: numbers that lead to their people, and charts with tables."""

import json
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

from django.db.models import Sum

from broadcasts import formats, reporting
from broadcasts.models import Broadcast, Delivery, Device, GroupCount, Link
from broadcasts.stats import BroadcastCounts

from .base import list_url, row_url
from .charts import bars, legend, lines, when

LINKS = 20
DEVICES = dict(Device.choices)
OF_GROUPS = ("sent", "failed", "delivered", "opened", "clicked")
# Each has a scale of its own: all is sent in minutes, and opened over days. {title: {fact: its look}}
CHARTS = {
    "What was sent and delivered": {"sent": 0, "delivered": 1},
    "What was opened and clicked": {"opened": 2, "clicked": 3},
}
STATUSES = frozenset(Delivery.Status.values)


def people(broadcast: Broadcast, **asked: object) -> str:
    """Return the address of the deliveries behind a number."""
    return f"{list_url(Delivery)}?{urlencode({'broadcast': broadcast.pk, **asked})}"


def by(name: str) -> str:
    """Return the parameter that lists the deliveries with an outcome or a fact."""
    return "status" if name in STATUSES else "fact"


def share(rate: float | None, of: str, total: int) -> str:
    """Write a share with its denominator: 16.9% of 4,812 delivered."""
    if not of:
        return ""
    written = f"{formats.percent(rate, 1)} " if rate is not None else ""
    return f"{written}of {formats.number(total)} {of}"


def stamp(broadcast: Broadcast, counts: BroadcastCounts) -> str:
    """Return what changes whenever a number of the report does, from sums alone."""
    messages = [one.pk for one in broadcast.messages.all()]
    machines = GroupCount.objects.filter(message__in=messages, dimension=GroupCount.Dimension.RULE)
    clicks = Link.objects.filter(message__in=messages).aggregate(n=Sum("clicks"), m=Sum("machine_clicks"))
    told = [broadcast.status, counts.copies, clicks, reporting.is_counting(broadcast)]
    told.append(machines.aggregate(n=Sum("count")))
    return blake2b(json.dumps(told, default=str).encode(), digest_size=12).hexdigest()


def report(broadcast: Broadcast, counts: BroadcastCounts, tag: str = "") -> dict[str, Any]:
    """Return all that the template of the report shows, from counts alone; `tag` is its stamp, where that is known."""
    figures = reporting.figures(broadcast, counts)
    return {
        "stamp": tag or stamp(broadcast, counts),
        "figures": [_figure(broadcast, one) for one in figures],
        "chart": _chart(broadcast),
        "links": _links(broadcast),
        "groups": _groups(broadcast, figures, counts),
        "skips": [_reason(broadcast, one) for one in reporting.skips(broadcast)],
        "failures": [_reason(broadcast, one) for one in reporting.failures(broadcast)],
        "earlier": _earlier(broadcast, figures),
        "is_counting": reporting.is_counting(broadcast),
    }


def _figure(broadcast: Broadcast, one: reporting.ReportFigure) -> dict[str, Any]:
    asked = {} if one.name == "recipients" else {by(one.name): one.name}
    return {
        "name": one.name.capitalize(),
        "value": one.value,
        "url": people(broadcast, **asked),
        "share": share(one.rate, one.of, one.total),
        "machines": one.machines,
        "machines_url": people(broadcast, machine=one.name),
    }


def _chart(broadcast: Broadcast) -> dict[str, Any] | None:
    found = reporting.series(broadcast)
    if not found.points:
        return None
    zone = broadcast.organization.zone
    return {
        "per": found.per,
        "zone": zone,
        "drawings": [
            (lines(found.points, looks, found.per, zone, f"{title} of “{broadcast}”"), legend(looks))
            for title, chart in CHARTS.items()
            if (looks := {name: place for name, place in chart.items() if name in found.facts})
        ],
        "names": [fact.capitalize() for fact in found.facts],
        "rows": [
            (when(at, found.per, zone), [counts.get(fact, 0) for fact in found.facts]) for at, counts in found.points
        ],
    }


def _links(broadcast: Broadcast) -> dict[str, Any]:
    rows = list(reporting.links(broadcast)[: LINKS + 1])
    shown = [
        {
            "link": one,
            "url": people(broadcast, link=one.pk),
            "machines_url": people(broadcast, link=one.pk, machine="clicked"),
        }
        for one in rows[:LINKS]
    ]
    top = [(one.url, one.people) for one in rows[:5] if one.people]
    chart = bars(top, "The links that most people clicked") if len(top) > 1 else ""
    address = list_url(Link, message=broadcast.messages.all()[0].pk) if len(rows) > LINKS else ""
    return {"rows": shown, "chart": chart, "all": address, "several": len(broadcast.messages.all()) > 1}


def _groups(
    broadcast: Broadcast, figures: list[reporting.ReportFigure], counts: BroadcastCounts
) -> list[dict[str, Any]]:
    """Return a table per kind of group: languages, domains, devices; their shares are of what those of all are."""
    of = {figure.name: figure.of for figure in figures}
    tables = (
        ("language", "Languages", "Language", reporting.languages(broadcast)),
        ("domain", "Receiving domains", "Domain", reporting.domains(broadcast, counts)),
        ("device", "Devices of first opens and clicks", "Device", reporting.devices(broadcast)),
    )
    found = []
    for kind, title, label, groups in tables:
        names = [name for name in OF_GROUPS if any(one.counts.get(name) for one in groups)]
        rows = [_group(broadcast, kind, one, names, of) for one in groups]
        if rows:
            found.append({"title": title, "label": label, "names": [one.capitalize() for one in names], "rows": rows})
    return found


def _group(
    broadcast: Broadcast, kind: str, one: reporting.GroupFigures, names: list[str], of: dict[str, str]
) -> dict[str, Any]:
    def cell(name: str) -> dict[str, Any]:
        rate = one.rate(name, of.get(name) or "sent") if name in ("delivered", "opened", "clicked") else None
        url = people(broadcast, **{kind: one.value, by(name): name}) if one.value else ""
        return {
            "value": one.counts.get(name, 0),
            "rate": formats.percent(rate, 1) if rate is not None else "",
            "url": url,
        }

    label = DEVICES.get(one.value, one.value) if kind == "device" else one.value
    return {"label": label or "All others", "cells": [cell(name) for name in names]}


def _reason(broadcast: Broadcast, one: reporting.ReasonCount) -> dict[str, Any]:
    """Return a reason with the address of its people, and of one of them as an example."""
    group = {"reason": one.value} if one.outcome == "skipped" else {"error": one.value}
    return {
        "outcome": one.outcome,
        "words": one.words,
        "count": one.count,
        "url": people(broadcast, **{by(one.outcome): one.outcome}, **group),
        "example": row_url(Delivery, one.example) if one.example else "",
    }


def _earlier(broadcast: Broadcast, figures: list[reporting.ReportFigure]) -> dict[str, Any] | None:
    found = reporting.compared(broadcast)
    if not found:
        return None
    names = list(dict.fromkeys(name for _, told in found for name in told if name != "sent"))
    own = {figure.name: figure for figure in figures}
    rows = [(broadcast, own, True), *((one, told, False) for one, told in found)]
    return {
        "names": [name.capitalize() for name in names],
        "rows": [
            {
                "broadcast": one,
                "is_this": is_this,
                "sent": told["sent"].value,
                "rates": [_rate(told.get(name)) for name in names],
            }
            for one, told, is_this in rows
        ],
    }


def _rate(figure: reporting.ReportFigure | None) -> str:
    return formats.percent(figure.rate, 1) if figure and figure.rate is not None else "-"
