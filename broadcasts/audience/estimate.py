"""Estimate how many contacts a broadcast will reach, and why it will not reach the others."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import (
    BooleanField,
    CharField,
    Count,
    ExpressionWrapper,
    Field,
    IntegerField,
    Q,
    QuerySet,
    Value,
    When,
    lookups,
)
from django.utils import timezone

from broadcasts import formats
from broadcasts.models import Broadcast, Channel, Delivery, Medium, Message

from .audience import Audience, as_if_created, matched
from .joined_reasons import JoinedReasons
from .joins import Joined, left_join
from .reasons import capped, default_reason
from .receiving import receivers
from .routes import Route

PREVIEW_LIMIT = 100
TRAITS = ("time_zone", "language")  # of contacts
LONGEST_DAYS = 3650  # the longest warm-up that is estimated


@dataclass(frozen=True)
class Estimate:
    """The numbers of a broadcast before its start.

    `matched` counts contacts. `will_receive` and `skipped` (by reason) count deliveries: under the channel policy
    "every" there is one for each message. `fallback_per_channel` counts, under the policy "fallback", who could get a
    further copy there if the earlier ones fail; the other numbers leave these out. `expected_duration_seconds` is None
    if no channel has a rate limit. `by_message` has {language: will receive} of each message in its order.
    """

    matched: int
    will_receive: int
    skipped: dict[str, int]
    per_channel: dict[str, int]
    per_language: dict[str, int]
    expected_duration_seconds: int | None
    by_message: Sequence[Mapping[str, int]] = field(default=(), compare=False)
    fallback_per_channel: dict[str, int] = field(default_factory=dict)
    slowed_by: Sequence[str] = ()  # limits that make it take days, in words


class Reached(NamedTuple):
    """Contacts that will get the same messages, named by their place, and are alike in what is asked about them.

    language: their own, not that of the content.
    """

    messages: tuple[int, ...]
    time_zone: str
    language: str
    was_sent: bool = False


class ReasonGroups:
    """Groups of matched contacts with the same skip reasons and languages, counted by one GROUP BY.

    It groups by the clauses and not by the reason that follows from them: PostgreSQL assumes that a CASE over
    addresses is different for every row, and sorts all of them.
    """

    def __init__(self, audience: Audience, routes: Sequence[Route]) -> None:
        self.columns: dict[Any, str] = {}
        self.ways: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.people = matched(audience).order_by()
        self.default_reason = default_reason(audience.expires_at)
        siblings = len(routes) - 1 if audience.channel_policy == Broadcast.Policy.EVERY else 0
        # Needed only where one message counts towards the frequency cap of the next.
        self.cap = audience.organization.cap_on(audience.use_case) if siblings else None
        for route in routes:
            reasons = JoinedReasons(audience, route, siblings)
            whens = [self._flag(when) for when in reasons.of(audience)]
            self.ways.append((self._column(reasons.language(), CharField()), whens))
            self.people = reasons.join(self.people)
        self.received = self._column(reasons.received(), IntegerField()) if self.cap else ""
        self.traits: list[str] = []

    def tell_apart(self, sent: QuerySet[Delivery] | None) -> None:
        """Group also by time zone and language, and by whether a contact has one of these copies, if any."""
        self.traits = [*TRAITS]
        if sent is not None:
            rows = sent.filter(contact__isnull=False).order_by().values("contact_id").distinct()
            self.people = left_join(self.people, "sent", rows, "id", "contact_id")
            was_sent = Q(lookups.IsNull(Joined("sent", "contact_id", IntegerField()), False))
            self.traits.append(self._column(was_sent, BooleanField()))

    def _flag(self, when: When) -> tuple[str, str | None]:
        """Return (column, reason where it is true); the reason is None if the column holds the reason."""
        if isinstance(when.result, Value):
            return self._column(when.condition, BooleanField()), when.result.value
        return self._column(when.result, CharField()), None

    def _column(self, expression: Any, output_field: Field) -> str:
        wrapped = ExpressionWrapper(expression, output_field)
        return self.columns.setdefault(wrapped, f"flag_{len(self.columns)}")

    def groups(self) -> Iterator[tuple[int, list[tuple[str, str]], list[Any]]]:
        """Yield (number of contacts, [(skip reason or "", language) for each message], what tells them apart)."""
        names = list(self.columns.values())
        people = self.people.annotate(**{name: expression for expression, name in self.columns.items()})
        for row in people.values(*names, *self.traits[: len(TRAITS)]).annotate(people=Count("pk")):
            told = [(self._reason(row, whens), row[language]) for language, whens in self.ways]
            told = list(self._counted(told, row[self.received] or 0)) if self.cap else told
            yield row["people"], told, [row[name] for name in self.traits]

    def _reason(self, row: dict[str, Any], whens: list[tuple[str, str | None]]) -> str:
        return next((reason or row[name] for name, reason in whens if row[name]), self.default_reason)

    def _counted(self, told: Sequence[tuple[str, str]], received: int) -> Iterator[tuple[str, str]]:
        """Apply the frequency cap message by message: each one received counts towards the cap of the next."""
        for reason, language in told:
            reason = capped(reason, received, self.cap or 0)
            yield reason, language
            received += not reason


def estimate(audience: Audience, routes: "Sequence[Message | Route]") -> Estimate:
    """Count the matched contacts by skip reason, channel and language, in one query.

    Under the channel policy "first" a contact counts once: with the reason of the first message if none can reach it.
    """
    return _tally(audience, routes, ReasonGroups).estimate()


def survey(
    audience: Audience, routes: "Sequence[Message | Route]", sent: QuerySet[Delivery] | None
) -> tuple[Estimate, Counter[Reached]]:
    """Estimate, and count the recipients by what they have in common, in the same query.

    sent: copies of other broadcasts, or None for none; `was_sent` tells whether a contact has one of them.
    """

    def groups(audience: Audience, ways: Sequence[Route]) -> ReasonGroups:
        made = ReasonGroups(audience, ways)
        made.tell_apart(sent)
        return made

    tally = _tally(audience, routes, groups)
    return tally.estimate(), tally.reached


def _tally(
    audience: Audience,
    routes: "Sequence[Message | Route]",
    groups: Callable[[Audience, Sequence[Route]], ReasonGroups],
) -> "ReasonTally":
    audience, ways = replace(audience, of_all=True), [Route.of(one) for one in routes]
    tally = ReasonTally(audience.channel_policy, ways)
    with as_if_created(audience):
        if ways:
            tally.take(groups(audience, ways))
        else:
            tally.people = matched(audience).count()
    return tally


class ReasonTally:
    """The sums over groups of contacts."""

    def __init__(self, policy: str, ways: Sequence[Route]) -> None:
        self.policy, self.ways = policy, ways
        self.people, self.skipped, self.further = 0, Counter[str](), [0] * len(ways)
        self.by_message = [Counter[str]() for _ in ways]
        self.reached = Counter[Reached]()

    def take(self, groups: ReasonGroups) -> None:
        for n, told, traits in groups.groups():
            self.people += n
            rows = _rows(told, self.policy)
            for i, (reason, language) in rows:
                if reason:
                    self.skipped[reason] += n
                else:
                    self.by_message[i][language] += n
                    for j in _later(told, i, self.policy):
                        self.further[j] += n
            if traits and (messages := tuple(i for i, (reason, _) in rows if not reason)):
                self.reached[Reached(messages, *traits)] += n

    def estimate(self) -> Estimate:
        received = [languages.total() for languages in self.by_message]
        per_channel, seconds = _by_channel(self.ways, received)
        may_fall_back = _named(self.ways, self.further) if self.policy == Broadcast.Policy.FALLBACK else {}
        return Estimate(
            matched=self.people,
            will_receive=sum(received),
            skipped=dict(self.skipped),
            per_channel=per_channel,
            per_language=dict(sum(self.by_message, Counter[str]())),
            expected_duration_seconds=seconds,
            by_message=self.by_message,
            fallback_per_channel=may_fall_back,
            slowed_by=tuple(_slow(self.ways, received)),
        )


def _rows(told: Sequence[tuple[str, str]], policy: str) -> list[tuple[int, tuple[str, str]]]:
    """Return the deliveries of one contact as [(index of the message, (reason, language))]."""
    rows = list(enumerate(told))
    if policy == Broadcast.Policy.EVERY:
        return rows
    return [next((row for row in rows if not row[1][0]), rows[0])]


def _later(told: Sequence[tuple[str, str]], first: int, policy: str) -> list[int]:
    """Return the messages after the first one that could replace it for one contact."""
    if policy != Broadcast.Policy.FALLBACK:
        return []
    return [i for i, (reason, _) in enumerate(told) if i > first and not reason]


def _named(ways: Sequence[Route], numbers: Sequence[int]) -> dict[str, int]:
    """Return {channel: number}, for numbers by message."""
    totals = Counter[str]()
    for way, n in zip(ways, numbers, strict=True):
        totals[way.name] += n
    return {name: n for name, n in totals.items() if n}


def _by_channel(ways: Sequence[Route], received: Sequence[int]) -> tuple[dict[str, int], int | None]:
    """Return ({channel: messages}, seconds that the slowest channel with a limit takes; None if none has one)."""
    totals, limited = Counter[str](), {}
    for way, n in zip(ways, received, strict=True):
        totals[way.name] += n
        if way.channel and (way.channel.top_rate or way.channel.ramp):
            limited[way.name] = way.channel
    begun = _begun(ways, received)
    seconds = (_seconds(channel, totals[name], begun[channel]) for name, channel in limited.items())
    return dict(totals), max(seconds, default=None)


def _begun(ways: Sequence[Route], received: Sequence[int]) -> Counter[Channel]:
    """Return to how many people each channel begins to write, with a template."""
    people = Counter[Channel]()
    for way, n in zip(ways, received, strict=True):
        if way.channel and way.is_template:
            people[way.channel] += n
    return people


def _slow(ways: Sequence[Route], received: Sequence[int]) -> list[str]:
    """Say which channels may not begin to write to all of these people at once."""
    return [
        f"“{channel}” may begin to write to {formats.number(most)} people in 24 hours, so that "
        f"{formats.number(n)} take {formats.number(-(-n // most))} days; the others wait."
        for channel, n in _begun(ways, received).items()
        if (most := channel.top_people) and n > most
    ]


def _seconds(channel: Channel, n: int, begun: int) -> int:
    """Return how many seconds n messages take at the channel's rate, with the days of its warm-up and people a day.

    begun: to how many people the channel begins to write with them.
    """
    day, days = timezone.localdate(timezone=channel.organization.zone), 0
    while (most := channel.allowance(day)) is not None and n > most and days < LONGEST_DAYS:
        n, day, days = n - most, day + timedelta(days=1), days + 1
    if channel.top_people:
        days = max(days, (begun - 1) // channel.top_people)
    return days * 86_400 + (-(-n // channel.top_rate) if channel.top_rate else 0)


def preview(audience: Audience, routes: "Sequence[Message | Route]") -> list[str]:
    """Return the e-mail addresses of the first 100 contacts that will receive the broadcast, ordered by contact id."""
    found: dict[int, str] = {}
    with as_if_created(audience):
        for route in routes:
            way = Route.of(route)
            if way.medium == Medium.EMAIL and way.contact_field == "email":
                reached = receivers(audience, route, routes).order_by("pk")
                found.update(reached.values_list("pk", "send_address")[:PREVIEW_LIMIT])
    return [found[pk] for pk in sorted(found)][:PREVIEW_LIMIT]
