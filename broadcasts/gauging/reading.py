"""What pages and the API show of gauges."""

from collections.abc import Sequence

from broadcasts.models import Channel

from . import totals
from .gauge import LEVELS, Gauge

SHOWN = 20  # domains


def gauges(channel: Channel) -> list[Gauge]:
    """Return the gauge of a channel, then those of the receiving domains with the most complaints and bounces.

    Domains without any complaint, bounce or refusal are left out.
    """
    since = totals.window_start()
    whole = totals.of_channels([channel.pk], since).get(channel.pk, totals.Numbers())
    domains = totals.of_domains([channel.pk], since, totals.ANY, SHOWN).get(channel.pk, {})
    named = [("", whole), *domains.items()]
    return [Gauge(channel.organization, name, numbers) for name, numbers in named]


def overview(channels: Sequence[Channel]) -> list[tuple[Channel, Gauge]]:
    """Return the gauges of channels that sent anything in the window, the worst first, in two queries."""
    found = totals.of_channels([one.pk for one in channels], totals.window_start())
    told = [(one, Gauge(one.organization, "", found[one.pk])) for one in channels if one.pk in found]
    told = [(one, gauge) for one, gauge in told if gauge.sent or gauge.refused]
    return sorted(told, key=lambda one: (-LEVELS.index(one[1].level), -one[1].complaints.share, str(one[0])))
