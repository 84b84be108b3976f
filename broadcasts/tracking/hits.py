"""What the public addresses of tracking know of links, and how they store hits: at most one statement for each.

Links never change, so a process reads each once. While the database is out of order, what a process knows still leads
readers on; the hits of that time are lost, which is logged.
"""

import logging
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from broadcasts.database import SharedInsert, outage, storable
from broadcasts.models import Hit, Link
from broadcasts.rendering import has_tags

from .domains import tracking_domains

log = logging.getLogger(__name__)

KNOWN = 10_000  # links in the memory of a process
COPIES = 100_000  # whose hits of this minute are counted
MOST_A_MINUTE = 60  # hits of a copy that a process stores
LOG_SECONDS = 60
PAUSE_SECONDS = 1  # before a database that is out of order is asked again
LONGEST_AGENT = 255
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

stored = SharedInsert(
    Hit, "delivery_id", "link_id", "kind", "at", "due_at", "ip_address", "user_agent", "is_head", "is_prefetch"
)


@dataclass(frozen=True, slots=True)
class KnownLink:
    """What the address of a link needs of its row."""

    url: str  # "" of a personal one, whose address each copy has sealed
    message_id: int
    organization_id: int


class KnownLinks:
    """The links that this process knows; its threads share them."""

    def __init__(self) -> None:
        self.known: dict[int, KnownLink] = {}

    def find(self, link_id: int) -> KnownLink | None:
        """Return a link; None if there is none. Raises DatabaseError if it is not known and cannot be read."""
        if known := self.known.get(link_id):
            return known
        columns = ("url", "message__syntax", "message", "message__broadcast__organization")
        row = Link.objects.filter(pk=link_id).values_list(*columns).first()
        if row is None:  # it may be made yet
            return None
        if len(self.known) >= KNOWN:
            self.known = {}
        url, syntax, *of = row
        self.known[link_id] = found = KnownLink("" if has_tags(url, syntax) else url, *of)
        return found

    def forget(self) -> None:
        self.known = {}


class HitCounts:
    """How many hits of each copy this process stored in this minute, so that no copy fills the table."""

    def __init__(self) -> None:
        self.minute, self.counts = 0, Counter[int]()

    def allows(self, delivery_id: int) -> bool:
        minute = int(time.time() // 60)
        if minute != self.minute or len(self.counts) >= COPIES:
            self.minute, self.counts = minute, Counter()
        self.counts[delivery_id] += 1
        return self.counts[delivery_id] <= MOST_A_MINUTE

    def forget(self) -> None:
        self.counts = Counter()


class Losses:
    """Hits that could not be stored: told in the log once a minute, with a pause in which none is tried."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lost, self.told_at, self.pause_ends = 0, -float(LOG_SECONDS), 0.0

    def note(self, error: Exception | None = None) -> None:
        with self.lock:
            now = time.monotonic()
            self.lost += 1
            if error:
                self.pause_ends = now + PAUSE_SECONDS
            if error and now >= self.told_at + LOG_SECONDS:
                log.warning("%s opens or clicks could not be stored and are lost: %s", self.lost, type(error).__name__)
                self.told_at, self.lost = now, 0

    @property
    def is_paused(self) -> bool:
        return time.monotonic() < self.pause_ends

    def forget(self) -> None:
        self.lost, self.told_at, self.pause_ends = 0, -float(LOG_SECONDS), 0.0


known_links, counts, losses = KnownLinks(), HitCounts(), Losses()


def store_hit(
    delivery_id: int,
    kind: str,
    *,
    link_id: int | None = None,
    ip_address: str = "",
    user_agent: str = "",
    is_head: bool = False,
    is_prefetch: bool = False,
) -> None:
    """Store a fetch of something in a copy, to be judged soon; it is committed on return.

    It never raises: readers get their page also while the database is out of order, and hits beyond MOST_A_MINUTE of a
    copy are dropped.
    """
    if not counts.allows(delivery_id):
        return
    if losses.is_paused:
        losses.note()
        return
    link: Any = connections[DEFAULT_DB_ALIAS]
    now, adapt = timezone.now(), link.ops.adapt_datetimefield_value
    try:
        if link.settings_dict["CONN_MAX_AGE"] and not link.in_atomic_block:
            link.close_if_unusable_or_obsolete()  # no signal of a request does it
        stored.insert(
            delivery_id=delivery_id,
            link_id=link_id,
            kind=kind,
            at=adapt(now),
            due_at=adapt(now + timedelta(seconds=settings.TRACKING_DELAY_SECONDS)),
            ip_address=ip_address or None,
            user_agent=storable(CONTROLS.sub(" ", user_agent))[:LONGEST_AGENT],
            is_head=is_head,
            is_prefetch=is_prefetch,
        )
    except Exception as error:
        if outage(error):
            losses.note(error)
        else:  # a fault of this one, for which no other has to wait
            log.exception("An open or click could not be stored")


def forget() -> None:
    """Forget the links, tracking domains, counts and losses that this process knows."""
    for one in (known_links, tracking_domains, counts, losses):
        one.forget()
