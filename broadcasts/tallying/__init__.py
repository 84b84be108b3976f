"""Count what reports read: facts as they are told, and the outcomes of sending once a batch is done.

- `facts`: what is told about a copy, by minute and group; `clicks`: by link; `outcomes`: sent, failed, unknown and
  skipped copies by group; `minutes`: how many were sent in each minute; `errors`: which errors count as the same.
"""

from .clicks import Click, count_clicks
from .errors import NO_WORDS
from .facts import Tally, domains_of, forget_domains, forget_rare_domains
from .minutes import count_sent, count_sent_of
from .outcomes import group_done, regroup

__all__ = [
    "NO_WORDS",
    "Click",
    "Tally",
    "count_clicks",
    "count_sent",
    "count_sent_of",
    "domains_of",
    "forget_domains",
    "forget_rare_domains",
    "group_done",
    "regroup",
]
