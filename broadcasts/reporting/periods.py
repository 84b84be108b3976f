"""Across the broadcasts of an organization: what a period sent, what went best and worst, and how its people grew."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DateTimeField
from django.db.models.functions import Trunc

from broadcasts.models import FACTS, Broadcast, ConsentChange, ConsentState, Contact, Organization

from .figures import ReportFigure, facts_of

LEAST = 100  # sent copies of a broadcast that is ranked: of fewer, chance decides
RANKED_BY = ("opened", "clicked", "unsubscribed")
RANKED = 5
DAYS = 30  # of a period that nobody chose
MOST = 2000  # broadcasts of a period that are read, the newest ones
WEEKLY = timedelta(days=92)  # longer periods are told by week


@dataclass(frozen=True)
class Period:
    """The broadcasts of an organization that began in a time, with their figures: {broadcast id: {fact: figure}}."""

    organization: Organization
    since: datetime
    until: datetime
    broadcasts: Sequence[Broadcast]
    told: dict[int, dict[str, ReportFigure]]
    is_cut: bool

    @classmethod
    def of(cls, organization: Organization, since: datetime, until: datetime) -> "Period":
        """Read the broadcasts that began from `since` to before `until`, in four queries."""
        rows = Broadcast.objects.for_organization(organization).filter(Broadcast.BEGUN)
        rows = rows.filter(started_at__gte=since, started_at__lt=until).order_by("-started_at")
        found = list(rows.prefetch_related("messages__channel", "messages__template")[: MOST + 1])
        for one in found:
            one.organization = organization
        kept = found[:MOST]
        return cls(organization, since, until, kept, facts_of(kept, ("failed", *FACTS)), len(found) > MOST)

    @property
    def per(self) -> str:
        return "week" if self.until - self.since > WEEKLY else "day"


def totals(period: Period) -> list[ReportFigure]:
    """Return the sums of a period; each fact as a share of the copies that could tell it."""
    figures = list(period.told.values())
    found = [
        ReportFigure("broadcasts", len(period.broadcasts)),
        ReportFigure("sent", sum(one["sent"].value for one in figures)),
        ReportFigure("failed", sum(one["failed"].value for one in figures)),
    ]
    for fact in FACTS:
        value = sum(one[fact].value for one in figures)
        telling = [one[fact] for one in figures if one[fact].of]
        if telling or value:
            of = {figure.of for figure in telling}
            name = of.pop() if len(of) == 1 else "delivered or sent"
            found.append(ReportFigure(fact, value, name if telling else "", sum(one.total for one in telling)))
    return found


def ranked(period: Period, by: str, least: int = LEAST) -> list[tuple[Broadcast, ReportFigure]]:
    """Return the broadcasts of at least so many sent copies in which a fact is measured, the highest rate first."""
    rows = [
        (one, figure)
        for one in period.broadcasts
        if period.told[one.pk]["sent"].value >= least and (figure := period.told[one.pk][by]).rate is not None
    ]
    return sorted(rows, key=lambda row: (-(row[1].rate or 0), -row[0].pk))


def unsubscribes(period: Period) -> list[tuple[Broadcast, ReportFigure]]:
    """Return the broadcasts from which people unsubscribed, most of them first."""
    rows = [(one, period.told[one.pk]["unsubscribed"]) for one in period.broadcasts]
    return sorted((row for row in rows if row[1].value), key=lambda row: (-row[1].value, -row[0].pk))


def growth(period: Period) -> list[tuple[datetime, dict[str, int]]]:
    """Return by day or week how many contacts were added, and how often consent was given and withdrawn."""
    span = {"created__gte": period.since, "created__lt": period.until}
    zone = period.organization.zone
    step = Trunc("created", period.per, tzinfo=zone, output_field=DateTimeField())
    points: dict[datetime, Counter[str]] = {}

    def add(rows: Any, names: dict[Any, str]) -> None:
        for at, state, n in rows.annotate(n=Count("pk")).order_by():
            points.setdefault(at, Counter())[names[state]] += n

    contacts = Contact.objects.for_organization(period.organization).filter(**span)
    add(contacts.annotate(step=step).values_list("step", "organization"), {period.organization.pk: "contacts"})
    names = {ConsentState.GRANTED.value: "granted", ConsentState.WITHDRAWN.value: "withdrawn"}
    changes = ConsentChange.objects.for_organization(period.organization).filter(state__in=names, **span)
    add(changes.annotate(step=step).values_list("step", "state"), names)
    return [(at, dict(points[at])) for at in sorted(points)]
