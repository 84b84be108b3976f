"""Export the delivery log, reports, contacts and suppressions as CSV, and one contact's data as JSON; all streamed."""

from .cells import cell
from .contacts import contacts_csv
from .deliveries import HEADER, csv_lines, export_deliveries
from .person import person_data, person_json
from .reports import events_csv, links_csv, period_csv, report_csv
from .suppressions import suppressions_csv

__all__ = [
    "HEADER",
    "cell",
    "contacts_csv",
    "csv_lines",
    "events_csv",
    "export_deliveries",
    "links_csv",
    "period_csv",
    "person_data",
    "person_json",
    "report_csv",
    "suppressions_csv",
]
