"""What gauges do: slow channels and domains, pause broadcasts, hold warm-ups.

Each action is one conditional UPDATE, so that it is done, and told, once whatever number of supervisors look.
"""

import logging
import time
from datetime import datetime
from functools import cache

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import transports
from broadcasts.models import Broadcast, Channel, Message
from broadcasts.models.limits import hold
from broadcasts.queue import enqueue
from broadcasts.sending.notices import pause_with

from . import domains, slowing, totals
from .gauge import LEAST_COMPLAINTS, LEAST_UNDELIVERED, Gauge, percent_of
from .notices import tell

log = logging.getLogger(__name__)

PART = 20  # looking takes no more than this part of a supervisor's time
FREE = 0.1  # seconds: what takes less than this may be done each round
ENOUGH = Q(complained__gte=LEAST_COMPLAINTS) | Q(undelivered__gte=LEAST_UNDELIVERED)
_rests = {"until": 0.0}  # of time.monotonic()


def act() -> None:
    """Do what the gauges of channels at work say; after a look that took long, this process waits before the next."""
    began = time.monotonic()
    if began < _rests["until"]:
        return
    watched = list(_watched())
    if watched:
        _judge(watched)
    took = time.monotonic() - began
    _rests["until"] = began + PART * took if took > FREE else 0.0


def forget() -> None:
    """Have the next `act` look at once."""
    _rests["until"] = 0.0


@cache
def mail_kinds() -> list[str]:
    """Return the kinds of channels that carry mail: only these are judged."""
    return [kind for kind in transports.TRANSPORTS if transports.transport_class(kind).carries_mail]


def _watched() -> QuerySet[Channel]:
    """Return the mail channels that send now, that are slowed, or about which staff have to be mailed."""
    sending = Message.objects.filter(broadcast__status=Broadcast.Status.SENDING, broadcast__completed_at=None)
    at_work = Q(pk__in=sending.values("channel")) | Q(slowed_to__isnull=False) | ~Q(slowed_domains={})
    found = Channel.objects.filter(at_work | Q(notice_due_at__lte=Now()), kind__in=mail_kinds())
    return found.select_related("organization").defer("secrets")


def _judge(channels: list[Channel]) -> None:
    since, pks = totals.window_start(), [channel.pk for channel in channels]
    whole = totals.of_channels(pks, since)
    troubled = totals.of_domains(pks, since, ENOUGH)
    for channel in channels:
        gauge = Gauge(channel.organization, "", whole.get(channel.pk, totals.Numbers()))
        try:
            _judge_channel(channel, gauge, since)
            domains.judge(channel, gauge, troubled.get(channel.pk, {}))
        except Exception:  # the other channels are judged all the same
            log.exception("The gauges of channel %s could not act", channel.uuid)
        if channel.notice_due_at and channel.notice_due_at <= timezone.now():
            enqueue("notify_channel", channel.pk)


def _judge_channel(channel: Channel, gauge: Gauge, since: datetime) -> None:
    if gauge.level == "pause":
        _pause(channel, gauge, since)
    if channel.slowed_to is None and channel.slowed_until and channel.slowed_until > since:
        if gauge.level == "good":
            return
        # Staff have lifted it: only what was told since then counts.
        gauge = Gauge(channel.organization, "", totals.of_channel_after(channel.pk, channel.slowed_until))
    if gauge.level == "good":
        slowing.lift_by_itself(channel)
        return
    slowing.slow(channel, gauge)
    _hold(channel, gauge)


def _pause(channel: Channel, gauge: Gauge, since: datetime) -> None:
    """Pause what the channel sends; of a broadcast that staff resumed, only what was told since then counts."""
    rows = Broadcast.objects.filter(status=Broadcast.Status.SENDING, messages__channel=channel).distinct()
    for broadcast in rows.select_related("organization").order_by("pk"):
        judged, when = gauge, ""
        if broadcast.resumed_at and broadcast.resumed_at > since:
            numbers = totals.of_channel_after(channel.pk, broadcast.resumed_at)
            judged, when = Gauge(channel.organization, "", numbers), "since it was resumed"
        if judged.level == "pause":
            limit = percent_of(judged.worst.pause)
            reason = f"Paused: {judged.fact(channel, when)}; above {limit} its broadcasts pause. {judged.advice}"
            pause_with(broadcast, reason, resumed_at=broadcast.resumed_at)


def _hold(channel: Channel, gauge: Gauge) -> None:
    """Have the warm-up of a channel allow tomorrow no more than today, once a day."""
    today = timezone.localdate(timezone=channel.organization.zone)
    ramp = channel.ramp
    if not ramp or channel.allowance(today) is None or ramp.get("held_on", "") >= today.isoformat():
        return
    with transaction.atomic():
        if Channel.objects.filter(pk=channel.pk, ramp=ramp).transition(ramp=hold(ramp, today)):
            tell(channel, "hold warm-up", f"The warm-up does not grow tomorrow: {gauge.fact(channel)}.")
