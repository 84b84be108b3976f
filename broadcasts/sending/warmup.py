"""The warm-up of a channel: a number of messages per day; when they are used up, it rests until the next day."""

from datetime import date

from django.db.models import F
from django.db.models.functions import Now, TruncDate

from broadcasts.models import Channel, ChannelRate


def take(channel: Channel, n: int) -> int:
    """Take up to n messages of today's remaining allowance and return how many; with 0 the channel rests."""
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
    """Give back n messages that were taken and not used."""
    if channel.ramp and n > 0:
        row, today = _today(channel)
        ChannelRate.objects.filter(pk=row.pk, day=today, sent_today__gte=n).update(sent_today=F("sent_today") - n)


def _today(channel: Channel) -> tuple[ChannelRate, date]:
    """Return the channel's row and today's date in the organization's zone, by the database's clock."""
    ChannelRate.objects.get_or_create(channel=channel, domain="")
    row = ChannelRate.objects.annotate(today=TruncDate(Now(), tzinfo=channel.organization.zone)).get(
        channel=channel, domain=""
    )
    return row, row.today


def _rest(channel: Channel, today: date) -> None:
    """Let the channel rest until tomorrow, unless it was changed since it was read."""
    rows = Channel.objects.filter(pk=channel.pk, modified=channel.modified)
    rows.transition(resting_until=channel.next_day(today))
