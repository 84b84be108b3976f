"""Bounces in other forms than the standard's, found by flufl.bounce and by what their servers' words tell."""

import logging
import re
from email import message_from_bytes
from email.message import Message

from django.utils.module_loading import import_string

from ...bounces import bounce_class, enhanced_code
from ...callbacks import Event
from . import tokens
from .automatic import is_absence, is_from_server
from .parts import Mail
from .words import failure_words

logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # it tells of each detector, and of each odd mail

READ = 30_000  # bytes that flufl.bounce is given
LONGEST_LINE = 400
LATE = re.compile(r"delay|still (?:being )?(?:retried|trying)|will (?:be retried|keep trying)|warning", re.IGNORECASE)
FAILED = re.compile(
    r"undeliver|returned|failure|failed|failure notice|rejected|could ?n.t be delivered|mail delivery|unzustellbar"
    r"|no se (?:pudo|puede)|nicht zugestellt|non remis|delivery status",
    re.IGNORECASE,
)
LONG_LINE = re.compile(rb"([^\n]{%d})[^\n]+" % LONGEST_LINE)
SOURCE = "bounce"


def is_report(mail: Mail) -> bool:
    """Tell whether a mail may be a bounce: a server wrote it, or names recipients that it failed to reach."""
    if mail.type == "multipart/report" and mail.parameters.get("report-type", "delivery-status") != "delivery-status":
        return False  # such as a receipt
    if "x-failed-recipients" in mail.headers:
        return True
    return is_from_server(mail) and not is_absence(mail)


def event_in(mail: Mail) -> Event | None:
    """Return the bounce of one of our copies; None if the mail is no bounce, or only tells of a delay."""
    key = tokens.anywhere(mail)
    if not key:
        return None
    words = failure_words(mail.text)
    named = "x-failed-recipients" in mail.headers or _is_permanent(mail)
    if named is None or not (named or (words and FAILED.search(mail.header("subject")))):
        return None
    if LATE.search(mail.header("subject")):
        return None
    code = enhanced_code("", words)
    kind = bounce_class(code, words)
    detail = {"hard": kind == "hard", "class": kind, "code": code, "text": words}
    reporter = mail.header("from").rpartition("@")[2].strip("> ")[:253]
    return Event(key, "bounced", detail={**detail, "reporter": reporter, "source": SOURCE}, key=key)


def _is_permanent(mail: Mail) -> bool | None:
    """Tell whether flufl.bounce finds recipients that failed for good; None if it finds a delay only."""
    try:
        temporary, permanent = import_string("flufl.bounce.all_failures")(_shortened(mail))
    except Exception:  # its detectors read what anybody may write
        return False
    return True if permanent else None if temporary else False


def _shortened(mail: Mail) -> Message:
    """Return the beginning of a mail without long lines, whose patterns would take the square of their length."""
    raw = LONG_LINE.sub(rb"\1", mail.raw[:READ])
    boundaries = len(re.findall(rb"boundary\s*=", raw))
    if boundaries > len(mail.parts) + 2:  # boundaries in boundaries
        raw = b"\n\n" + mail.text.encode()[:READ]
    return message_from_bytes(raw)
