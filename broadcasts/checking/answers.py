"""Ask whether links answer, in the background, and remember that for a day.

Organizations choose the addresses, so all is bounded: five seconds for each task, after which another one goes on; four
for each link, whatever it answers; of the whole installation some links at once, and few of them of one organization;
by the address policy at every connection, also after a redirect.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urljoin

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import formats, queue
from broadcasts.database import storable
from broadcasts.links import digest_of
from broadcasts.models import LinkCheck, Organization
from broadcasts.transports import SettingsRefused, TransportError
from broadcasts.transports.http import Answer, Call, Http

log = logging.getLogger(__name__)

TASK = "check_links"
KEPT = timedelta(hours=24)  # an answer
ASKED_AGAIN = timedelta(seconds=20)  # after which a row that nobody has looked at is enqueued once more
FORGOTTEN = timedelta(hours=1)  # rows that no page has asked for since are left alone
SECONDS = 4  # for one link, with its redirects; one that takes longer is told as such, and not asked again for a day
REQUEST_SECONDS = 3  # of these, for one request
TASK_SECONDS = 5  # it begins only links that can take all of SECONDS
CLAIMED = timedelta(seconds=15)  # longer than a link can take: then its task was killed
AT_ONCE = 12  # links, of all organizations
AT_ONCE_OF_ONE = 4
MOST_HOPS = 5  # redirects
LARGEST = 1024  # bytes of a body
LONGEST_ADDRESS = 4000  # that a redirect may lead to
# A site that answers so is there, and does not want programs: nobody can tell what a person would see.
TURNS_AWAY = frozenset({401, 403, 405, 406, 407, 429, 451, 503, 999})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
        self.caller = LinkCaller({})
        self.flights: dict[asyncio.Task[LinkAnswer], LinkCheck] = {}
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


class LinkCaller(Http):
    """Asks for addresses by the rules of all our HTTP, and follows redirects by the same rules."""

    concurrency = AT_ONCE
    timeout = REQUEST_SECONDS

    def begin(self, address: str) -> "asyncio.Task[LinkAnswer]":
        self.open()
        assert self.loop is not None
        return self.loop.create_task(self._asked(address))

    def wait(self, flights: "dict[asyncio.Task[LinkAnswer], LinkCheck]") -> list[tuple[LinkCheck, LinkAnswer]]:
        """Return what became of those that end next, and take them out."""
        if not flights:
            return []
        ended, _ = self._run(asyncio.wait(flights, return_when=asyncio.FIRST_COMPLETED))
        return [(flights.pop(task), task.result()) for task in ended]

    def close(self) -> None:
        if self.loop is not None:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
        super().close()

    async def _asked(self, address: str) -> LinkAnswer:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._followed(address)
        except TimeoutError:
            return LinkAnswer(None, f"It did not answer within {formats.duration(SECONDS)}.")
        except TransportError as error:
            return LinkAnswer(None, _why(error))
        except Exception:
            log.exception("A link could not be asked for")
            return LinkAnswer(None, "It could not be asked for; the log of the workers says why.")

    async def _followed(self, address: str) -> LinkAnswer:
        """Ask for an address, and for those that it redirects to."""
        for _ in range(MOST_HOPS + 1):
            answer = await self._answer(address)
            target = answer.headers.get("Location", "")
            if answer.status not in REDIRECTS or not target:
                return LinkAnswer(answer.status, _fault(answer))
            address = _target(address, target)
            if not address.lower().startswith(("http://", "https://")) or len(address) > LONGEST_ADDRESS:
                return LinkAnswer(answer.status, "It leads on to an address that no browser opens.")
        return LinkAnswer(answer.status, f"It leads on more than {MOST_HOPS} times.")

    async def _answer(self, address: str) -> Answer:
        """Ask by HEAD, and by GET where that says no: many servers answer it alone."""
        try:
            answer = await self._exchange(Call(address, method="HEAD"), LARGEST)
            if answer.status < 400:
                return answer
        except SettingsRefused:
            raise
        except TransportError:
            pass
        return await self._exchange(Call(address, method="GET", headers={"Range": f"bytes=0-{LARGEST}"}), LARGEST)

    def _unanswered(self, error: Exception, host: str) -> TransportError:
        found = super()._unanswered(error, host)
        if isinstance(error, TimeoutError) and found.handed_over:
            return TransportError(f"The server {host} did not answer in time.")
        return TransportError(f"The connection to {host} broke before its answer.") if found.handed_over else found


def _target(address: str, target: str) -> str:
    try:
        return urljoin(address, target)
    except ValueError:
        return ""


def _why(error: TransportError) -> str:
    """Return why an address gave no answer; of the address policy without advice for the operator."""
    if isinstance(error, SettingsRefused):
        return "It leads to an address that only this server's own network can reach, or to none."
    return str(error)


def _fault(answer: Answer) -> str:
    if answer.status < 400 or answer.status in TURNS_AWAY or answer.status == 416:
        return ""
    if answer.status in (404, 410):
        return f"There is no such page (the server answered {answer})."
    return f"The server answered {answer}."
