"""How many a broadcast will reach, and why not the others: the numbers before start."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db.models import BooleanField, CharField, Count, ExpressionWrapper, Field, IntegerField, Value, When
from django.utils import timezone

from broadcasts.models import Broadcast, Channel, Medium, Message

from .audience import Audience, as_if_created, matched
from .reasons import ORDER, JoinedReasons, Route, capped, otherwise, recipients

PREVIEW_LIMIT = 100
LONGEST_DAYS = 3650  # a warm-up that takes longer is not foretold more exactly


@dataclass(frozen=True)
class Estimate:
    """`matched` people; `will_receive` and `skipped` count as the log will: under "every", a row for each message."""

    matched: int
    will_receive: int
    skipped: dict[str, int]
    per_channel: dict[str, int]
    per_language: dict[str, int]
    expected_duration_seconds: int | None  # None where no channel has a limit


class ReasonGroups:
    """What decides about everybody matched, as columns to group by; and for each group, what becomes of its people.

    The conditions themselves are grouped by and not the reason that follows from them: PostgreSQL takes a CASE over
    addresses for something different for everybody, and sorts them all.
    """

    def __init__(self, audience: Audience, routes: Sequence[Route]) -> None:
        self.columns: dict[Any, str] = {}
        self.ways: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.people = matched(audience).order_by()
        self.otherwise = otherwise(audience.expires_at)
        siblings = len(routes) - 1 if audience.channel_policy == Broadcast.Policy.EVERY else 0
        # Where one message counts against the cap of the next.
        self.cap = audience.organization.cap_on(audience.use_case) if siblings else None
        for route in routes:
            reasons = JoinedReasons(audience, route, siblings)
            whens = [self._flag(when) for when in reasons.of(audience)]
            self.ways.append((self._column(reasons.language(), CharField()), whens))
            self.people = reasons.join(self.people)
        self.got = self._column(reasons.got(), IntegerField()) if self.cap else ""

    def _flag(self, when: When) -> tuple[str, str | None]:
        """Return a column, and the reason for those for whom it is true; None when it tells the reason by its place."""
        if isinstance(when.result, Value):
            return self._column(when.condition, BooleanField()), when.result.value
        return self._column(when.result, IntegerField()), None

    def _column(self, expression: Any, output_field: Field) -> str:
        wrapped = ExpressionWrapper(expression, output_field)
        return self.columns.setdefault(wrapped, f"flag_{len(self.columns)}")

    def groups(self) -> Iterator[tuple[int, list[tuple[str, str]]]]:
        """Yield groups of people: how many, and for each message the reason, or "" and the language."""
        names = list(self.columns.values())
        people = self.people.annotate(**{name: expression for expression, name in self.columns.items()})
        for row in people.values(*names).annotate(people=Count("pk")):
            told = [(self._reason(row, whens), row[language]) for language, whens in self.ways]
            yield row["people"], list(self._counted(told, row[self.got] or 0)) if self.cap else told

    def _reason(self, row: dict[str, Any], whens: list[tuple[str, str | None]]) -> str:
        return next((reason or ORDER[row[name]] for name, reason in whens if row[name]), self.otherwise)

    def _counted(self, told: Sequence[tuple[str, str]], got: int) -> Iterator[tuple[str, str]]:
        """Have each message that somebody will get count for the next."""
        for reason, language in told:
            reason = capped(reason, got, self.cap or 0)
            yield reason, language
            got += not reason


def estimate(audience: Audience, routes: "Sequence[Message | Route]") -> Estimate:
    """Count those matched by what becomes of them, in one query.

    Under the policy of the first channel that works a contact counts once, with the reason of the first message
    when none can reach it.
    """
    audience, ways = replace(audience, of_all=True), [Route.of(one) for one in routes]
    with as_if_created(audience):
        if not ways:
            return Estimate(matched(audience).count(), 0, {}, {}, {}, None)
        return _count(audience, ways)


def _count(audience: Audience, ways: Sequence[Route]) -> Estimate:
    people, skipped, languages = 0, Counter[str](), Counter[str]()
    received = [0] * len(ways)
    for n, told in ReasonGroups(audience, ways).groups():
        people += n
        for i, (reason, language) in _rows(told, audience.channel_policy):
            if reason:
                skipped[reason] += n
            else:
                received[i] += n
                languages[language] += n
    per_channel, seconds = _by_channel(ways, received)
    return Estimate(people, sum(received), dict(skipped), per_channel, dict(languages), seconds)


def _rows(told: Sequence[tuple[str, str]], policy: str) -> list[tuple[int, tuple[str, str]]]:
    """Return the rows that one contact gets, as (place of the message, (reason, language))."""
    rows = list(enumerate(told))
    if policy == Broadcast.Policy.EVERY:
        return rows
    return [next((row for row in rows if not row[1][0]), rows[0])]


def _by_channel(ways: Sequence[Route], received: Sequence[int]) -> tuple[dict[str, int], int | None]:
    """Return what each channel will send, and how long the slowest of those with a limit takes."""
    totals, limited = Counter[str](), {}
    for way, n in zip(ways, received, strict=True):
        totals[way.name] += n
        if way.channel and (way.channel.rate or way.channel.ramp):
            limited[way.name] = way.channel
    return dict(totals), max((_seconds(channel, totals[name]) for name, channel in limited.items()), default=None)


def _seconds(channel: Channel, n: int) -> int:
    """Return how long n messages take at the channel's rate, and over the days of its warm-up."""
    day, days = timezone.localdate(timezone=channel.organization.zone), 0
    while (most := channel.allowance(day)) is not None and n > most and days < LONGEST_DAYS:
        n, day, days = n - most, day + timedelta(days=1), days + 1
    return days * 86_400 + (-(-n // channel.rate) if channel.rate else 0)


def preview(audience: Audience, routes: "Sequence[Message | Route]") -> list[str]:
    """Return the first 100 addresses, by contact, of those who will receive it by e-mail; each once."""
    found: dict[int, str] = {}
    with as_if_created(audience):
        for route in routes:
            way = Route.of(route)
            if way.medium == Medium.EMAIL and way.contact_field == "email":
                reached = recipients(audience, route, routes).filter(skip_reason="").order_by("pk")
                found.update(reached.values_list("pk", "send_address")[:PREVIEW_LIMIT])
    return [found[pk] for pk in sorted(found)][:PREVIEW_LIMIT]
