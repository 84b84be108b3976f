"""What providers, links and recipients report about deliveries, and the consequences.

A fact is set once, counted once and never unset; late, repeated and out-of-order reports change nothing. `recording`
writes facts, `references` knows deliveries by their providers' ids, `counters` adds to the batches.
"""

from broadcasts.consenting import suppress

from .counters import adjust_counters
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

__all__ = [
    "Fact",
    "Place",
    "Report",
    "add_found",
    "add_provider_ids",
    "adjust_counters",
    "find",
    "find_by_key",
    "hold_people",
    "keep_early",
    "known_as",
    "pass_over",
    "record",
    "record_all",
    "record_early",
    "suppress",
    "unsubscribe",
]
