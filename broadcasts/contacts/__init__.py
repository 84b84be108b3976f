"""What becomes of people on record: several are merged into one, one is deleted, one is erased (GDPR article 17).

`merge`, `delete` and `erase` do what they are called after; `audit_labels` takes a name off what was noted about it.
"""

from .delete import delete
from .erase import erase
from .merge import MERGED_AT_ONCE, merge

__all__ = ["MERGED_AT_ONCE", "delete", "erase", "merge"]
