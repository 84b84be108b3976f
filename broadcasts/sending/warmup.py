"""The warm-up of a channel: so many messages a day, and a rest until the next when they are used up."""

from datetime import date

from django.db.models import F
from django.db.models.functions import Now, TruncDate

from broadcasts.models import Channel, ChannelRate


def take(channel: Channel, n: int) -> int:
    """Take up to n messages of what today's share has left; with none left the channel rests until tomorrow."""
    if not channel.ramp:
        return n
    while True:
        row, today = _today(channel)
        most = channel.allowance(today)
        left = n if most is None else most - (row.sent_today if row.day == today else 0)
        granted = min(n, left)
        if granted <= 0:
            _rest(channel, today)
            return 0
        rows = ChannelRate.objects.filter(pk=row.pk, day=row.day, sent_today=row.sent_today)
        if rows.transition(day=today, sent_today=granted + (row.sent_today if row.day == today else 0)):
            return granted


def give_back(channel: Channel, n: int) -> None:
    """Return what was taken and not used."""
    if channel.ramp and n > 0:
        row, today = _today(channel)
        ChannelRate.objects.filter(pk=row.pk, day=today, sent_today__gte=n).update(sent_today=F("sent_today") - n)


def _today(channel: Channel) -> tuple[ChannelRate, date]:
    """Read the channel's row, and which day it is where the organization is, by the database's clock."""
    ChannelRate.objects.get_or_create(channel=channel, domain="")
    row = ChannelRate.objects.annotate(today=TruncDate(Now(), tzinfo=channel.organization.zone)).get(
        channel=channel, domain=""
    )
    return row, row.today


def _rest(channel: Channel, today: date) -> None:
    """Rest until tomorrow, unless somebody changed the channel since it was read."""
    rows = Channel.objects.filter(pk=channel.pk, modified=channel.modified)
    rows.transition(resting_until=channel.next_day(today))
