"""The delivery log as CSV, streamed: a million rows cost the memory of a few thousand."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TextIO

from django.db.models import OuterRef, QuerySet, Subquery

from broadcasts import links
from broadcasts.models import FACTS, Contact, Delivery, Inbound, calling_code

CHUNK = 2000
COLUMNS = {
    "key": "pk",
    "broadcast": "message__broadcast__uuid",
    "broadcast_name": "message__broadcast__name",
    "channel": "message__channel__name",
    "contact": "contact__uuid",
    "name": "contact__full_name",
    "external_id": "contact__external_id",
    "address": "address",
    "language": "language",
    "status": "status",
    "reason": "reason",
    "error": "error",
    "reply": "reply",
    "attempts": "attempts",
    "due_at": "due_at",
    "created": "created",
    **{f"{fact}_at": f"{fact}_at" for fact in ("sent", *FACTS)},
}
HEADER = [*COLUMNS, "country_code"]
ADDRESS = list(COLUMNS).index("address")


def csv_lines(deliveries: QuerySet[Delivery]) -> Iterator[str]:
    """Yield the log of these deliveries as CSV, in lumps of lines, the header first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(HEADER)
    for n, row in enumerate(_rows(deliveries), start=1):
        writer.writerow(row)
        if n % CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def export_deliveries(deliveries: QuerySet[Delivery], file: TextIO) -> int:
    """Write the log of these deliveries and return how many there were."""
    writer = csv.writer(file)
    writer.writerow(HEADER)
    n = 0
    for n, row in enumerate(_rows(deliveries), start=1):  # noqa: B007
        writer.writerow(row)
    return n


def _rows(deliveries: QuerySet[Delivery]) -> Iterator[list[str]]:
    replies = Inbound.objects.filter(delivery=OuterRef("pk"), delivery__replied_at__isnull=False).order_by("pk")
    deliveries = deliveries if deliveries.ordered else deliveries.order_by("pk")
    rows = deliveries.annotate(reply=Subquery(replies.values("text")[:1])).values_list(*COLUMNS.values())
    for pk, *values in rows.iterator(chunk_size=CHUNK):
        row = (links.delivery_token(pk), *values)
        yield [cell(value) for value in (*row, calling_code(row[ADDRESS]))]


def cell(value: object) -> str:
    """Return a value as text that no spreadsheet takes for a formula; moments as the API writes them."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    text = str(value)
    risky = text.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{text}" if risky and not text[1:].isdecimal() else text


def person_data(contact: Contact) -> dict[str, object]:
    """Return what is kept about one person."""
    names = ("uuid", "full_name", "email", "phone", "whatsapp_id", "external_id", "language", "time_zone")
    profile = {name: str(getattr(contact, name) or "") for name in names}
    return {"profile": profile, "attributes": contact.attributes}
