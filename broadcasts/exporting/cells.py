"""Write values as cells of CSV files that are safe in spreadsheets and can be imported again."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

CHUNK = 2000
# The start of a formula, or of one that an export quoted; importing removes one quote.
_RISKY = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]\d+(\.\d+)?(e[+-]?\d+)?")


def csv_text(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield rows as chunks of CSV text, the header first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    for n, row in enumerate(rows, start=1):
        writer.writerow(row)
        if n % CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def cell(value: object) -> str:
    """Return a value as text that no spreadsheet reads as a formula; the items of a list are joined by semicolons."""
    if isinstance(value, str):
        return f"'{value}" if _RISKY.match(value) and not _NUMBER.fullmatch(value) else value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = "; ".join(item if isinstance(item, str) else json.dumps(item) for item in value)
    elif isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    return cell(str(value))


def moment(value: datetime) -> str:
    """Return a moment in the format of the API."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
