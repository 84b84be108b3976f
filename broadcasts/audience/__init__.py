"""Who: the vocabulary of filters, audiences, and why somebody matched gets no copy."""

from .addresses import validate_addresses
from .audience import Audience, create_missing, matched
from .catalogue import catalogue
from .estimate import Estimate, estimate, preview
from .explain import Choice, Part, choice
from .filters import ContactFilter
from .measuring import engagements, kinds_of, measured, why_not
from .query import (
    LEAVES,
    NOT_FILTERS,
    compile_query,
    count_segment,
    query_from,
    segment_contacts,
    validate,
    validate_rules,
)
from .reasons import Outlet, claim_reasons, counted, reason_after, recipients, skip_reason, suppressions
from .refusing import refusal
from .searching import found_by
from .suggestions import suggest
from .uses import users_of, users_of_attribute

__all__ = [
    "LEAVES",
    "NOT_FILTERS",
    "Audience",
    "Choice",
    "ContactFilter",
    "Estimate",
    "Outlet",
    "Part",
    "catalogue",
    "choice",
    "claim_reasons",
    "compile_query",
    "count_segment",
    "counted",
    "create_missing",
    "engagements",
    "estimate",
    "found_by",
    "kinds_of",
    "matched",
    "measured",
    "preview",
    "query_from",
    "reason_after",
    "recipients",
    "refusal",
    "segment_contacts",
    "skip_reason",
    "suggest",
    "suppressions",
    "users_of",
    "users_of_attribute",
    "validate",
    "validate_addresses",
    "validate_rules",
    "why_not",
]
