"""People in, and who came where: a file becomes rows, streamed, each one written or refused with a reason.

`reading` finds the records and their lines, `columns` says what each column is, `cells` cleans values, `rows` makes
rows of them, `upsert` looks people up and writes them by `bulk`. `attendances` does the same for who came where,
`suppressions` for addresses that must not be reached, and `kinds` lists all of them; `consents` writes a yes that
people gave, `shadow` keeps what a dry run would write, `job` runs it all. `storing` keeps an upload, `lifecycle` is
what people ask of it, and `slices` imports it in the background.
"""

from .columns import ATTENDANCE_FIELDS, FIELDS, SUPPRESSION_FIELDS, Column, attribute_key
from .job import Result, import_contacts
from .kinds import kind_of
from .lifecycle import begin, perform, sample, start, stop, upload
from .slices import enqueue_waiting, run_import
from .storing import Stored, check_size, first_refused, refused_lines, store

__all__ = [
    "ATTENDANCE_FIELDS",
    "FIELDS",
    "SUPPRESSION_FIELDS",
    "Column",
    "Result",
    "Stored",
    "attribute_key",
    "begin",
    "check_size",
    "enqueue_waiting",
    "first_refused",
    "import_contacts",
    "kind_of",
    "perform",
    "refused_lines",
    "run_import",
    "sample",
    "start",
    "stop",
    "store",
    "upload",
]
