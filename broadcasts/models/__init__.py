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
    whatsapp_key,
)
from .base import Base, OrganizationQuerySet
from .broadcasts import Broadcast, Engagement
from .channels import Channel, ChannelRate
from .consents import Consent, ConsentChange, ConsentState, Suppression
from .contacts import ADDRESS_HASHES, KEY_FIELDS, Attribute, Contact
from .deliveries import FACTS, OUTCOMES, Batch, Delivery, ProviderRef, Reason, count
from .events import DeliveryEvent, Inbound, Link
from .fields import MAX_DEPTH, json_fault
from .media import Media
from .messages import Message, MessageTranslation
from .operations import Allowance, AuditEntry, Heartbeat, IdempotencyKey, ImportJob
from .organizations import (
    ACTS,
    ApiToken,
    ChannelKind,
    Member,
    Organization,
    Role,
    UseCase,
    normalize_language,
    validate_quiet_hours,
)
from .personal_links import PersonalLink
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
    "ChannelKind",
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
    "Link",
    "Media",
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
    "calling_code",
    "clean_phone",
    "count",
    "email_domain",
    "email_key",
    "json_fault",
    "normalize_language",
    "phone_key",
    "split_email",
    "stored_key",
    "typed_address",
    "validate_quiet_hours",
    "whatsapp_key",
]
