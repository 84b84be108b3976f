"""The suppression list as CSV; each row can be imported again, by its hash if the address was erased."""

from collections.abc import Iterator

from django.db.models import QuerySet

from broadcasts.models import Suppression

from .cells import CHUNK, cell, csv_text

COLUMNS = {
    **{name: name for name in ("address", "medium", "reason", "use_case", "source", "expires_at", "created")},
    "hash": "address_hash",
}


def suppressions_csv(suppressions: QuerySet[Suppression]) -> Iterator[str]:
    """Yield suppressions as chunks of CSV text."""
    rows = suppressions.values_list(*COLUMNS.values()).iterator(chunk_size=CHUNK)
    return csv_text(COLUMNS, (list(map(cell, row)) for row in rows))
