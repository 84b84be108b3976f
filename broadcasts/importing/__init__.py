"""People in: a CSV file becomes contacts, streamed, each row created, updated, left as it is, or refused with a reason.

`reading` finds the rows and their lines, `columns` says what each column is, `cells` cleans values,
`upsert` looks people up and writes them, `job` runs it all.
"""

from .columns import FIELDS
from .job import Result, import_contacts

__all__ = ["FIELDS", "Result", "import_contacts"]
