"""Make facts of the hits that are due: judged copy by copy, recorded and deleted in one transaction."""

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from broadcasts.database import Statement, outage, parameter
from broadcasts.models import Contact, Delivery, Hit, Link
from broadcasts.queue import enqueue_once, is_told_to_stop

from .agents import agent_of
from .recording import Fact, record_all
from .verdicts import CLICK, GAP, OPEN, Fetch, judge, moments

log = logging.getLogger(__name__)

SECONDS = 20  # that one task judges; the next round enqueues another one
HITS = 1_000  # of a transaction
LONGEST = timedelta(minutes=5)  # that a moment may last, so that nobody puts the verdict off for ever
FAULTY_WAIT = timedelta(hours=1)  # before hits that could not be judged are tried again
COLUMNS = ("pk", "kind", "link", "at", "ip_address", "user_agent", "is_head", "is_prefetch")


def enqueue_hits() -> None:
    """Enqueue the task that judges hits if any is due; called in the supervisor's round."""
    if Hit.objects.filter(due_at__lte=timezone.now()).exists():
        enqueue_once("judge_hits")


def judge_due(seconds: float = SECONDS) -> int:
    """Judge the hits that are due, until the time is over or the worker stops; return how many were settled."""
    deadline, n = time.monotonic() + seconds, 0
    while (settled := _judge_some()) and time.monotonic() < deadline and not is_told_to_stop():
        n += settled
    return n + settled


def _judge_some() -> int:
    """Judge the copies with the hits that are longest due; return how many hits were settled.

    If they cannot be judged together, each copy is by itself, so that a faulty one holds up no other.
    """
    copies: list[int] = []
    try:
        with transaction.atomic():
            due = (
                Hit.objects.filter(due_at__lte=timezone.now()).order_by("due_at").values_list("delivery_id", flat=True)
            )
            copies = list(dict.fromkeys(due[:HITS]))
            return _judge(copies)
    except Exception as error:
        if outage(error) or not copies:
            raise
        log.info("The hits of %s copies could not be judged together (%s)", len(copies), type(error).__name__)
    return sum(_judge_by_itself(copy) for copy in copies)


def _judge_by_itself(copy: int) -> int:
    try:
        with transaction.atomic():
            return _judge([copy])
    except Exception as error:
        if outage(error):
            raise
        log.exception("The hits of delivery %s could not be judged", copy)
        return Hit.objects.filter(delivery=copy).update(due_at=timezone.now() + FAULTY_WAIT)


@dataclass
class _Turn:
    """What becomes of the hits of some copies."""

    facts: list[Fact] = field(default_factory=list)
    judged: list[int] = field(default_factory=list)
    waiting: dict[int, datetime] = field(default_factory=dict)  # {hit: when it is judged instead}


def _judge(copies: Sequence[int]) -> int:
    """Judge the hits of copies that no other worker has, and return how many were settled or put off.

    A delivery's row is the lock of its hits: one worker alone sees all of them, so a scanner's run is never divided.
    """
    free, people = _free(copies)
    if not free:
        return 0
    hits: dict[int, list[Fetch]] = defaultdict(list)
    for copy, *values in Hit.objects.filter(delivery__in=list(free)).values_list("delivery_id", *COLUMNS):
        hits[copy].append(Fetch(*values))
    links = Link.objects.in_bulk({one.link for some in hits.values() for one in some if one.link})
    numbers = _numbers_of_links({link.message_id for link in links.values()})
    unmeasured = _unmeasured(people)
    now, turn = timezone.now(), _Turn()
    for copy, fetches in hits.items():
        if copy in unmeasured:
            turn.judged += [one.id for one in fetches]
            continue
        message = next((links[one.link].message_id for one in fetches if one.link in links), None)
        _settle(copy, fetches, free[copy], numbers.get(message, 0), links, now, turn)
    record_all(sorted(turn.facts, key=lambda fact: fact.at))
    _put_off(turn.waiting)
    judged = Hit.objects.filter(pk__in=turn.judged)
    judged._raw_delete(judged.db)
    return len(turn.judged) + len(turn.waiting)


def _free(copies: Sequence[int]) -> tuple[dict[int, datetime | None], dict[int, int | None]]:
    """Lock the deliveries that no other worker has; return when each was sent, and whose each is.

    Those that are gone, which nobody can lock, are in the first of these too: their hits count nowhere.
    """
    rows = Delivery.objects.filter(pk__in=copies)
    locked = rows.select_for_update(skip_locked=True, no_key=True).order_by("pk")
    free: dict[int, datetime | None] = {}
    people: dict[int, int | None] = {}
    for pk, sent_at, contact, merged in locked.values_list("pk", "sent_at", "contact_id", "merged_into"):
        free[pk], people[pk] = sent_at, contact or merged
    if len(free) < len(copies):
        there = set(rows.values_list("pk", flat=True))
        free |= dict.fromkeys(set(copies) - there)
    return free, people


def _unmeasured(people: Mapping[int, int | None]) -> set[int]:
    """Return the copies of people who asked not to be measured, also after it was sent: their hits count nowhere."""
    known = {person for person in people.values() if person}
    asked = Contact.objects.filter(pk__in=known, no_tracking=True)
    wanted = set(asked.values_list("pk", flat=True))
    return {pk for pk, person in people.items() if person in wanted}


def _numbers_of_links(messages: Collection[int]) -> dict[int | None, int]:
    rows = Link.objects.filter(message__in=messages).values("message").annotate(n=Count("pk")).order_by()
    return dict(rows.values_list("message", "n"))


def _settle(
    copy: int,
    fetches: Iterable[Fetch],
    sent_at: datetime | None,
    number: int,
    links: dict[int, Link],
    now: datetime,
    turn: _Turn,
) -> None:
    """Judge each moment of a copy whose last fetch is due, and put the others off until then."""
    delay = timedelta(seconds=settings.TRACKING_DELAY_SECONDS)
    for moment in moments(fetches, min(GAP, delay)):
        pks = [one.id for one in moment]
        due_at = moment[-1].at + delay
        if due_at > now and moment[0].at + delay + LONGEST > now:
            turn.waiting |= dict.fromkeys(pks, due_at)
            continue
        rules = judge(moment, sent_at, number, settings.SCANNING_NETWORKS)
        turn.facts += [_fact(copy, one, rule, links) for one, rule in zip(moment, rules, strict=True)]
        turn.judged += pks


def _put_off(waiting: dict[int, datetime]) -> None:
    if waiting:
        adapt = connection.ops.adapt_datetimefield_value
        statement = Statement.update(Hit.objects.filter(pk=parameter("pk")), due_at=parameter("due_at"))
        statement.run_each({"pk": pk, "due_at": adapt(due_at)} for pk, due_at in waiting.items())


def _fact(copy: int, one: Fetch, rule: str, links: dict[int, Link]) -> Fact:
    """Return what is recorded of a hit; nothing of it tells from where it came."""
    device = "" if rule else agent_of(one.user_agent).device
    detail = {"rule": rule} if rule else {"device": device} if device else {}
    link = links.get(one.link or 0) if one.kind == CLICK else None
    return Fact(copy, "opened" if one.kind == OPEN else "clicked", one.at, bool(rule), detail, link)
