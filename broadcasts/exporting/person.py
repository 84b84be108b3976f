"""All data about one contact (GDPR articles 15 and 20)."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from broadcasts.models import (
    FACTS,
    Attendance,
    Consent,
    ConsentChange,
    Contact,
    Delivery,
    DeliveryAttempt,
    DeliveryEvent,
    Hit,
    Inbound,
    Medium,
    SegmentMember,
    Suppression,
)

from .cells import moment

CHUNK = 1000
PROFILE = ("uuid", "created", "modified", *Contact.PROFILE, "status", "last_seen_at", "no_tracking")
CONSENT = ("medium", "use_case", "state")
EVENT = ("type", "at", "machine", "detail")
TRY = ("number", "at", "is_accepted", "words")
HIT = ("kind", "at", "ip_address", "user_agent")  # until it is judged
FACT_TIMES = [f"{fact}_at" for fact in ("sent", *FACTS)]
DELIVERY = ("address", "language", "status", "reason", "error", "attempts", "created", *FACT_TIMES)


def person_data(contact: Contact) -> dict[str, Any]:
    """Return the data of a contact as one JSON-serialisable object; for a long history use `person_json`."""
    return {name: list(value) if isinstance(value, Iterator) else value for name, value in _sections(contact)}


def person_json(contact: Contact) -> Iterator[str]:
    """Yield the data of a contact as chunks of the text of one JSON object, in bounded memory."""
    before = "{"
    for name, value in _sections(contact):
        yield f"{before}\n{json.dumps(name)}: "
        before = ","
        if isinstance(value, Iterator):
            yield from _list(value)
        else:
            yield json.dumps(value, ensure_ascii=False)
    yield "\n}\n"


def _list(items: Iterable[Any]) -> Iterator[str]:
    before = "["
    for item in items:
        yield f"{before}\n {json.dumps(item, ensure_ascii=False)}"
        before = ","
    yield "]" if before == "," else "[]"


def _sections(contact: Contact) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of each section; a list is an iterator that must be consumed before the next section."""
    yield "profile", _shown(contact, PROFILE)
    yield "attributes", contact.attributes
    consents = Consent.objects.filter(contact=contact).order_by("medium", "use_case")
    yield "consents", (_shown(row, (*CONSENT, "modified")) for row in consents)
    changes = ConsentChange.objects.filter(contact=contact).order_by("pk")
    yield "consent_history", (_shown(row, (*CONSENT, "source", "evidence", "created")) for row in changes.iterator())
    # With all mediums, since the index begins with the medium.
    suppressions = Suppression.objects.for_organization(contact.organization_id).filter(
        medium__in=Medium.values, address_hash__in=contact.hashes
    )
    columns = ("medium", "address", "reason", "use_case", "source", "created", "expires_at", "report")
    yield "suppressions", (_shown(row, columns) for row in suppressions.order_by())
    members = SegmentMember.objects.filter(contact=contact).select_related("segment").order_by("pk")
    yield "segments", ({"name": row.segment.name, "since": _plain(row.created)} for row in members.iterator())
    attendances = Attendance.objects.filter(contact=contact).order_by("pk")
    attendances = attendances.select_related("activity__series", "activity__place")
    yield "attendances", (_attendance(row) for row in attendances.iterator())
    yield "deliveries", _deliveries(contact)
    hits = Hit.objects.filter(delivery__in=Delivery.objects.of([contact])).order_by("pk")
    yield (
        "hits",
        ({name: _plain(value) for name, value in row.items()} for row in hits.values(*HIT, url=F("link__url"))),
    )
    replies = Inbound.objects.filter(contact=contact).select_related("channel").order_by("pk")
    yield "replies", (_reply(row) for row in replies.iterator())


def _deliveries(contact: Contact) -> Iterator[dict[str, Any]]:
    names = {"broadcast": F("message__broadcast__name"), "channel": F("message__channel__name")}
    rows = Delivery.objects.of([contact]).order_by("pk").values("pk", *DELIVERY, **names)
    chunk: list[dict[str, Any]] = []
    for row in rows.iterator(chunk_size=CHUNK):
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield from _with_events(chunk)
            chunk = []
    yield from _with_events(chunk)


def _with_events(deliveries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    told: dict[int, list[dict[str, Any]]] = {}
    events = DeliveryEvent.objects.filter(delivery__in=[row["pk"] for row in deliveries]).order_by("pk")
    for event in events.values("delivery", *EVENT, url=F("link__url")):
        told.setdefault(event.pop("delivery"), []).append({name: _plain(value) for name, value in event.items()})
    tries: dict[int, list[dict[str, Any]]] = {}
    for one in DeliveryAttempt.objects.filter(delivery__in=[row["pk"] for row in deliveries]).order_by("pk"):
        tries.setdefault(one.delivery_id, []).append(_shown(one, TRY))
    for row in deliveries:
        pk = row.pop("pk")
        names = {name: row.pop(name) for name in ("broadcast", "channel")}
        told_of = {"events": told.get(pk, []), "tries": tries.get(pk, [])}
        yield {**names, **{name: _plain(value) for name, value in row.items()}, **told_of}


def _attendance(row: Attendance) -> dict[str, Any]:
    of_activity = _shown(row.activity, ("name", "kind", "starts_at", "ends_at"))
    shared = {name: str(getattr(row.activity, name) or "") for name in ("series", "place")}
    return {"activity": {**of_activity, **shared}, **_shown(row, ("status", "at"))}


def _reply(row: Inbound) -> dict[str, Any]:
    return {"channel": row.channel.name if row.channel else None, **_shown(row, ("created", "text", "payload"))}


def _shown(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    return str(value) if isinstance(value, UUID) else value
