"""Taking in what providers call back: a call is stored first, answered, and then applied from its row.

`known` remembers the channels that are called, `storing` writes calls, `applying` makes facts and replies of them,
`replies` ties replies to people and copies, `keywords` knows STOP, START and HELP, and `answering` sends the answers.
"""

from .answering import send_answers
from .applying import apply_due
from .known import called
from .storing import enqueue_waiting, is_verified, store

__all__ = ["apply_due", "called", "enqueue_waiting", "is_verified", "send_answers", "store"]
