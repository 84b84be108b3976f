"""Reading mailboxes for bounces, complaints and replies: each mail is stored first, and then removed.

`rounds` claims mailboxes that are due and tells how a look ended, `reading` takes mails in, portion by portion.
"""

from .reading import check
from .rounds import begin_again, enqueue_waiting, read_mailbox

__all__ = ["begin_again", "check", "enqueue_waiting", "read_mailbox"]
