"""The delivery log as CSV, streamed: a million rows cost the memory of a few thousand."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

from django.db.models import QuerySet

from broadcasts import links
from broadcasts.models import FACTS, Delivery

CHUNK = 2000
COLUMNS = {
    "delivery": "pk",
    "broadcast": "message__broadcast__uuid",
    "broadcast_name": "message__broadcast__name",
    "channel": "message__channel__name",
    "contact": "contact__uuid",
    "contact_name": "contact__full_name",
    "external_id": "contact__external_id",
    "address": "address",
    "language": "language",
    "status": "status",
    "reason": "reason",
    "error": "error",
    "attempts": "attempts",
    **{f"{fact}_at": f"{fact}_at" for fact in ("sent", *FACTS)},
}


def csv_lines(deliveries: QuerySet[Delivery]) -> Iterator[str]:
    """Yield the log of these deliveries as CSV, in lumps of lines, the header first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
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
    writer.writerow(COLUMNS)
    n = 0
    for n, row in enumerate(_rows(deliveries), start=1):  # noqa: B007
        writer.writerow(row)
    return n


def _rows(deliveries: QuerySet[Delivery]) -> Iterator[list[str]]:
    rows = deliveries.order_by("pk").values_list(*COLUMNS.values())
    for pk, *values in rows.iterator(chunk_size=CHUNK):
        yield [cell(value) for value in (links.delivery_token(pk), *values)]


def cell(value: object) -> str:
    """Return a value as text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
