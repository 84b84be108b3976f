"""Mails that come back to a channel's sender: reports and replies, stored as calls of a provider are."""

import logging

from broadcasts import links
from broadcasts.models import Channel, Delivery, Organization
from broadcasts.transports import LONGEST_MAIL, CallbackRequest, kinds_that_read_mail, transport_class

from .storing import store

log = logging.getLogger(__name__)

URL = "mail:"
HEADERS = {"content-type": "message/rfc822"}


def store_mail(channel: Channel, raw: bytes) -> None:
    """Store a mail that came back to a channel, and have it applied soon; one that tells nothing is not stored.

    The channel is of a kind that reads mail. The mail may be about a copy of any channel of its organization.
    """
    call = CallbackRequest("MAIL", URL, HEADERS, raw[:LONGEST_MAIL])
    transport = channel.transport()
    told = transport.parse(call)
    if not told.things:
        log.info("A mail of %s bytes for channel %s is neither a report nor a reply", len(raw), channel.uuid)
    store(channel, transport, call, told)


def channel_meant(raw: bytes) -> Channel | None:
    """Return the channel whose copy a mail is about, by the copy's token; None if it is about none."""
    told = transport_class("email")({}).parse(CallbackRequest("MAIL", URL, HEADERS, raw[:LONGEST_MAIL]))
    pks = [pk for key in told.keys if (pk := links.delivery_id(key))]
    copies = Delivery.objects.select_related("message__channel", "message__broadcast__organization")
    copy = copies.filter(pk__in=pks).first()
    if copy is None:
        return None
    own = copy.message.channel
    if own is not None and own.transport_class.reads_mail:
        return own
    return reading_channel(copy.message.broadcast.organization)


def reading_channel(organization: Organization) -> Channel | None:
    """Return the channel that takes in the mails of an organization; None if none of its channels reads mail."""
    reading = Channel.objects.for_organization(organization).filter(kind__in=kinds_that_read_mail())
    return reading.order_by("-is_active", "-is_default", "pk").first()
