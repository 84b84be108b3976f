"""The delivery log as CSV, streamed in bounded memory."""

import csv
from collections.abc import Iterator
from typing import TextIO

from django.db.models import OuterRef, Subquery

from broadcasts import links
from broadcasts.mediums import calling_code
from broadcasts.models import FACTS, Inbound
from broadcasts.models.deliveries import DeliveryQuerySet

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
    "replaces": "replaces",
    "replaced_by": "replaced_by",
    "fallback_at": "fallback_at",
}
HEADER = [*COLUMNS, "country_code"]
# Places among the values, which the delivery's key is not in.
ADDRESS, *KEYS = (list(COLUMNS).index(name) - 1 for name in ("address", "replaces", "replaced_by"))


def csv_lines(deliveries: DeliveryQuerySet) -> Iterator[str]:
    """Yield deliveries as chunks of CSV text, the header first."""
    return csv_text(HEADER, _rows(deliveries))


def export_deliveries(deliveries: DeliveryQuerySet, file: TextIO) -> int:
    """Write deliveries as CSV to a text file and return their number."""
    writer = csv.writer(file)
    writer.writerow(HEADER)
    n = 0
    for n, row in enumerate(_rows(deliveries), start=1):  # noqa: B007
        writer.writerow(row)
    return n


def _rows(deliveries: DeliveryQuerySet) -> Iterator[list[str]]:
    replies = Inbound.objects.filter(delivery=OuterRef("pk"), delivery__replied_at__isnull=False).order_by("pk")
    deliveries = deliveries if deliveries.ordered else deliveries.order_by("pk")
    rows = (
        deliveries.with_replaced_by()
        .annotate(reply=Subquery(replies.values("text")[:1]))
        .values_list(*COLUMNS.values())
    )
    for pk, *values in rows.iterator(chunk_size=CHUNK):
        # Keys are not quoted as formulas, since they are used for lookups.
        told = [cell(value) for value in values]
        for place in KEYS:
            told[place] = links.delivery_token(values[place]) if values[place] else ""
        yield [links.delivery_token(pk), *told, calling_code(values[ADDRESS])]
