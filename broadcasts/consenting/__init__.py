"""Consent: grants and withdrawals with their evidence, each in one transaction.

`record` has the verbs, `suppressing` writes the suppression list, `consent_texts` has the texts people agree to.
"""

from .consent_texts import LANGUAGES, evidence_of, medium_name, spoken, version, wording
from .record import ask, grant, hold, restore, said_at, why_not, withdraw
from .suppressing import address_of, blocking, hash_of, lift, suppress

__all__ = [
    "LANGUAGES",
    "address_of",
    "ask",
    "blocking",
    "evidence_of",
    "grant",
    "hash_of",
    "hold",
    "lift",
    "medium_name",
    "restore",
    "said_at",
    "spoken",
    "suppress",
    "version",
    "why_not",
    "withdraw",
    "wording",
]
