"""From a draft to a log in which every recipient is accounted for.

`lifecycle` holds the transitions people ask for, `readiness` says what a draft still lacks, `start` freezes and
expands, `fairness` says whose turn it is, `lease`, `window`, `copies` and `pump` send, `rate`, `domains` and `warmup`
say how fast, `hours` and `moments` when, `journal` and `record` write down, `statements` keeps their SQL, `expansions`
holds new rows off, `supervise` keeps it all going from the rows alone, `notify` tells staff of what stopped.
"""

from .expansions import hold_expansions
from .lifecycle import cancel, duplicate, pause, resume, retarget, retry, schedule, send, unschedule
from .notify import notify
from .proof import send_test
from .pump import run_pump
from .record import resend, settle
from .start import expand
from .supervise import close, tick

__all__ = [
    "cancel",
    "close",
    "duplicate",
    "expand",
    "hold_expansions",
    "notify",
    "pause",
    "resend",
    "resume",
    "retarget",
    "retry",
    "run_pump",
    "schedule",
    "send",
    "send_test",
    "settle",
    "tick",
    "unschedule",
]
