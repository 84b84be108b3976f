"""The counts of a broadcast by link, language, receiving domain, device class and reason."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Min, QuerySet, Sum

from broadcasts.mediums import Medium
from broadcasts.models import FACTS, Batch, Broadcast, GroupCount, Link
from broadcasts.models import Reason as SkipReason
from broadcasts.stats import BroadcastCounts

Dimension = GroupCount.Dimension
TOP = 10  # domains that are named
OTHERS = ""  # the value of the group of all others
OUTCOMES = ("sent", "failed", "unknown")
MOST_REASONS = 50


@dataclass(frozen=True)
class GroupFigures:
    """The counts of the recipients with one value: {fact or outcome: n}."""

    value: str
    counts: Mapping[str, int] = field(default_factory=dict)

    def rate(self, fact: str, of: str) -> float | None:
        """Return the share of a fact; None where it is of nothing, or its denominator is still being counted."""
        n, total = self.counts.get(fact, 0), self.counts.get(of, 0)
        return n / total if total and n <= total else None


@dataclass(frozen=True)
class ReasonCount:
    """Why copies were skipped or failed: how many, in words, with the id of a delivery as an example."""

    outcome: str
    value: str
    count: int
    words: str = ""
    example: int | None = None


def links(broadcast: Broadcast) -> QuerySet[Link]:
    """Return the tracked links, those that most people clicked first; one with personal values is one of them."""
    rows = Link.objects.filter(message__broadcast=broadcast).select_related("message__channel")
    return rows.order_by("-people", "-machine_clicks", "pk")


def languages(broadcast: Broadcast) -> list[GroupFigures]:
    return _groups(broadcast, Dimension.LANGUAGE)


def devices(broadcast: Broadcast) -> list[GroupFigures]:
    """Return the device classes on which people opened or clicked for the first time."""
    return _groups(broadcast, Dimension.DEVICE)


def domains(broadcast: Broadcast, counts: BroadcastCounts | None = None, top: int = TOP) -> list[GroupFigures]:
    """Return the receiving domains of most copies, and all others together as the last group.

    What no named domain has is of others, or of domains that are forgotten. Copies of other mediums have no domain, so
    they are left out.
    """
    counts = counts or BroadcastCounts.of(broadcast)
    mails = {one.pk for one in broadcast.messages.all() if one.medium == Medium.EMAIL}
    totals = sum((Counter(one) for key, one in counts.copies.items() if key in mails), Counter())
    rows = _rows(broadcast, Dimension.DOMAIN)
    sizes = rows.filter(fact="sent").values_list("value").annotate(n=Sum("count")).order_by("-n", "value")
    named = [value for value, _ in sizes[:top]]
    if not named:
        return []
    groups = _collected(rows.filter(value__in=named), named)
    told = {name for name in (*OUTCOMES, *FACTS) if totals.get(name)}
    rest = {name: max(0, totals[name] - sum(one.counts.get(name, 0) for one in groups)) for name in told}
    return [*groups, GroupFigures(OTHERS, rest)] if any(rest.values()) else groups


def skips(broadcast: Broadcast) -> list[ReasonCount]:
    """Return why people got no copy, most of them first."""
    return _reasons(_rows(broadcast, Dimension.REASON), _label)


def failures(broadcast: Broadcast) -> list[ReasonCount]:
    """Return why copies failed, bounced or have an unknown outcome, in the server's own words, most of them first."""
    return _reasons(_rows(broadcast, Dimension.ERROR), lambda value: value)


def is_counting(broadcast: Broadcast) -> bool:
    """Tell whether some outcomes are not counted by group yet."""
    messages = [one.pk for one in broadcast.messages.all()]
    return broadcast.has_begun and Batch.objects.filter(message__in=messages, is_grouped=False, total__gt=0).exists()


def _label(value: str) -> str:
    return str(SkipReason(value).label) if value in SkipReason.values else value


def _reasons(rows: QuerySet[GroupCount], words: Any) -> list[ReasonCount]:
    told = rows.values_list("fact", "value").annotate(n=Sum("count"), example=Min("example"))
    return [
        ReasonCount(fact, value, n, words(value), example)
        for fact, value, n, example in told.filter(n__gt=0).order_by("-n", "fact", "value")[:MOST_REASONS]
    ]


def _rows(broadcast: Broadcast, dimension: str) -> QuerySet[GroupCount]:
    # By ids, since the planner cannot tell how few rows of the many a join with these messages finds.
    messages = [one.pk for one in broadcast.messages.all()]
    return GroupCount.objects.filter(message__in=messages, dimension=dimension, count__gt=0).order_by()


def _groups(broadcast: Broadcast, dimension: str) -> list[GroupFigures]:
    return sorted(_collected(_rows(broadcast, dimension)), key=lambda one: -max(one.counts.values()))


def _collected(rows: QuerySet[GroupCount], order: Iterable[str] = ()) -> list[GroupFigures]:
    groups: dict[str, dict[str, int]] = {value: {} for value in order}
    for value, fact, n in rows.values_list("value", "fact").annotate(n=Sum("count")).order_by("value"):
        groups.setdefault(value, {})[fact] = n
    return [GroupFigures(value, counts) for value, counts in groups.items()]
