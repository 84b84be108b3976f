"""Ask whether links answer, in the background, and remember that for a day.

Organizations choose the addresses, so all is bounded: five seconds for each task, after which another one goes on; four
for each link, whatever it answers; of the whole installation some links at once, and few of them of one organization;
by the address policy at every connection, also after a redirect.
"""

import time
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.module_loading import import_string

from broadcasts import queue
from broadcasts.database import storable
from broadcasts.links import digest_of
from broadcasts.models import LinkCheck, Organization

TASK = "check_links"
KEPT = timedelta(hours=24)  # an answer
ASKED_AGAIN = timedelta(seconds=20)  # after which a row that nobody has looked at is enqueued once more
FORGOTTEN = timedelta(hours=1)  # rows that no page has asked for since are left alone
SECONDS = 4  # for one link, with its redirects; one that takes longer is told as such, and not asked again for a day
TASK_SECONDS = 5  # it begins only links that can take all of SECONDS
CLAIMED = timedelta(seconds=15)  # longer than a link can take: then its task was killed
AT_ONCE = 12  # links, of all organizations
AT_ONCE_OF_ONE = 4


class LinkAnswer(NamedTuple):
    """What became of asking for a link: the last status, and what is wrong, in words."""

    status: int | None
    fault: str


def known(organization: Organization, addresses: Iterable[str]) -> dict[str, LinkCheck]:
    """Return what is known of addresses, {address: its row}, and have asked what is unknown or a day old."""
    wanted = {digest_of(address): address for address in addresses}
    if not wanted:
        return {}
    rows = LinkCheck.objects.filter(organization=organization, digest__in=wanted)
    found = {row.digest: row for row in rows}
    new = [
        LinkCheck(organization=organization, address=address, digest=digest)
        for digest, address in wanted.items()
        if digest not in found
    ]
    LinkCheck.objects.bulk_create(new, ignore_conflicts=True)
    waiting = rows.filter(_unanswered(), modified__lt=Now() - ASKED_AGAIN).update(modified=Now())
    # Written once a day at most: a page asks every second, and `prune` looks at months.
    rows.filter(modified__lt=Now() - KEPT).update(modified=Now())
    if new or waiting:
        queue.enqueue_once(TASK)
    since = timezone.now() - KEPT
    fresh = {digest: row for digest, row in found.items() if row.checked_at and row.checked_at >= since}
    return {wanted[digest]: row for digest, row in fresh.items()}


def _unanswered() -> Q:
    return Q(checked_at=None) | Q(checked_at__lt=Now() - KEPT)


def _due() -> QuerySet[LinkCheck]:
    """Return the rows that a page lately asked for and whose answer is missing or old, the longest waiting first."""
    return LinkCheck.objects.filter(_unanswered(), modified__gte=Now() - FORGOTTEN).order_by("modified", "id")


def _free() -> QuerySet[LinkCheck]:
    """Return the due rows that no task has claimed."""
    return _due().exclude(asked_until__gt=Now())


def _claim(row: LinkCheck) -> bool:
    """Claim a row for this task; tell whether no other one was faster."""
    return _free().filter(pk=row.pk).update(asked_until=Now() + CLAIMED) > 0


def ask_due(ticket: int = 0) -> int:
    """Ask for the links that are due, and that no other task asks for, until the time is up; return how many."""
    queue.begin(TASK, ticket)
    asked = Asking(TASK_SECONDS).run()
    if _free().exists():
        queue.enqueue_once(TASK)
    return asked


class Asking:
    """One task's requests: some at once, and few of one organization, so that none keeps the others waiting."""

    def __init__(self, seconds: float) -> None:
        self.begins_until = time.monotonic() + seconds - SECONDS
        # With the HTTP client, so only when used.
        self.caller: Any = import_string("broadcasts.checking.link_caller.LinkCaller")({})
        self.flights: dict[Any, LinkCheck] = {}
        self.begun: set[int] = set()

    def run(self) -> int:
        """Return how many links were asked for."""
        asked = 0
        try:
            while self._begin() or self.flights:
                for row, found in self.caller.wait(self.flights):
                    _store(row, found)
                    asked += 1
        finally:
            self.caller.close()
        return asked

    def _begin(self) -> bool:
        """Begin what is due and may begin; tell whether anything did."""
        if time.monotonic() >= self.begins_until:
            return False
        before = len(self.flights)
        busy = _busy()
        while row := self._next(busy) if busy.total() < AT_ONCE else None:
            self.begun.add(row.pk)
            busy[row.organization_id] += 1
            if _claim(row):
                self.flights[self.caller.begin(row.address)] = row
        return len(self.flights) > before

    def _next(self, busy: Counter[int]) -> LinkCheck | None:
        """Return the next row, of an organization with less than its share under way."""
        full = [pk for pk, n in busy.items() if n >= AT_ONCE_OF_ONE]
        return _free().exclude(pk__in=self.begun).exclude(organization__in=full).first()


def _busy() -> Counter[int]:
    """Return {organization: links that are asked for now}, by all tasks."""
    claimed = _due().filter(asked_until__gt=Now()).order_by()
    return Counter(dict(claimed.values_list("organization").annotate(Count("pk"))))


def _store(row: LinkCheck, found: LinkAnswer) -> None:
    fault = storable(found.fault)[:255]
    LinkCheck.objects.filter(pk=row.pk).update(
        status_code=found.status, fault=fault, checked_at=Now(), asked_until=None
    )
