"""Export the delivery log, contacts and suppressions as CSV, and one contact's data as JSON; all of it streamed."""

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
