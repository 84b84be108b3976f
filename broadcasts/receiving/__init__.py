"""Taking in what providers call back: a call is stored first, answered, and then applied from its row.

`known` remembers the channels that are called, `storing` writes calls, `mails` does so with mails that come back and
finds whose they are, `applying` makes facts and replies of them,
`replies` ties replies to people and copies, `keywords` knows STOP, START and HELP, and `answering` sends the answers to
these; `searching` finds replies by their text.
"""

from .answer_texts import TEXTS, default_answer
from .answering import send_answers
from .applying import apply_due
from .known import called
from .mails import channel_meant, reading_channel, store_mail
from .searching import FOUND, SEARCHED, find_replies
from .storing import enqueue_waiting, is_verified, store

__all__ = [
    "FOUND",
    "SEARCHED",
    "TEXTS",
    "apply_due",
    "called",
    "channel_meant",
    "default_answer",
    "enqueue_waiting",
    "find_replies",
    "is_verified",
    "reading_channel",
    "send_answers",
    "store",
    "store_mail",
]
