"""From a draft to a log in which every recipient is accounted for.

- `lifecycle`: the transitions that users request; `readiness`: what a draft still lacks; `duplicating`: broadcasts made
  from another one.
- `expansion`: freezes the content of a broadcast and creates its deliveries.
- `fairness`: which batch is claimed next; `lease`, `window`, `copies`, `pump`: send a batch.
- `rate`, `domains`, `warmup`: how fast; `hours`, `moments`: when.
- `journal`, `outcomes`: record results; `channel_health`: back-off, and pausing after too many failures.
- `rounds`: what the supervisor does each second, with `recovery` of dead workers' batches, `fallback` to the next
  channel, and `closing` of finished broadcasts; `notices`, `alerts`: mail to staff; `proof`: test sends.
"""

from .alerts import mail_alerts
from .closing import close
from .duplicating import duplicate, retarget, retry
from .expansion import expand, hold_expansions
from .lifecycle import (
    LONGEST_UNDO,
    cancel,
    pause,
    reopen,
    resend,
    resume,
    schedule,
    send,
    settle,
    undo,
    unschedule,
)
from .notices import notify
from .proof import send_template_test, send_test
from .pump import run_pump
from .rounds import seconds_to_start, tick

__all__ = [
    "LONGEST_UNDO",
    "cancel",
    "close",
    "duplicate",
    "expand",
    "hold_expansions",
    "mail_alerts",
    "notify",
    "pause",
    "reopen",
    "resend",
    "resume",
    "retarget",
    "retry",
    "run_pump",
    "schedule",
    "seconds_to_start",
    "send",
    "send_template_test",
    "send_test",
    "settle",
    "tick",
    "undo",
    "unschedule",
]
