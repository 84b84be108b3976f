"""Reading mails that come back: delivery reports, complaints, automatic answers and replies.

Nothing in a mail is believed: a copy is found only by its own token, which we sign and only its recipient and the
servers on the way know. `parts` takes a mail apart within bounds of size, depth and number; `tokens` finds the copy.
`delivery` reads delivery reports (RFC 3464), `feedback` complaints (RFC 5965), `guessing` bounces in other forms,
`automatic` knows what programs write, and `replies` what people do.
"""

import logging
from dataclasses import replace

from ...callbacks import Callback
from . import delivery, feedback, guessing
from .automatic import is_automatic
from .parts import Mail, read_mail
from .replies import reply_in

log = logging.getLogger(__name__)

__all__ = ["read"]


def read(raw: bytes) -> Callback:
    """Return the event or the reply in a mail; nothing of a mail that cannot be read. Never raises."""
    try:
        return _read(read_mail(raw))
    except Exception:  # anybody may write it, and nothing may stop the others
        log.exception("A mail of %s bytes could not be read", len(raw))
        return Callback()


def _read(mail: Mail) -> Callback:
    for module in (feedback, delivery, guessing):
        if module.is_report(mail):
            event = module.event_in(mail)
            # It happened when the mail was written.
            return Callback([replace(event, at=mail.written_at)] if event else [])
    if is_automatic(mail):
        return Callback()
    reply = reply_in(mail)
    return Callback(replies=[reply] if reply else [])
