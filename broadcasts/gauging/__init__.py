"""Gauges of complaints, bounces and refusals, and what they do before mail providers do it.

- `totals`: the numbers of channels and receiving domains in the rolling window, from counters that exist.
- `gauge`: their shares, the thresholds, and both in words.
- `acting`: each second, of channels at work: pauses broadcasts, holds warm-ups; `slowing` and `domains` slow a channel
  or one receiving domain, `lifting` is what staff do about it, and `notices` tell them.
- `advice`: the warm-up that a new domain should have, as a calendar.
"""

from .acting import act, forget, mail_kinds
from .advice import Advice, Day, advise, audience_of, begin_warmup, calendar
from .gauge import Gauge, Share
from .lifting import lift
from .notices import notify
from .reading import gauges, overview

__all__ = [
    "Advice",
    "Day",
    "Gauge",
    "Share",
    "act",
    "advise",
    "audience_of",
    "begin_warmup",
    "calendar",
    "forget",
    "gauges",
    "lift",
    "mail_kinds",
    "notify",
    "overview",
]
