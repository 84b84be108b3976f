"""What a bench needs of each kind of channel: how it is set up, what it sends, where people are reached, who receives.

This is the only place of the benches that names kinds. `fallback` is no kind but two channels, one after the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from django.core.management import call_command

from broadcasts.models import Channel, Organization, Template

from . import HOST, content
from .provider import PROVIDERS, ProviderSession
from .receiver import ReceiverSession, SmtpSession

SECRET = "whsec_" + "YmVuY2hi" * 4
CONNECTIONS = 100
NO_LIMIT = 1_000_000  # messages/s, where a kind has a limit of its own
SMS = {
    "url": "{base}/messages",
    "auth": {"bearer": "{secret}"},
    "json": {"to": "{to}", "from": "{from}", "text": "{text}", "key": "{key}", "callback_url": "{callback_url}"},
    "answer": {"id": "id", "code": "code"},
    "callback": {"id": "id", "status": "status", "code": "code", "key": "key"},
    "statuses": {"delivered": "delivered", "failed": "bounced"},
}
TEXTS = {
    "en": {"text": "Hello {{ contact.first_name }}, the pool opens again. You came {{ contact.visits }} times."},
    "es": {"text": "Hola, {{ contact.first_name }}: la piscina abre de nuevo. Has venido {{ contact.visits }} veces."},
}


@dataclass(frozen=True)
class BenchKind:
    """One kind of channel, as a bench uses it."""

    name: str
    column: str  # of a contact: by what its receiver names people
    settings: Callable[[int], dict[str, Any]]  # the receiver's port -> the channel's settings
    message: Callable[[Channel], dict[str, Any]]  # what it sends
    receiver: type[ReceiverSession]

    @property
    def is_http(self) -> bool:
        return self.name in PROVIDERS

    def make_channel(self, club: Organization, port: int, **account: Any) -> Channel:
        channel = Channel(organization=club, name=f"Bench {self.name}", kind=self.name, is_default=True)
        if self.name == "email":
            channel.from_name, channel.from_address = club.name, "news@club.example"
        if self.is_http:
            channel.from_address, channel.rate = "Club", NO_LIMIT
        channel.configure(self.settings(port) | account)
        channel.save()
        return channel


def _mail(channel: Channel) -> dict[str, Any]:
    return {"translations": content.translations()}


def _text(channel: Channel) -> dict[str, Any]:
    return {"translations": TEXTS}


def _template(channel: Channel) -> dict[str, Any]:
    """Return a message by a template of the catcher's, with picture, texts and button."""
    call_command("sync_templates", verbosity=0, stdout=StringIO())
    parameters = {
        "header": {"image": {"link": "https://club.example/pool.jpg"}},
        "body": ["{{ contact.first_name }}", "{{ contact.visits }}"],
        "buttons": [{"index": 1, "url": "{{ contact.city }}"}],
    }
    return {"template": Template.objects.get(channel=channel, name="pool_opens"), "parameters": parameters}


def _cloud(port: int) -> dict[str, Any]:
    ids = {"phone_number_id": "1001", "business_account_id": "1002", "api_url": f"http://{HOST}:{port}/cloud/v23.0"}
    return ids | {"access_token": "bench", "app_secret": "bench", "verify_token": "bench"}


def _gateway(port: int) -> dict[str, Any]:
    base = {"preset": "other", "base_url": f"http://{HOST}:{port}/sms", "secret_key": "bench", "description": SMS}
    return base | {"connections": CONNECTIONS}


def _hook(port: int) -> dict[str, Any]:
    return {"url": f"http://{HOST}:{port}/hook", "signing_secret": SECRET, "connections": CONNECTIONS}


KINDS = {
    kind.name: kind
    for kind in (
        BenchKind("email", "email", lambda port: {"host": HOST, "port": port, "security": "none"}, _mail, SmtpSession),
        BenchKind("whatsapp", "whatsapp_id", _cloud, _template, ProviderSession),
        BenchKind("sms", "phone", _gateway, _text, ProviderSession),
        BenchKind("webhook", "external_id", _hook, _mail, ProviderSession),
    )
}
CHAINS: dict[str, Sequence[BenchKind]] = {
    **{name: (kind,) for name, kind in KINDS.items()},
    "fallback": (KINDS["whatsapp"], KINDS["sms"]),
}
