"""People in, and who came where: a file becomes rows, streamed, each one written or refused with a reason.

`reading` finds the records and their lines, `columns` says what each column is, `cells` cleans values, `rows` makes
rows of them, `upsert` looks people up and writes them by `bulk`, `attendances` does the same for who came where,
`consents` writes a yes that they gave, `job` runs it all. `storing` keeps an upload, `lifecycle` is what people ask
of it, and `slices` imports it in the background. `suppressions` takes in a list of addresses that must not be reached.
"""

from .columns import ATTENDANCE_FIELDS, FIELDS, Column, attribute_key
from .job import Result, import_contacts
from .lifecycle import begin, perform, sample, start, stop, upload
from .slices import run_import, wake
from .storing import Stored, check_size, first_refused, refused_lines, store
from .suppressions import Report, import_suppressions

__all__ = [
    "ATTENDANCE_FIELDS",
    "FIELDS",
    "Column",
    "Report",
    "Result",
    "Stored",
    "attribute_key",
    "begin",
    "check_size",
    "first_refused",
    "import_contacts",
    "import_suppressions",
    "perform",
    "refused_lines",
    "run_import",
    "sample",
    "start",
    "stop",
    "store",
    "upload",
    "wake",
]
