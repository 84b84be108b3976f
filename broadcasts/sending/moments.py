"""Validate the times of a broadcast: no moment in the past, except when today is given as a day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any

from django.utils import timezone

from broadcasts import clocks, formats
from broadcasts.exceptions import InvalidInput, NotReady
from broadcasts.models import Broadcast, Organization

TIMES = ("scheduled_at", "expires_at")


def of_day(organization: Organization, day: date) -> datetime:
    """Return the moment of the default send hour on a day; raises InvalidInput for days before today."""
    if not clocks.is_near(day):
        raise InvalidInput({"send_at": clocks.TOO_FAR})
    today = timezone.localdate(timezone=organization.zone)
    if day < today:
        where = f"in {organization.zone} it is {formats.day(today)}"
        raise InvalidInput({"send_at": f"{formats.day(day)} has passed, {where}: choose today or a later day."})
    return _send_hour(organization, day)


def day_of(broadcast: Broadcast) -> date | None:
    """Return the day of a broadcast's time in its organization's zone."""
    return broadcast.scheduled_at.astimezone(broadcast.organization.zone).date() if broadcast.scheduled_at else None


def refused(stored: Broadcast, given: Mapping[str, Any], zone: tzinfo) -> dict[str, str]:
    """Return the errors of new values of TIMES as {field: message}; unchanged values are not checked."""
    now = timezone.now()
    new = {name: given[name] for name in _changed(stored, given) if given[name]}
    return {name: why for name, at in new.items() if (why := clocks.refusal(at, zone, now))} or ends_first(
        stored, given
    )


def ends_first(stored: Broadcast, given: Mapping[str, Any]) -> dict[str, str]:
    """Return an error as {field: message} if new values of TIMES let the broadcast expire before it is sent."""
    begins, expires = (given.get(name, getattr(stored, name)) for name in TIMES)
    if _changed(stored, given) and expires and expires <= (begins or timezone.now()):
        return {"expires_at": "This must be later than the time of sending."}
    return {}


def to_schedule(broadcast: Broadcast, at: datetime | None, day: date | None) -> datetime:
    """Return the moment to schedule a broadcast for: `at`, `day` at the default send hour, or the stored time.

    The stored time may have passed if it is the default send hour of today. Raises NotReady or InvalidInput.
    """
    organization, stored, now = broadcast.organization, broadcast.own_time, timezone.now()
    if at is None and day is not None:
        if stored and day_of(broadcast) == day and not clocks.refusal(stored, organization.zone, now):
            return stored  # the same day keeps its clock time
        return of_day(organization, day)
    moment = at or stored
    if moment is None:
        raise NotReady("It has no time yet: set send_at or scheduled_at first.")
    if at is None and moment == _send_hour(organization, timezone.localdate(now, organization.zone)):
        return moment
    if why := clocks.refusal(moment, organization.zone, now):
        raise InvalidInput({"scheduled_at": why})
    return moment


def _changed(stored: Broadcast, given: Mapping[str, Any]) -> list[str]:
    return [name for name in TIMES if name in given and given[name] != getattr(stored, name)]


def _send_hour(organization: Organization, day: date) -> datetime:
    return clocks.local_moment(day, time(organization.default_send_hour), organization.zone).astimezone(UTC)
