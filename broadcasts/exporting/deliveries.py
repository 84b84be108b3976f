"""The delivery log as CSV, streamed in bounded memory."""

import csv
from collections.abc import Iterator
from typing import TextIO

from django.db.models import OuterRef, QuerySet, Subquery

from broadcasts import links
from broadcasts.mediums import calling_code
from broadcasts.models import FACTS, Delivery, Inbound

from .cells import CHUNK, cell, csv_text

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
    "segments": "segments",
    "due_at": "due_at",
    "created": "created",
    **{f"{fact}_at": f"{fact}_at" for fact in ("sent", *FACTS)},
}
HEADER = [*COLUMNS, "country_code"]
ADDRESS = list(COLUMNS).index("address") - 1  # the delivery's key is not in the values


def csv_lines(deliveries: QuerySet[Delivery]) -> Iterator[str]:
    """Yield deliveries as chunks of CSV text, the header first."""
    return csv_text(HEADER, _rows(deliveries))


def export_deliveries(deliveries: QuerySet[Delivery], file: TextIO) -> int:
    """Write deliveries as CSV to a text file and return their number."""
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
        # The key is not quoted as a formula, since it is used for lookups.
        yield [links.delivery_token(pk), *map(cell, values), calling_code(values[ADDRESS])]
