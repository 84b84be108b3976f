"""Merge, delete and erase contacts (GDPR article 17).

`merge`, `delete` and `erase` each have the verb of that name; `audit_labels` removes names from audit entries.
"""

from .delete import delete
from .erase import erase
from .merge import MERGED_AT_ONCE, merge

__all__ = ["MERGED_AT_ONCE", "delete", "erase", "merge"]
