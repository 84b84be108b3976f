"""What leaves: the delivery log, people and suppressions as CSV, one person's data as JSON; all of it streamed."""

from .cells import cell, csv_text
from .deliveries import HEADER, csv_lines, export_deliveries
from .person import person_data, person_json

__all__ = [
    "HEADER",
    "cell",
    "csv_lines",
    "csv_text",
    "export_deliveries",
    "person_data",
    "person_json",
]
