"""Helpers for the database itself: outages, waiting, and statements that are compiled once.

`outages` classifies errors, `waiting` retries, `statements` compiles SQL with named parameters, `many` writes many rows
by one, `sharing` inserts the rows of several threads by one, and `text` removes characters that no column stores. None
of them depends on a model.
"""

from .many import insert_many, set_many
from .outages import BROKEN, BUSY, FULL, GONE, NO_ROOM, READ_ONLY, RETRY_SECONDS, Outage, outage
from .sharing import SharedInsert
from .statements import Parameter, Statement, ids, ids_parameter, parameter
from .text import MAX_DEPTH, as_id, is_storable, json_fault, storable, tidy_name
from .waiting import durably, patiently, waiting_at_most

__all__ = [
    "BROKEN",
    "BUSY",
    "FULL",
    "GONE",
    "MAX_DEPTH",
    "NO_ROOM",
    "READ_ONLY",
    "RETRY_SECONDS",
    "Outage",
    "Parameter",
    "SharedInsert",
    "Statement",
    "as_id",
    "durably",
    "ids",
    "ids_parameter",
    "insert_many",
    "is_storable",
    "json_fault",
    "outage",
    "parameter",
    "patiently",
    "set_many",
    "storable",
    "tidy_name",
    "waiting_at_most",
]
