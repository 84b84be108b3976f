"""The registry: which kinds of channel there are, and the code that speaks for each."""

from django.utils.module_loading import import_string

from .base import Envelope, Outcome, Receipt, SettingsForm, SettingsRefused, Transport, TransportError

TRANSPORTS = {
    "email": "broadcasts.transports.email.Email",
    "console": "broadcasts.transports.console.Console",
}

__all__ = [
    "TRANSPORTS",
    "Envelope",
    "Outcome",
    "Receipt",
    "SettingsForm",
    "SettingsRefused",
    "Transport",
    "TransportError",
    "choices",
    "transport_class",
]


def transport_class(kind: str) -> type[Transport]:
    """Import the transport of a kind at its first use."""
    return import_string(TRANSPORTS[kind])


def choices() -> list[tuple[str, str]]:
    """Kinds with their labels; a callable, so that a new transport makes no migration."""
    return [(kind, transport_class(kind).label) for kind in TRANSPORTS]
