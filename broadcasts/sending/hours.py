"""When each recipient may be sent to: at the broadcast's clock time in their zone, and outside their quiet hours.

The moment is computed in Python for each of the few hundred time zones, and applied in SQL by the zone of the contact,
so that a million rows cost only their INSERT, and deferring a batch costs one UPDATE.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Case, Exists, Field, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Now

from broadcasts import formats
from broadcasts.clocks import local_moment, quiet_until, zone_of, zones, zones_by_value
from broadcasts.models import Broadcast, Contact, Delivery, Message, Organization, Reason

from .lease import Lease
from .outcomes import uncounted
from .window import DOUBTFUL, MAY_HAVE_ARRIVED, keeping_doubt

LOOK_AGAIN = timedelta(minutes=15)  # a contact in a zone further east may have been added


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when a delivery waits and why (`error`); or the reason to skip it."""

    due_at: datetime | None = None
    error: str = ""
    reason: str = ""


NO_WAIT = Wait()


@dataclass(frozen=True)
class Waits:
    """The wait of each time zone; contacts without a known zone have that of the organization (`at_home`)."""

    elsewhere: dict[Wait, list[str]]
    at_home: Wait

    def __bool__(self) -> bool:
        return self.at_home != NO_WAIT or any(wait != NO_WAIT for wait in self.elsewhere)

    @property
    def defers(self) -> bool:
        """Whether anybody waits; otherwise `sql` of `due_at` is nothing but NULL, which PostgreSQL takes for text."""
        return any(wait.due_at for wait in (self.at_home, *self.elsewhere))

    def sql(self, name: str, field: Field, to: str = "") -> Case:
        """Return an expression for an attribute of the wait, by the zone of the contact at the path `to`."""
        at_home = getattr(self.at_home, name)
        found: dict[Any, list[str]] = {}
        for wait, names in self.elsewhere.items():
            if (value := getattr(wait, name)) != at_home:
                found.setdefault(value, []).extend(names)
        zone = f"{to}time_zone"
        whens = [When(**{f"{zone}__in": names}, then=Value(value)) for value, names in found.items()]
        # Contacts without a zone come first, since they are often the most.
        return Case(When(**{zone: ""}, then=Value(at_home)), *whens, default=Value(at_home), output_field=field)

    def matching(self, wanted: Callable[[Wait], bool]) -> Q:
        """Return the condition for contacts in zones whose wait satisfies `wanted`."""
        here = wanted(self.at_home)
        others = [name for wait, names in self.elsewhere.items() if wanted(wait) != here for name in names]
        return ~Q(time_zone__in=others) if here else Q(time_zone__in=others)


def database_clock(message: Message) -> datetime:
    """Return the database's time, by which rows are due: by another clock, a due row could be deferred again."""
    return Message.objects.filter(pk=message.pk).values_list(Now(), flat=True).get()


def initial_waits(message: Message) -> Waits | None:
    """Return the waits of new deliveries of a message; None if none has to wait."""
    broadcast = message.broadcast
    hours = quiet_hours(message)
    at = broadcast.clock_of(broadcast.scheduled_at) if broadcast.local_time and broadcast.scheduled_at else None
    if at is None and hours is None:
        return None
    now = database_clock(message)

    def ask(zone: ZoneInfo) -> Wait:
        due_at, error = now, ""
        if at and (moment := local_moment(*at, zone)) > now:
            due_at, error = moment, f"Waits for {formats.clock(at[1])} where they are."
        if hours and (end := quiet_until(due_at, zone, hours)):
            due_at, error = end, _quiet(hours)
        return _wait(due_at, error, broadcast) if error else NO_WAIT

    return Waits(*zones_by_value(ask, broadcast.organization.zone))


def quiet_hours(message: Message) -> tuple[str, str] | None:
    """Return the quiet hours that a message keeps, if any."""
    if message.channel is None:
        return None
    broadcast = message.broadcast
    ignored = broadcast.ignore_quiet_hours
    return broadcast.organization.quiet_hours_on(message.channel.medium, broadcast.use_case, ignored=ignored)


@lru_cache(maxsize=16)
def _quiet_zones(
    hours: tuple[str, str], minute: datetime, home: ZoneInfo
) -> tuple[dict[datetime | None, list[str]], datetime | None]:
    """Return the end of quiet hours by zone; cached by minute, since quiet hours begin and end on one."""
    return zones_by_value(lambda zone: quiet_until(minute, zone, hours), home)


def _quiet(hours: Sequence[str]) -> str:
    return f"Quiet hours until {hours[1]} where they are."


def _wait(due_at: datetime, error: str, broadcast: Broadcast) -> Wait:
    if broadcast.expires_at and broadcast.expires_at <= due_at:
        return Wait(reason=Reason.EXPIRED)
    return Wait(due_at, error)


class QuietHours:
    """Defers the deliveries of a claimed batch that are in quiet hours; called per window, acts once a minute."""

    def __init__(self, lease: Lease, message: Message) -> None:
        self.lease, self.message = lease, message
        self.hours = quiet_hours(message)
        self.asked_until = 0.0

    def defer(self) -> None:
        """Defer the batch's unsent deliveries that are in quiet hours now; raises LeaseLost with nothing written."""
        if self.hours is None or time.monotonic() < self.asked_until:
            return
        now = database_clock(self.message)
        minute = now.replace(second=0, microsecond=0)
        with transaction.atomic():
            self._defer(self.hours, minute)
        self.asked_until = time.monotonic() + (minute + timedelta(minutes=1) - now).total_seconds()

    def _defer(self, hours: tuple[str, str], minute: datetime) -> None:
        elsewhere, at_home = _quiet_zones(hours, minute, self.message.broadcast.organization.zone)
        waits = Waits({self._wait(end): names for end, names in elsewhere.items()}, self._wait(at_home))
        if not waits:
            return
        rest = self.lease.rest()
        contact = Contact.objects.filter(pk=OuterRef("contact_id"))
        expired = rest.filter(Exists(contact.filter(waits.matching(lambda wait: bool(wait.reason)))))
        counters = self._expire(expired) if self.message.broadcast.expires_at else {}
        changed = self._hold_back(rest, contact, waits, hours) if waits.defers else 0
        if changed or counters:
            self.lease.hold(**counters)

    @staticmethod
    def _hold_back(rest: QuerySet[Delivery], contact: QuerySet[Contact], waits: Waits, hours: tuple[str, str]) -> int:
        due_at = contact.annotate(due=waits.sql("due_at", Delivery._meta.get_field("due_at"))).values("due")
        waiting = rest.filter(Exists(contact.filter(waits.matching(lambda wait: wait.due_at is not None))))
        return waiting.update(due_at=Subquery(due_at), error=keeping_doubt(_quiet(hours)))

    def _expire(self, rows: QuerySet[Delivery]) -> dict[str, int]:
        """Skip copies that expire before their quiet hours end; return what to count."""
        fallback = self.lease.fallback
        # One that may have arrived is not called expired.
        doubtful = rows.filter(DOUBTFUL)
        unknown = doubtful.update(status=Delivery.Status.UNKNOWN, error=MAY_HAVE_ARRIVED, **fallback.unknown())
        pks = list(rows.values_list("pk", flat=True))  # read once: somebody's zone may change meanwhile
        counters = uncounted(self.lease, pks) | {"skipped": len(pks), "unknown": unknown}
        chosen = self.lease.rest().filter(pk__in=pks)
        chosen.update(status=Delivery.Status.SKIPPED, reason=Reason.EXPIRED, **fallback.failed())
        return {name: n for name, n in counters.items() if n}

    def _wait(self, end: datetime | None) -> Wait:
        return _wait(end, _quiet(self.hours or ()), self.message.broadcast) if end else NO_WAIT


def local_send_time(broadcast: Broadcast, contact: Contact) -> datetime | None:
    """Return the moment of a broadcast's clock time in a contact's zone; None if it has no local time."""
    if not broadcast.local_time or broadcast.scheduled_at is None:
        return None
    zone = zone_of(contact.time_zone, broadcast.organization.zone)
    return local_moment(*broadcast.clock_of(broadcast.scheduled_at), zone)


def earliest_start(broadcast: Broadcast, moment: datetime) -> datetime:
    """Return the first moment at which a broadcast may start: that of the easternmost zone if it has local time."""
    if not broadcast.local_time:
        return moment
    at = broadcast.clock_of(moment)
    return min((local_moment(*at, zone) for zone in zones().values()), default=moment)


def next_check(broadcast: Broadcast, now: datetime) -> datetime | None:
    """Return when to check a broadcast again whose clock time has not come in any contact's zone; None if it has."""
    if not broadcast.local_time or broadcast.scheduled_at is None:
        return None
    at = broadcast.clock_of(broadcast.scheduled_at)
    first = min(local_moment(*at, zone) for zone in _zones_of(broadcast.organization))
    return min(first, now + LOOK_AGAIN) if first > now else None


def _zones_of(organization: Organization) -> set[ZoneInfo]:
    """Return the time zones of an organization and its contacts."""
    names = Contact.objects.for_organization(organization).order_by().values_list("time_zone", flat=True).distinct()
    return {zone_of(name, organization.zone) for name in names} | {organization.zone}
