"""How a message travels, as far as it decides which contacts it can reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from broadcasts.models import Broadcast, Channel, Medium, Message


@dataclass(frozen=True, kw_only=True)
class Route:
    """How a message travels: what decides which contacts it can reach; also usable without a message.

    channel: None for an e-mail without a channel yet.
    languages: those of the content; None if the language does not matter, an empty list if there is no content.
    """

    channel: Channel | None = None
    languages: Sequence[str] | None = None
    base_language: str = "en"
    is_template: bool = True  # whether it uses a template that the provider stores, where it needs one

    @classmethod
    def of(cls, message: "Message | Route") -> "Route":
        if isinstance(message, Route):
            return message
        return cls(
            channel=message.channel,
            languages=[translation.language for translation in message.translations.all()],
            base_language=message.broadcast.base_language,
            is_template=message.has_provider_template,
        )

    @property
    def medium(self) -> str:
        return self.channel.medium if self.channel else Medium.EMAIL

    @property
    def contact_field(self) -> str:
        return self.channel.contact_field if self.channel else "email"

    @property
    def name(self) -> str:
        return self.channel.name if self.channel else ""

    @property
    def reply_window(self) -> timedelta | None:
        """How lately a contact must have written to the channel; None if that does not matter."""
        return None if self.is_template or self.channel is None else self.channel.transport_class.reply_window


def routes_of(broadcast: Broadcast) -> list[Route]:
    """Return what a broadcast's messages mean for its audience: each one's channel, or the default, and languages."""
    messages = list(broadcast.messages.select_related("channel", "template").prefetch_related("translations"))
    for message in messages:
        message.broadcast = broadcast
        message.channel = message.channel or broadcast.organization.default_channel(message.medium)
    return [Route.of(message) for message in messages]
