"""Consent: grants and withdrawals with their evidence, each in one transaction.

`record` has the verbs, `suppressing` writes the suppression list, `lifting` takes addresses off it, `consent_texts` has
the texts people agree to. `bouncing` has the consequences of bounces, and `alerting` tells staff of refusals by policy.
"""

from .bouncing import HARD, POLICY, SOFT, Bounce, class_of, report_of, take_in
from .consent_texts import LANGUAGES, evidence_of, medium_name, spoken, version, wording
from .lifting import LIFTED_AT_ONCE, lift_by_staff, lift_expired
from .record import ask, grant, hold, restore, said_at, why_not, withdraw
from .suppressing import address_of, blocking, hash_of, lift, stricter, suppress

__all__ = [
    "HARD",
    "LANGUAGES",
    "LIFTED_AT_ONCE",
    "POLICY",
    "SOFT",
    "Bounce",
    "address_of",
    "ask",
    "blocking",
    "class_of",
    "evidence_of",
    "grant",
    "hash_of",
    "hold",
    "lift",
    "lift_by_staff",
    "lift_expired",
    "medium_name",
    "report_of",
    "restore",
    "said_at",
    "spoken",
    "stricter",
    "suppress",
    "take_in",
    "version",
    "why_not",
    "withdraw",
    "wording",
]
