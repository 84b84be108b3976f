"""From a draft to a log in which every recipient is accounted for.

`lifecycle` holds the transitions people ask for, `readiness` says what a draft still lacks, `expansion` freezes a
broadcast and makes its deliveries. `fairness` says which batch comes next; `lease`, `window`, `copies` and `pump` send
it; `rate`, `domains` and `warmup` say how fast, `hours` and `moments` when. `journal` and `outcomes` write down what
became of it, `channel_health` whether its channel can go on. `rounds` keeps it all going from the rows alone, with
`recovery` of what dead workers left and `closing` of what is done; `notices` tells staff of what stopped, `proof` sends
tests.
"""

from .closing import close
from .expansion import expand, hold_expansions
from .lifecycle import cancel, duplicate, pause, resend, resume, retarget, retry, schedule, send, settle, unschedule
from .notices import notify
from .proof import send_test
from .pump import run_pump
from .rounds import tick

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
