"""When each recipient's hour comes: the clock time of a broadcast where they are, and the end of their quiet hours.

The few hundred zones there are get asked here; a statement then tells each row by its contact's zone, so that a
million rows cost no more than their INSERT, and a batch that has to wait one UPDATE.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Case, Exists, Field, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Now

from broadcasts.clocks import by_answer, local_moment, quiet_until, zone_of, zones
from broadcasts.models import Broadcast, Contact, Delivery, Message, Organization, Reason

from .lease import Lease

LOOK_AGAIN = timedelta(minutes=15)  # somebody in a zone further east may have come


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when a row has to wait, and why; or the reason for which it need not."""

    due_at: datetime | None = None
    error: str = ""
    reason: str = ""


NO_WAIT = Wait()


@dataclass(frozen=True)
class Waits:
    """What the people of each zone wait for; those of no zone, or of one that nobody knows, as at home."""

    elsewhere: dict[Wait, list[str]]
    at_home: Wait

    def __bool__(self) -> bool:
        return self.at_home != NO_WAIT or any(wait != NO_WAIT for wait in self.elsewhere)

    def sql(self, name: str, field: Field) -> Case:
        """One attribute of the wait, of the contact's zone."""
        at_home = getattr(self.at_home, name)
        found: dict[Any, list[str]] = {}
        for wait, names in self.elsewhere.items():
            if (value := getattr(wait, name)) != at_home:
                found.setdefault(value, []).extend(names)
        whens = [When(time_zone__in=names, then=Value(value)) for value, names in found.items()]
        # First those of no zone, who are often the most.
        return Case(When(time_zone="", then=Value(at_home)), *whens, default=Value(at_home), output_field=field)

    def are(self, wanted: Callable[[Wait], bool]) -> Q:
        """The condition on contacts of a zone whose wait is like that."""
        here = wanted(self.at_home)
        others = [name for wait, names in self.elsewhere.items() if wanted(wait) != here for name in names]
        return ~Q(time_zone__in=others) if here else Q(time_zone__in=others)


def database_clock(message: Message) -> datetime:
    """The clock that says when rows come due: by another one, who waited could be told to wait again."""
    return Message.objects.filter(pk=message.pk).values_list(Now(), flat=True).get()


def waits_at_birth(message: Message) -> Waits | None:
    """What rows are born to wait for; None where nobody has to."""
    broadcast = message.broadcast
    hours = quiet_hours(message)
    at = broadcast.clock_of(broadcast.scheduled_at) if broadcast.local_time and broadcast.scheduled_at else None
    if at is None and hours is None:
        return None
    now = database_clock(message)

    def ask(zone: ZoneInfo) -> Wait:
        turn, error = now, ""
        if at and (moment := local_moment(*at, zone)) > now:
            turn, error = moment, f"Waits for {at[1]:%H:%M} where they are."
        if hours and (end := quiet_until(turn, zone, hours)):
            turn, error = end, _quiet(hours)
        return _wait(turn, error, broadcast) if error else NO_WAIT

    return Waits(*by_answer(ask, broadcast.organization.zone))


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
    """Ask all zones once a minute: their hours begin and end on one."""
    return by_answer(lambda zone: quiet_until(minute, zone, hours), home)


def _quiet(hours: Sequence[str]) -> str:
    return f"Quiet hours until {hours[1]} where they are."


def _wait(due_at: datetime, error: str, broadcast: Broadcast) -> Wait:
    if broadcast.expires_at and broadcast.expires_at <= due_at:
        return Wait(reason=Reason.EXPIRED)
    return Wait(due_at, error)


class Quiet:
    """The quiet hours of a claimed batch, kept before each window and asked about once a minute."""

    def __init__(self, lease: Lease, message: Message) -> None:
        self.lease, self.message = lease, message
        self.hours = quiet_hours(message)
        self.asked_until = 0.0

    def keep(self) -> None:
        """Put off whoever of the rest of the batch has quiet hours now; raises LeaseLost with nothing written."""
        if self.hours is None or time.monotonic() < self.asked_until:
            return
        now = database_clock(self.message)
        minute = now.replace(second=0, microsecond=0)
        with transaction.atomic():
            self._put_off(self.hours, minute)
        self.asked_until = time.monotonic() + (minute + timedelta(minutes=1) - now).total_seconds()

    def _put_off(self, hours: tuple[str, str], minute: datetime) -> None:
        elsewhere, at_home = _quiet_zones(hours, minute, self.message.broadcast.organization.zone)
        waits = Waits({self._wait(end): names for end, names in elsewhere.items()}, self._wait(at_home))
        if not waits:
            return
        rest = self.lease.rest()
        contact = Contact.objects.filter(pk=OuterRef("contact_id"))
        expired = rest.filter(Exists(contact.filter(waits.are(lambda wait: bool(wait.reason)))))
        skipped = 0
        if self.message.broadcast.expires_at:
            skipped = expired.update(status=Delivery.Status.SKIPPED, reason=Reason.EXPIRED)
        due_at = contact.annotate(due=waits.sql("due_at", Delivery._meta.get_field("due_at"))).values("due")
        waiting = rest.filter(Exists(contact.filter(waits.are(lambda wait: wait.due_at is not None))))
        changed = waiting.update(due_at=Subquery(due_at), error=_quiet(hours))
        if changed or skipped:
            self.lease.hold(skipped=skipped)

    def _wait(self, end: datetime | None) -> Wait:
        return _wait(end, _quiet(self.hours or ()), self.message.broadcast) if end else NO_WAIT


def turn(broadcast: Broadcast, contact: Contact) -> datetime | None:
    """Return when the clock time of a broadcast comes where a contact is; None when it has none."""
    if not broadcast.local_time or broadcast.scheduled_at is None:
        return None
    zone = zone_of(contact.time_zone, broadcast.organization.zone)
    return local_moment(*broadcast.clock_of(broadcast.scheduled_at), zone)


def begin(broadcast: Broadcast, moment: datetime) -> datetime:
    """Return when a broadcast for a moment is to be looked at first: where its clock time comes first."""
    if not broadcast.local_time:
        return moment
    at = broadcast.clock_of(moment)
    return min((local_moment(*at, zone) for zone in zones().values()), default=moment)


def not_before(broadcast: Broadcast, now: datetime) -> datetime | None:
    """Return when to look again at a broadcast whose clock time has come for nobody yet; None when it has."""
    if not broadcast.local_time or broadcast.scheduled_at is None:
        return None
    at = broadcast.clock_of(broadcast.scheduled_at)
    first = min(local_moment(*at, zone) for zone in _zones_of(broadcast.organization))
    return min(first, now + LOOK_AGAIN) if first > now else None


def _zones_of(organization: Organization) -> set[ZoneInfo]:
    """The zones in which its contacts live."""
    names = Contact.objects.for_organization(organization).order_by().values_list("time_zone", flat=True).distinct()
    return {zone_of(name, organization.zone) for name in names} | {organization.zone}
