"""The channels that are called, each read from the database once in a few seconds."""

import time
from uuid import UUID

from broadcasts.models import Channel
from broadcasts.transports import CallbackRequest, Transport, kinds_that_call_back

from .storing import is_verified

SECONDS = 2  # that a channel is called by its earlier settings, after it was changed or deleted
KNOWN = 1_000


class CalledChannels:
    """The channels that this process knows; the threads of a process share them, and change none.

    A call that a known channel does not verify is checked again by the channel as it is now. So a new secret is valid
    at once, and the earlier one for SECONDS more; a deleted channel is noticed when a call is stored.
    """

    def __init__(self) -> None:
        self.known: dict[UUID, tuple[float, Channel]] = {}

    def find(self, uuid: UUID, serial: int) -> Channel | None:
        """Return the channel that is called at its address of this serial; None if there is none.

        A new address is valid at once, and one that was cut for SECONDS more.
        """
        read_at, channel = self.known.get(uuid, (-float(SECONDS), None))
        if channel is None or time.monotonic() >= read_at + SECONDS or not channel.is_called_at(serial):
            channel = self.find_anew(uuid)
        return channel if channel and channel.is_called_at(serial) else None

    def find_anew(self, uuid: UUID) -> Channel | None:
        channel = Channel.objects.filter(uuid=uuid, kind__in=kinds_that_call_back()).first()
        if channel is None:
            self.known.pop(uuid, None)
            return None
        if len(self.known) >= KNOWN:
            self.forget()
        self.known[uuid] = time.monotonic(), channel
        return channel

    def verified(self, channel: Channel, call: CallbackRequest) -> tuple[Channel, Transport] | None:
        """Return a channel and its transport if a call is from its provider, by the settings of now if they changed."""
        transport = channel.transport()
        if is_verified(transport, call):
            return channel, transport
        anew = self.find_anew(channel.uuid)
        if anew is None or (anew.settings, anew.secrets) == (channel.settings, channel.secrets):
            return None
        transport = anew.transport()
        return (anew, transport) if is_verified(transport, call) else None

    def forget(self) -> None:
        self.known = {}


called = CalledChannels()
