"""People in: a CSV file becomes contacts, streamed, each row created, updated, left as it is, or refused with a reason.

`reading` finds the rows and their lines, `columns` says what each column is, `cells` cleans values,
`upsert` looks people up and writes them, `job` runs it all.
`suppressions` takes in a list of addresses that must not be reached.
"""

from .columns import FIELDS
from .job import Result, import_contacts
from .suppressions import Report, import_suppressions

__all__ = ["FIELDS", "Report", "Result", "import_contacts", "import_suppressions"]
