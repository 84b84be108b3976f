"""Tell the programs of organizations what happened: calls with events, signed as Standard Webhooks.

`noting` writes notes with the facts; `sorting` makes calls of the notes, `bodies` writes what a call says, `calls`
makes them over HTTP, `results` says what they came to, `outcomes` records that, and `rounds` does it all for the
subscriptions that are due. `requests` are the verbs of users: switch, rotate, test, replay. `notices` mails staff.
"""

from .bodies import document
from .notices import notify
from .requests import call_again, new_secret, replay, rotate_secret, switched, test_call
from .rounds import enqueue_waiting, tell

__all__ = [
    "call_again",
    "document",
    "enqueue_waiting",
    "new_secret",
    "notify",
    "replay",
    "rotate_secret",
    "switched",
    "tell",
    "test_call",
]
