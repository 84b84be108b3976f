"""Rows and their own rules."""

from .activities import Activity, Attendance
from .addresses import (
    address_hash,
    address_key,
    calling_code,
    clean_phone,
    email_domain,
    email_key,
    phone_key,
    split_email,
    stored_key,
    typed_address,
    typed_with_key,
    whatsapp_key,
)
from .base import Base, OrganizationQuerySet
from .broadcasts import Broadcast
from .channels import Channel, ChannelRate, reported_by
from .consents import Consent, ConsentChange, ConsentState, Suppression
from .contacts import ADDRESS_HASHES, KEY_FIELDS, Attribute, Contact, attributes_fault
from .deliveries import OUTCOMES, Batch, Delivery, ProviderRef, Reason, count
from .events import DeliveryEvent, Inbound, Link
from .facts import FACTS, OWN_FACTS, Engagement
from .fields import MAX_DEPTH, json_fault
from .invitations import Invitation
from .leases import lease_end
from .media import Media
from .messages import Message, MessageTranslation
from .operations import Allowance, AuditEntry, Heartbeat, IdempotencyKey, ImportJob
from .organizations import (
    ACTS,
    ApiToken,
    Medium,
    Member,
    Organization,
    Role,
    UseCase,
    normalize_language,
    rank,
    validate_quiet_hours,
)
from .personal_links import PersonalLink
from .search import search_text, search_words
from .segments import Segment, SegmentMember
from .templates import Content, Syntax, Template, TemplateTranslation
from .users import User

__all__ = [
    "ACTS",
    "ADDRESS_HASHES",
    "FACTS",
    "KEY_FIELDS",
    "MAX_DEPTH",
    "OUTCOMES",
    "OWN_FACTS",
    "Activity",
    "Allowance",
    "ApiToken",
    "Attendance",
    "Attribute",
    "AuditEntry",
    "Base",
    "Batch",
    "Broadcast",
    "Channel",
    "ChannelRate",
    "Consent",
    "ConsentChange",
    "ConsentState",
    "Contact",
    "Content",
    "Delivery",
    "DeliveryEvent",
    "Engagement",
    "Heartbeat",
    "IdempotencyKey",
    "ImportJob",
    "Inbound",
    "Invitation",
    "Link",
    "Media",
    "Medium",
    "Member",
    "Message",
    "MessageTranslation",
    "Organization",
    "OrganizationQuerySet",
    "PersonalLink",
    "ProviderRef",
    "Reason",
    "Role",
    "Segment",
    "SegmentMember",
    "Suppression",
    "Syntax",
    "Template",
    "TemplateTranslation",
    "UseCase",
    "User",
    "address_hash",
    "address_key",
    "attributes_fault",
    "calling_code",
    "clean_phone",
    "count",
    "email_domain",
    "email_key",
    "json_fault",
    "lease_end",
    "normalize_language",
    "phone_key",
    "rank",
    "reported_by",
    "search_text",
    "search_words",
    "split_email",
    "stored_key",
    "typed_address",
    "typed_with_key",
    "validate_quiet_hours",
    "whatsapp_key",
]
