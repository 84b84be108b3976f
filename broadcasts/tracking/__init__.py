"""What providers, links and recipients report about deliveries, and the consequences.

A fact is set once, counted once and never unset; late, repeated and out-of-order reports change nothing. `recording`
writes facts, `references` knows deliveries by their providers' ids, `counters` adds to the batches.

Opens and clicks of mail are measured by our own addresses: `hits` stores their fetches, `judging` makes facts of them
by the rules of `verdicts`, which tell people from machines (`agents` by what they call themselves). `domains` are the
hosts at which these addresses arrive, `locations` writes where a link leads to.
"""

from broadcasts.consenting import suppress

from .counters import adjust_counters
from .domains import fault_of, host_of, is_tracking_host, leads_here, tracking_domains
from .hits import KnownLink, forget, known_links, store_hit
from .judging import enqueue_hits, judge_due
from .locations import location
from .recording import Fact, hold_people, record, record_all, unsubscribe
from .references import (
    Place,
    Report,
    add_found,
    add_provider_ids,
    find,
    find_by_key,
    keep_early,
    known_as,
    pass_over,
    record_early,
)
from .verdicts import RULES

__all__ = [
    "RULES",
    "Fact",
    "KnownLink",
    "Place",
    "Report",
    "add_found",
    "add_provider_ids",
    "adjust_counters",
    "enqueue_hits",
    "fault_of",
    "find",
    "find_by_key",
    "forget",
    "hold_people",
    "host_of",
    "is_tracking_host",
    "judge_due",
    "keep_early",
    "known_as",
    "known_links",
    "leads_here",
    "location",
    "pass_over",
    "record",
    "record_all",
    "record_early",
    "store_hit",
    "suppress",
    "tracking_domains",
    "unsubscribe",
]
