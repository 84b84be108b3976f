"""Helpers for the database itself: outages, waiting, and statements that are compiled once.

`outages` knows the errors, `waiting` waits, `statements` holds SQL with named parameters, `text` leaves out what no
column takes; none of them knows a model.
"""

from .outages import BROKEN, BUSY, FULL, GONE, NO_ROOM, READ_ONLY, RETRY_SECONDS, Outage, outage
from .statements import Parameter, Statement, ids, ids_parameter, parameter
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
    "Parameter",
    "Statement",
    "durably",
    "ids",
    "ids_parameter",
    "outage",
    "parameter",
    "patiently",
    "storable",
    "waiting_at_most",
]
