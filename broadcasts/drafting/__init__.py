"""Create and edit broadcasts before they are sent: audience, content and time are validated and saved together.

- `saving`: the whole of a draft; `messages`: its messages; `checks`: what is wrong in it.
- `versions`: what a message said at each time, and how it is brought back.

Admin and API both write drafts by `save`: they pass plain values, and it locks the row, refuses broadcasts that can no
longer be edited, writes only changes, and stores the preview of the audience. `sending` copies broadcasts unchanged;
the caller then calls `refresh_preview`.
"""

from .checks import QUIET_FOR_MARKETING, fallback_problems, validate
from .messages import among_others, default_channel
from .saving import NOT_EDITABLE, PLAIN_FIELDS, delete, lock, refresh_preview, save, why_not_editable
from .versions import bring_back, restorable

__all__ = [
    "NOT_EDITABLE",
    "PLAIN_FIELDS",
    "QUIET_FOR_MARKETING",
    "among_others",
    "bring_back",
    "default_channel",
    "delete",
    "fallback_problems",
    "lock",
    "refresh_preview",
    "restorable",
    "save",
    "validate",
    "why_not_editable",
]
