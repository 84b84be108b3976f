"""What a call says: one JSON document, made of the rows as they are when it is sent.

docs/events.md describes it. Of a contact that was erased it says nothing any more.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from broadcasts import links, stats
from broadcasts.models import Broadcast, ConsentChange, Contact, Delivery, DeliveryEvent, EventCall, Inbound, Message

HAS_ERROR = frozenset({"failed", "bounced"})


def document(call: EventCall) -> dict[str, Any]:
    """Return the document of a call, in at most seven queries whatever its events are."""
    return {"type": "events", "timestamp": _written(call.created), "data": _Writer(call).events()}


def encoded(call: EventCall) -> bytes:
    return json.dumps(document(call), ensure_ascii=False, separators=(",", ":")).encode()


class _Writer:
    """The rows that the events of a call are about."""

    def __init__(self, call: EventCall) -> None:
        self.call = call
        self.broadcast = Broadcast.objects.filter(pk=call.broadcast_id).first() if call.broadcast_id else None
        rows = Delivery.objects.select_related("contact")
        self.deliveries = rows.in_bulk(_ids(event[3] for event in call.events))
        merged = {one.merged_into for one in self.deliveries.values() if one.merged_into}
        self.merged = Contact.objects.in_bulk(merged) if merged else {}
        messages = Message.objects.select_related("channel")
        self.messages = messages.in_bulk({one.message_id for one in self.deliveries.values()})
        refs = {type: _ids(event[4] for event in call.events if event[1] == type) for type in call.type_names}
        self.changes = ConsentChange.objects.select_related("contact").in_bulk(refs.pop("consent.changed", []))
        stored = DeliveryEvent.objects.select_related("link")
        self.stored = stored.in_bulk([pk for pks in refs.values() for pk in pks])
        self.replies: dict[tuple[int, datetime], str] = {}
        if "replied" in refs:
            told = Inbound.objects.filter(delivery__in=self.deliveries)
            self.replies = {(one.delivery_id, one.at): one.text for one in told if one.delivery_id and one.at}

    def events(self) -> list[dict[str, Any]]:
        return [self.event(*event) for event in self.call.events]

    def event(self, key: str, type: str, at: int, delivery: int, ref: int, is_first: int) -> dict[str, Any]:
        told: dict[str, Any] = {"id": key, "type": type, "at": _written(datetime.fromtimestamp(at / 1000, UTC))}
        if self.call.broadcast_id:
            told["broadcast"] = str(self.broadcast.uuid) if self.broadcast else None
        if delivery:
            return told | self.about_delivery(type, delivery, self.stored.get(ref), bool(is_first))
        if type == "consent.changed":
            return told | self.about_consent(self.changes.get(ref))
        return told | self.about_broadcast(type) if self.call.broadcast_id else told

    def about_delivery(self, type: str, pk: int, event: DeliveryEvent | None, is_first: bool) -> dict[str, Any]:
        delivery = self.deliveries.get(pk)
        contact = (delivery.contact or self.merged.get(delivery.merged_into or 0)) if delivery else None
        message = self.messages.get(delivery.message_id) if delivery else None
        detail = dict(event.detail) if event else {}
        if event and event.link:
            detail["url"] = event.link.url
        if type in HAS_ERROR and delivery and delivery.error:
            detail.setdefault("error", delivery.error)
        if event and (text := self.replies.get((pk, event.at))):
            detail["text"] = text
        if not contact and not (delivery and delivery.address):
            detail = {}  # nobody is named any more
        return {
            "delivery": links.delivery_token(pk),
            "contact": str(contact.uuid) if contact else None,
            "external_id": contact.external_id if contact else None,
            "address": delivery.address if delivery else "",
            "channel": message.channel.name if message and message.channel else None,
            "medium": message.medium if message else "",
            "first": is_first,
            "detail": detail,
        }

    def about_consent(self, change: ConsentChange | None) -> dict[str, Any]:
        return {
            "contact": str(change.contact.uuid) if change else None,
            "external_id": change.contact.external_id if change else None,
            "medium": change.medium if change else "",
            "use_case": change.use_case if change else "",
            "state": change.state if change else "",
            "source": change.source if change else "",
        }

    def about_broadcast(self, type: str) -> dict[str, Any]:
        """Return what a broadcast is now; its counts too once it is finished."""
        if self.broadcast is None:
            return {"name": "", "status": "", "reason": ""}
        told: dict[str, Any] = {
            "name": self.broadcast.name,
            "status": self.broadcast.status,
            "reason": self.broadcast.error_message,
        }
        if type == "broadcast.finished":
            told["counts"] = stats.counts([self.broadcast])[self.broadcast.pk]
        return told


def _ids(values: Iterable[int]) -> list[int]:
    return sorted({value for value in values if value})


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
