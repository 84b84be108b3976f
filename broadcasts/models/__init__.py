"""Rows and their own rules."""

from broadcasts.mediums import Medium

from .activities import Activity, Attendance, Place, Series
from .base import Base, OrganizationQuerySet
from .broadcasts import Broadcast
from .callbacks import AutoReply, Inbound, StoredCall
from .channels import Channel, ChannelRate, PersonRate, reported_by
from .consents import Consent, ConsentChange, ConsentState, SoftBounce, Suppression
from .contacts import Attribute, Contact, attributes_fault
from .counts import GAUGED, Device, GroupCount, MinuteCount
from .deliveries import OUTCOMES, Batch, Delivery, DeliveryAttempt, ProviderRef, Reason, count
from .editing import Editing
from .event_subscriptions import EVENT_TYPES, EventCall, EventNote, EventSubscription
from .events import DeliveryEvent, EarlyFact, Hit, Link
from .facts import FACTS, OWN_FACTS, TRACKED, Engagement
from .fallbacks import Fallback
from .invitations import Invitation
from .keywords import Keyword, answer_fault, fill_answer, keyword_of, validate_answer_texts
from .layouts import Layout
from .leases import lease_end
from .link_checks import LinkCheck
from .mailboxes import Mailbox
from .media import Media
from .messages import Message, MessageTranslation
from .operations import Allowance, AuditEntry, Heartbeat, IdempotencyKey, ImportJob
from .organizations import (
    ACTS,
    ApiToken,
    Member,
    Organization,
    Role,
    UseCase,
    rank,
    validate_quiet_hours,
)
from .personal_links import PersonalLink
from .search import search_text, search_words
from .segments import Segment, SegmentMember
from .sending_domains import SendingDomain, SigningKey
from .templates import Content, Format, Syntax, Template, TemplateTranslation
from .users import User
from .versions import MessageVersion

__all__ = [
    "ACTS",
    "EVENT_TYPES",
    "FACTS",
    "GAUGED",
    "OUTCOMES",
    "OWN_FACTS",
    "TRACKED",
    "Activity",
    "Allowance",
    "ApiToken",
    "Attendance",
    "Attribute",
    "AuditEntry",
    "AutoReply",
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
    "DeliveryAttempt",
    "DeliveryEvent",
    "Device",
    "EarlyFact",
    "Editing",
    "Engagement",
    "EventCall",
    "EventNote",
    "EventSubscription",
    "Fallback",
    "Format",
    "GroupCount",
    "Heartbeat",
    "Hit",
    "IdempotencyKey",
    "ImportJob",
    "Inbound",
    "Invitation",
    "Keyword",
    "Layout",
    "Link",
    "LinkCheck",
    "Mailbox",
    "Media",
    "Medium",
    "Member",
    "Message",
    "MessageTranslation",
    "MessageVersion",
    "MinuteCount",
    "Organization",
    "OrganizationQuerySet",
    "PersonRate",
    "PersonalLink",
    "Place",
    "ProviderRef",
    "Reason",
    "Role",
    "Segment",
    "SegmentMember",
    "SendingDomain",
    "Series",
    "SigningKey",
    "SoftBounce",
    "StoredCall",
    "Suppression",
    "Syntax",
    "Template",
    "TemplateTranslation",
    "UseCase",
    "User",
    "answer_fault",
    "attributes_fault",
    "count",
    "fill_answer",
    "keyword_of",
    "lease_end",
    "rank",
    "reported_by",
    "search_text",
    "search_words",
    "validate_answer_texts",
    "validate_quiet_hours",
]
