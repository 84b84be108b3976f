"""A page across broadcasts: what a period sent, which broadcasts went best and worst, and how people grew."""

from datetime import date, time, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from broadcasts import formats, reporting
from broadcasts.clocks import TOO_FAR, is_near, local_moment
from broadcasts.models import Broadcast, Organization
from broadcasts.reporting.periods import DAYS, RANKED, RANKED_BY

from .access import Access, scoped
from .base import list_url
from .charts import legend, lines, when
from .report import by, people, share

UNSUBSCRIBES = 20
GROWTH = {"contacts": "contacts added", "granted": "consents given", "withdrawn": "consents withdrawn"}
RANKINGS = {
    "opened": ("Highest open rate", "Lowest open rate"),
    "clicked": ("Highest click rate", "Lowest click rate"),
    "unsubscribed": ("Highest unsubscribe rate", "Lowest unsubscribe rate"),
}


DAY = forms.DateInput({"type": "date"}, "%Y-%m-%d")


class PeriodForm(forms.Form):
    """The days of a period, the last one included, and from how many copies on a broadcast is ranked."""

    organization = forms.ModelChoiceField(Organization.objects.none(), required=False, empty_label=None)
    since = forms.DateField(label="From", required=False, widget=DAY)
    until = forms.DateField(label="To", required=False, widget=DAY)
    least = forms.IntegerField(label="Rank broadcasts of at least so many copies", required=False, min_value=1)

    def __init__(self, data: Any, access: Access) -> None:
        super().__init__(data)
        rows = scoped(Organization.objects.order_by("name"), access)
        self.fields["organization"].queryset = rows  # type: ignore[attr-defined]
        self.first = rows.first()
        if access.only_organization:
            self.fields["organization"].widget = forms.HiddenInput()

    def clean_since(self) -> date | None:
        return self._near(self.cleaned_data["since"])

    def clean_until(self) -> date | None:
        return self._near(self.cleaned_data["until"])

    def _near(self, day: date | None) -> date | None:
        if day and not (is_near(day) and is_near(day - timedelta(days=DAYS)) and is_near(day + timedelta(days=1))):
            raise forms.ValidationError(TOO_FAR)
        return day

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        organization = cleaned.get("organization") or self.first
        if organization is None:
            raise forms.ValidationError("There is no organization yet.")
        last = cleaned.get("until") or timezone.now().astimezone(organization.zone).date()
        first = cleaned.get("since") or last - timedelta(days=DAYS - 1)
        if first > last:
            self.add_error("until", "It has to be the first day or a later one.")
        least = cleaned.get("least") or reporting.LEAST
        return {"organization": organization, "since": first, "until": last, "least": least}


def period_page(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows: of the last days, unless the address names others."""
    access = Access.of(request)
    form = PeriodForm(request.GET, access)
    if not form.is_valid():
        return {"form": form}
    asked = form.cleaned_data
    form = PeriodForm({**asked, "organization": asked["organization"].pk}, access)
    return {"form": form, "least": asked["least"], **_shown(**asked)}


def _shown(organization: Organization, since: Any, until: Any, least: int) -> dict[str, Any]:
    zone = organization.zone
    begins, ends = (local_moment(day, time(), zone) for day in (since, until + timedelta(days=1)))
    period = reporting.Period.of(organization, begins, ends)
    return {
        "organization": organization,
        "totals": [_total(one) for one in reporting.totals(period)],
        "rankings": [one for name in RANKED_BY for one in _rankings(period, name, least)],
        "unsubscribes": [_row(*one, "unsubscribed") for one in reporting.unsubscribes(period)[:UNSUBSCRIBES]],
        "growth": _growth(period),
        "is_cut": period.is_cut,
        "broadcasts": list_url(Broadcast),
    }


def _total(one: reporting.ReportFigure) -> dict[str, Any]:
    return {"name": one.name.capitalize(), "value": one.value, "share": share(one.rate, one.of, one.total)}


def _rankings(period: reporting.Period, name: str, least: int) -> list[dict[str, Any]]:
    """Return the highest and the lowest rates; where few broadcasts are ranked, the highest tell all."""
    found = reporting.ranked(period, name, least)
    highest, lowest = RANKINGS[name]
    told = [{"title": highest, "rows": [_row(*one, name) for one in found[:RANKED]]}] if found else []
    if len(found) > RANKED:
        told.append({"title": lowest, "rows": [_row(*one, name) for one in found[: -RANKED - 1 : -1]]})
    return told


def _row(broadcast: Broadcast, figure: reporting.ReportFigure, name: str) -> dict[str, Any]:
    return {
        "broadcast": broadcast,
        "value": figure.value,
        "url": people(broadcast, **{by(name): name}),
        "rate": formats.percent(figure.rate, 1) if figure.rate is not None else "",
        "share": f"of {formats.number(figure.total)} {figure.of}" if figure.of else "",
    }


def _growth(period: reporting.Period) -> dict[str, Any] | None:
    points = reporting.growth(period)
    if not points:
        return None
    zone = period.organization.zone
    names = [name for name in GROWTH if any(name in counts for _, counts in points)]
    told = [(at, {GROWTH[name]: counts.get(name, 0) for name in names}) for at, counts in points]
    labels = {GROWTH[name]: place for place, name in enumerate(names)}
    return {
        "per": period.per,
        "svg": lines(told, labels, period.per, zone, "How contacts and consent grew"),
        "legend": legend(labels),
        "names": [label.capitalize() for label in labels],
        "rows": [(when(at, period.per, zone), list(counts.values())) for at, counts in told],
    }
