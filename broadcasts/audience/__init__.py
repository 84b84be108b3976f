"""Who gets a broadcast: the filter vocabulary, audiences, and the reasons why a matched contact is skipped."""

from .addresses import SCHEMES, parse_address, uris, validate_addresses
from .attendances import matching_attendances
from .audience import Audience, as_if_created, create_missing, matched
from .broadcast_recipients import CONDITIONS
from .catalogue import catalogue
from .estimate import Estimate, estimate, preview, survey
from .groups import groups_of, readable_contacts
from .joined_reasons import recipients_between
from .lacking import LABELS, count_lacking, merge_field_labels
from .matching import Match, MatchNode, match_contact
from .measuring import engagements, measured, reported_in, why_not
from .query import (
    NOT_FILTERS,
    compile_query,
    count_segment,
    query_from,
    segment_contacts,
    validate,
    validate_rules,
)
from .reasons import (
    claim_reasons,
    counted,
    fallback_recipients,
    reason_after,
    skip_reason,
    suppressions,
)
from .receiving import receivers, recipients
from .references import references_to, references_to_attribute, require_unused
from .refusing import refusal
from .routes import Route, routes_of
from .searching import search_clause
from .suggestions import suggest

__all__ = [
    "CONDITIONS",
    "LABELS",
    "NOT_FILTERS",
    "SCHEMES",
    "Audience",
    "Estimate",
    "Match",
    "MatchNode",
    "Route",
    "as_if_created",
    "catalogue",
    "claim_reasons",
    "compile_query",
    "count_lacking",
    "count_segment",
    "counted",
    "create_missing",
    "engagements",
    "estimate",
    "fallback_recipients",
    "groups_of",
    "match_contact",
    "matched",
    "matching_attendances",
    "measured",
    "merge_field_labels",
    "parse_address",
    "preview",
    "query_from",
    "readable_contacts",
    "reason_after",
    "receivers",
    "recipients",
    "recipients_between",
    "references_to",
    "references_to_attribute",
    "refusal",
    "reported_in",
    "require_unused",
    "routes_of",
    "search_clause",
    "segment_contacts",
    "skip_reason",
    "suggest",
    "suppressions",
    "survey",
    "uris",
    "validate",
    "validate_addresses",
    "validate_rules",
    "why_not",
]
