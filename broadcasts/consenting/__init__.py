"""Consent: each yes and each no, with what proves it, in one transaction.

`record` holds the verbs, `suppressing` the list of addresses beside it, `wording` the words people agree to.
"""

from .record import ask, grant, hold, said_at, why_not, withdraw
from .suppressing import ADDRESS_FIELDS, address_of, blocking, hash_of, lift, suppress
from .wording import LANGUAGES, evidence_of, kind_name, spoken, version, wording

__all__ = [
    "ADDRESS_FIELDS",
    "LANGUAGES",
    "address_of",
    "ask",
    "blocking",
    "evidence_of",
    "grant",
    "hash_of",
    "hold",
    "kind_name",
    "lift",
    "said_at",
    "spoken",
    "suppress",
    "version",
    "why_not",
    "withdraw",
    "wording",
]
