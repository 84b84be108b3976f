"""The database as such: what keeps it from working, how long to wait for it, and statements that are compiled once.

`outages` knows the errors, `waiting` waits, `statements` holds SQL with placeholders, `text` leaves out what no
column takes; none of them knows a table.
"""

from .outages import BROKEN, BUSY, FULL, GONE, NO_ROOM, READ_ONLY, RETRY_SECONDS, Outage, outage
from .statements import Placeholder, Statement, ids, placeholder, placeholder_for_ids
from .text import storable
from .waiting import durably, patiently, waiting_at_most

__all__ = [
    "BROKEN",
    "BUSY",
    "FULL",
    "GONE",
    "NO_ROOM",
    "READ_ONLY",
    "RETRY_SECONDS",
    "Outage",
    "Placeholder",
    "Statement",
    "durably",
    "ids",
    "outage",
    "patiently",
    "placeholder",
    "placeholder_for_ids",
    "storable",
    "waiting_at_most",
]
