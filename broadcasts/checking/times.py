"""When it begins and ends: the time of sending, quiet hours, limits of channels, expiry; and what SMS cost."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from broadcasts import clocks, formats
from broadcasts.models import Channel
from broadcasts.sending import hours

from .draft import Draft
from .lines import Detail, Line, coarse, ok, people, stop, warning
from .people import People


def starts_at(draft: Draft, now: datetime) -> datetime:
    """Return when it would begin: at its time, or now where that has passed or there is none."""
    at = draft.broadcast.scheduled_at
    return max(now, hours.earliest_start(draft.broadcast, at)) if at else now


def ends_at(draft: Draft, counted: People, now: datetime) -> datetime:
    """Return when the last copy would leave: limits of rates first, then the last of those who wait for their hour."""
    begins = starts_at(draft, now)
    ends = begins + timedelta(seconds=counted.estimate.expected_duration_seconds or 0)
    return max([ends, *(until for until, _ in _waiting(draft, counted, begins))])


def schedule(draft: Draft, counted: People) -> Line:
    """Say when it begins and ends, as its limits and the people's clocks have it."""
    broadcast, now = draft.broadcast, timezone.now()
    zone = broadcast.organization.zone
    if broadcast.scheduled_at and clocks.refusal(broadcast.scheduled_at, zone, now):
        at = formats.moment(broadcast.scheduled_at, zone)
        words = f"Its time, {at}, has passed. Choose another, or send it now."
        return warning("schedule", words, step="when")
    begins, ends = starts_at(draft, now), ends_at(draft, counted, now)
    if broadcast.scheduled_at:
        start = f"It begins {formats.planned(begins, zone)}"
    else:
        start = "It begins when you send it"
    seconds = (ends - begins).total_seconds()
    length = f"it takes about {formats.duration(seconds)}, until {formats.moment(ends, zone)}" if seconds else ""
    words = f"{start}, and {length or 'no channel limits how fast it goes'}."
    return ok("schedule", words, step="when")


def _waiting(draft: Draft, counted: People, begins: datetime) -> Iterator[tuple[datetime, int]]:
    """Yield (until when, how many) of the recipients who wait for their clock time, or the end of quiet hours."""
    for message, zones in zip(draft.messages, counted.zones, strict=False):
        broadcast = draft.broadcast
        local = broadcast.clock_of(broadcast.scheduled_at) if broadcast.local_time and broadcast.scheduled_at else None
        quiet = hours.quiet_hours(message)
        if local or quiet:
            for name, n in zones.items():
                zone = clocks.zone_of(name, draft.organization.zone)
                until = clocks.send_time(begins, zone, local, quiet)
                if until > begins:
                    yield until, n


def quiet_hours(draft: Draft, counted: People) -> Line | None:
    """Ask how many people would wait for the end of their quiet hours."""
    kept = [message for message in draft.messages if hours.quiet_hours(message)]
    if not kept:
        if draft.broadcast.ignore_quiet_hours and draft.organization.quiet_hours:
            words = "It ignores quiet hours: people get it at any time of the day."
            return ok("quiet_hours", words, step="when")
        return None
    begins = starts_at(draft, timezone.now())
    waiting = _in_quiet_hours(draft, counted, begins)
    if not waiting:
        return ok("quiet_hours", "Nobody has quiet hours when it would reach them.", step="when")
    last, total = max(until for until, _ in waiting), sum(n for _, n in waiting)
    zone = draft.organization.zone
    return warning(
        "quiet_hours",
        f"{people(total, 'has', 'have')} quiet hours then and will get it later, the last at "
        f"{formats.moment(last, zone)}. Choose another time, or let them wait.",
        step="when",
        stable=f"{coarse(total)} {last.isoformat(timespec='minutes')}",
    )


def _in_quiet_hours(draft: Draft, counted: People, begins: datetime) -> list[tuple[datetime, int]]:
    """Return (their end, people) of those in quiet hours at the moment when it would reach them."""
    broadcast, found = draft.broadcast, []
    local = broadcast.clock_of(broadcast.scheduled_at) if broadcast.local_time and broadcast.scheduled_at else None
    for message, zones in zip(draft.messages, counted.zones, strict=False):
        if quiet := hours.quiet_hours(message):
            for name, n in zones.items():
                zone = clocks.zone_of(name, draft.organization.zone)
                if end := clocks.quiet_until(clocks.send_time(begins, zone, local, None), zone, quiet):
                    found.append((end, n))
    return found


def limits(draft: Draft, counted: People) -> Line | None:
    """Ask whether a channel may send to so many people in a day."""
    channels = list({message.channel.pk: message.channel for message in draft.messages if message.channel}.values())
    limited = [one for one in channels if one.ramp or one.top_people]
    if not limited:
        return None
    begins = starts_at(draft, timezone.now())
    found = [Detail(words) for one in limited if (words := _beyond(one, counted, begins))]
    found += [Detail(words) for words in counted.estimate.slowed_by]
    if not found:
        return ok("limits", "The daily limits of its channels have room for all.", step="when")
    words = "A channel may not send so many in a day, so the broadcast takes several. Accept that, or choose fewer."
    stable = f"{[one.pk for one in limited]} {coarse(counted.estimate.will_receive)}"
    return warning("limits", words, step="who", detail=tuple(found), stable=stable)


def _beyond(channel: Channel, counted: People, begins: datetime) -> str:
    """Return what a channel's warm-up does not allow on the first day; "" if it has room for all."""
    if channel.resting_until and channel.resting_until > begins:
        return f"“{channel}”: {channel.resting_reason}"
    n = counted.estimate.per_channel.get(channel.name, 0)
    most = channel.allowance(timezone.localdate(begins, channel.organization.zone))
    if most is None or n <= most:
        return ""
    return f"“{channel}” warms up and sends {formats.number(most)} of {formats.number(n)} on the first day."


def expiry(draft: Draft, counted: People) -> Line | None:
    """Ask whether it expires before everybody could get it."""
    expires, now, zone = draft.broadcast.expires_at, timezone.now(), draft.organization.zone
    if expires is None:
        return None
    at = formats.moment(expires, zone)
    if expires <= starts_at(draft, now):
        return stop("expiry", f"It expires at {at}, before it begins. Choose a later expiry, or none.", step="when")
    ends = ends_at(draft, counted, now)
    if ends > expires:
        words = f"It expires at {at}, before the last copy could leave. Who waits until then gets nothing."
        return warning("expiry", words, step="when")
    return ok("expiry", f"It expires at {at}, after the last copy has left.", step="when")


def cost(draft: Draft, counted: People) -> Line | None:
    """Say how many segments its SMS are, and what they cost."""
    found = counted.cost
    if found is None:
        return None
    if found.amounts:
        return ok("cost", f"It costs about {found}.", step="what")
    words = f"It takes about {found}. Give the channel a price per segment to see what they cost."
    return ok("cost", words, step="what")
