"""Taking in what a provider calls back: events become facts of deliveries, replies become Inbound rows."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from broadcasts import syncing, tracking
from broadcasts.database import outage, storable
from broadcasts.mediums import ADDRESS_FIELDS
from broadcasts.models import Channel, Contact, Delivery, Inbound
from broadcasts.transports import Callback, Event, InboundMessage

log = logging.getLogger(__name__)


def take_in(channel: Channel, told: Callback) -> None:
    """Record each event and reply by itself: a fault in one loses none of the others.

    An outage of the database is raised, so that the provider calls again; what was recorded by then stays, and is
    recorded once.
    """
    takes: list[Callable[[], object]] = [
        *(partial(_take_event, channel, event) for event in told.events),
        *(partial(_take_reply, channel, reply) for reply in told.replies),
        *(partial(syncing.take_news, channel, news) for news in told.templates),
    ]
    for take in takes:
        try:
            take()
        except Exception as error:
            if outage(error):
                raise
            log.exception("Something that the provider of channel %s told could not be recorded", channel.uuid)


def _take_event(channel: Channel, event: Event) -> None:
    detail = storable(event.detail)
    tracking.record_by_provider_id(channel, event.provider_id, event.type, _past(event.at), event.machine, detail)


@transaction.atomic
def _take_reply(channel: Channel, reply: InboundMessage) -> None:
    provider_id = tracking.known_as(reply.provider_id)
    if provider_id and Inbound.objects.filter(channel=channel, provider_id=provider_id).exists():
        return
    answered = tracking.by_provider_id(channel, reply.answers) if reply.answers else None
    delivery = Delivery.objects.select_related("contact").filter(pk=answered).first() if answered else None
    row = Inbound(
        organization=channel.organization,
        channel=channel,
        contact=delivery.contact if delivery and delivery.contact else _contact(channel, reply.address),
        delivery=delivery,
        address=storable(reply.address)[:320],
        at=_past(reply.at),
        text=storable(reply.text),
        payload=storable(reply.payload),
        provider_id=provider_id,
    )
    Inbound.objects.bulk_create([row], ignore_conflicts=True)  # the same reply may be taken in twice at once
    if delivery:
        tracking.record(delivery, "replied", row.at)


def _contact(channel: Channel, address: str) -> Contact | None:
    """Return who has an address of the kind that a channel sends to."""
    field = ADDRESS_FIELDS.get(channel.contact_field)
    try:
        key = field and field.normalise(storable(address))
    except ValidationError:
        return None
    if not field or not key:
        return None
    return Contact.objects.for_organization(channel.organization_id).filter(**{field.key: key}).first()


def _past(at: datetime | None) -> datetime:
    """Return when something happened; a provider whose clock is ahead tells nothing of the future."""
    now = timezone.now()
    return min(at, now) if at else now
