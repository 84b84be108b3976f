"""The domains that mail comes from: their keys, and what their DNS says to the servers that receive the mail.

Answers of the DNS are data: their number, length and characters are bounded. Workers ask; pages and the check before
sending read what is stored.
"""

from .domains import MOST_DOMAINS, ask_again, check_room, enqueue_waiting, inspect_due, know, know_all
from .findings import Finding, findings, is_published, summaries, worst
from .keys import MOST_KEYS, activate, delete_key, make_key, new_selector, retire
from .publishing import host_of, pieces, record_of, zone_record

__all__ = [
    "MOST_DOMAINS",
    "MOST_KEYS",
    "Finding",
    "activate",
    "ask_again",
    "check_room",
    "delete_key",
    "enqueue_waiting",
    "findings",
    "host_of",
    "inspect_due",
    "is_published",
    "know",
    "know_all",
    "make_key",
    "new_selector",
    "pieces",
    "record_of",
    "retire",
    "summaries",
    "worst",
    "zone_record",
]
