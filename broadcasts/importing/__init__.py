"""Import contacts, attendances and suppressions: each row of a streamed file is written, or refused with a reason.

`reading` splits a file into records, `columns` maps its columns to fields, `cells` cleans values, `rows` makes rows of
contacts, and `upsert` looks the contacts up and writes them through `bulk`. `attendances` and `suppressions` do the
same for their rows; `kinds` registers all three. `consents` records the consent of imported contacts, `shadow` keeps
what a dry run would write, and `job` runs an import. `storing` stores uploads, `lifecycle` starts and stops imports,
and `slices` runs them in the background.
"""

from .columns import ATTENDANCE_FIELDS, FIELDS, SUPPRESSION_FIELDS, Column, attribute_key
from .doubts import doubts_of
from .job import Result, import_contacts, segment_of
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
    "doubts_of",
    "enqueue_waiting",
    "first_refused",
    "import_contacts",
    "kind_of",
    "perform",
    "refused_lines",
    "run_import",
    "sample",
    "segment_of",
    "start",
    "stop",
    "store",
    "upload",
]
