"""The registry of transports: the kinds of channel, and the class of each."""

from django.utils.module_loading import import_string

from .base import (
    Bubble,
    Envelope,
    File,
    Outcome,
    ProviderTemplate,
    Receipt,
    SettingsForm,
    SettingsRefused,
    StoredTemplate,
    Transport,
    TransportError,
)
from .bounces import BounceClass, bounce_class, enhanced_code
from .callbacks import LONGEST_MAIL, Callback, CallbackRequest, Event, InboundMessage, TemplateNews

TRANSPORTS = {
    "email": "broadcasts.transports.email.Email",
    "email_service": "broadcasts.transports.email_service.EmailService",
    "whatsapp": "broadcasts.transports.whatsapp.WhatsApp",
    "sms": "broadcasts.transports.sms.Sms",
    "webhook": "broadcasts.transports.webhook.Webhook",
    "console": "broadcasts.transports.console.Console",
}

__all__ = [
    "LONGEST_MAIL",
    "TRANSPORTS",
    "BounceClass",
    "Bubble",
    "Callback",
    "CallbackRequest",
    "Envelope",
    "Event",
    "File",
    "InboundMessage",
    "Outcome",
    "ProviderTemplate",
    "Receipt",
    "SettingsForm",
    "SettingsRefused",
    "StoredTemplate",
    "TemplateNews",
    "Transport",
    "TransportError",
    "bounce_class",
    "choices",
    "enhanced_code",
    "kinds_that_call_back",
    "kinds_that_read_mail",
    "kinds_that_store_templates",
    "transport_class",
]


def transport_class(kind: str) -> type[Transport]:
    """Import the transport of a kind at its first use."""
    return import_string(TRANSPORTS[kind])


def choices() -> list[tuple[str, str]]:
    """Return (kind, label) of each transport; a callable, so that a new transport needs no migration."""
    return [(kind, transport_class(kind).label) for kind in TRANSPORTS]


def kinds_that_call_back() -> list[str]:
    """Return the kinds whose providers send callbacks."""
    return [kind for kind in TRANSPORTS if transport_class(kind).calls_back]


def kinds_that_read_mail() -> list[str]:
    """Return the kinds that read the mails which come back to their sender."""
    return [kind for kind in TRANSPORTS if transport_class(kind).reads_mail]


def kinds_that_store_templates() -> list[str]:
    """Return the kinds whose providers store templates."""
    return [kind for kind in TRANSPORTS if transport_class(kind).stores_templates]
