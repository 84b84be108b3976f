"""What leaves: the delivery log, people and suppressions as CSV, one person's data as JSON; all of it streamed."""

from .cells import cell
from .contacts import contacts_csv
from .deliveries import HEADER, csv_lines, export_deliveries
from .person import person_data, person_json
from .suppressions import suppressions_csv

__all__ = [
    "HEADER",
    "cell",
    "contacts_csv",
    "csv_lines",
    "export_deliveries",
    "person_data",
    "person_json",
    "suppressions_csv",
]
