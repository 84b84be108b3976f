"""The numbers of a broadcast, each with what it is a share of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Sum

from broadcasts import stats
from broadcasts.models import FACTS, Broadcast, GroupCount, Message
from broadcasts.stats import BroadcastCounts

HANDED_OVER = ("sent", "failed", "unknown")
# Facts that only who received a copy can cause; their share is of the delivered ones, where these are measured.
OF_DELIVERED = ("opened", "clicked", "played", "replied", "complained", "unsubscribed")
COMPARED = 5  # earlier broadcasts


@dataclass(frozen=True)
class ReportFigure:
    """A number, the one that it is a share of, and what machines did of the same."""

    name: str
    value: int
    of: str = ""  # the name of the denominator, "" for none
    total: int = 0
    machines: int = 0

    @property
    def rate(self) -> float | None:
        """The share; None where there is nothing to be a share of, or it is still being counted."""
        return self.value / self.total if self.of and self.total and self.value <= self.total else None


def figures(broadcast: Broadcast, counts: BroadcastCounts | None = None) -> list[ReportFigure]:
    """Return the figures of a broadcast: of sending, then of each fact that is shown; `counts`, where they are read."""
    counts = counts or BroadcastCounts.of(broadcast)
    people = counts.people
    messages = list(broadcast.messages.all())
    copies = counts.copies if broadcast.has_begun else {}
    found = [
        ReportFigure("recipients", people["recipients"], "contacts", people["contacts"]),
        *(ReportFigure(name, people[name], "recipients", people["recipients"]) for name in HANDED_OVER),
        ReportFigure("skipped", people["skipped"], "contacts", people["contacts"]),
    ]
    machines = _machines(messages) if broadcast.has_begun else {}
    reported = broadcast.reports
    shown = [fact for fact in FACTS if fact in reported or people[fact] or machines.get(fact)]
    return found + [_fact(fact, messages, copies, machines.get(fact, 0)) for fact in shown]


def _fact(
    fact: str, messages: Sequence[Message], copies: Mapping[int, Mapping[str, int]], machines: int = 0
) -> ReportFigure:
    """Return a fact as a share of the copies that could tell it: the delivered ones, or else those sent."""
    value = sum(numbers[fact] for numbers in copies.values())
    telling = [one for one in messages if fact in one.reports and one.pk in copies]
    is_delivered = fact in OF_DELIVERED and telling and all("delivered" in one.reports for one in telling)
    of = "delivered" if is_delivered else "sent"
    return ReportFigure(fact, value, of if telling else "", sum(copies[one.pk][of] for one in telling), machines)


def _machines(messages: Iterable[Message]) -> dict[str, int]:
    rows = GroupCount.objects.filter(message__in=[one.pk for one in messages], dimension=GroupCount.Dimension.RULE)
    return dict(rows.order_by().values_list("fact").annotate(Sum("count")))


def facts_of(broadcasts: Iterable[Broadcast], facts: Sequence[str]) -> dict[int, dict[str, ReportFigure]]:
    """Return {broadcast id: {fact: its figure}} of many, in one query; `messages__channel` is prefetched."""
    rows = [one for one in broadcasts if one.has_begun]
    copies = stats.message_counts([message for one in rows for message in one.messages.all()])
    told = {}
    for one in rows:
        messages = list(one.messages.all())
        own = {message.pk: copies[message.pk] for message in messages if message.pk in copies}
        sent = sum(numbers["sent"] for numbers in own.values())
        told[one.pk] = {"sent": ReportFigure("sent", sent), **{fact: _fact(fact, messages, own) for fact in facts}}
    return told


def compared(broadcast: Broadcast) -> list[tuple[Broadcast, dict[str, ReportFigure]]]:
    """Return earlier broadcasts that compare with one, newest first: of its organization, use case and medium."""
    mediums = {message.medium for message in broadcast.messages.all()}
    earlier = Broadcast.objects.for_organization(broadcast.organization_id).filter(
        use_case=broadcast.use_case, status__in=Broadcast.FINISHED, started_at__isnull=False
    )
    earlier = earlier.filter(created__lt=broadcast.created).exclude(pk=broadcast.pk).order_by("-created")
    rows = earlier.select_related("organization").prefetch_related("messages__channel", "messages__template")
    alike = [one for one in rows[: 4 * COMPARED] if mediums & {message.medium for message in one.messages.all()}]
    told = facts_of(alike[:COMPARED], [fact for fact in FACTS if fact in broadcast.reports])
    return [(one, told[one.pk]) for one in alike[:COMPARED] if told[one.pk]["sent"].value]
