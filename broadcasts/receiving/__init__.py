"""Taking in what providers call back: a call is stored first, answered, and then applied from its row.

`known` remembers the channels that are called, `storing` writes calls, `applying` makes facts and replies of them,
`replies` ties replies to people and copies, `keywords` knows STOP, START and HELP, and `answering` sends the answers to
these; `searching` finds replies by their text.
"""

from .answer_texts import TEXTS, default_answer
from .answering import send_answers
from .applying import apply_due
from .known import called
from .searching import FOUND, SEARCHED, find_replies
from .storing import enqueue_waiting, is_verified, store, store_mail

__all__ = [
    "FOUND",
    "SEARCHED",
    "TEXTS",
    "apply_due",
    "called",
    "default_answer",
    "enqueue_waiting",
    "find_replies",
    "is_verified",
    "send_answers",
    "store",
    "store_mail",
]
