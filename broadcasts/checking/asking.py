"""Ask all questions of the check, the quick ones apart from those that count people."""

from broadcasts import audience, drafting
from broadcasts.audience import Audience
from broadcasts.exceptions import BroadcastsError
from broadcasts.models import Broadcast

from .lines import Line, ok, stop


def check(broadcast: Broadcast) -> list[Line]:
    """Return all lines of a broadcast that has not begun, the quick ones first."""
    return [*quick_lines(broadcast), *counted_lines(broadcast)]


def quick_lines(broadcast: Broadcast) -> list[Line]:
    """Return the lines that take no longer for many people than for a few."""
    return [_subject(broadcast)]


def counted_lines(broadcast: Broadcast) -> list[Line]:
    """Return the lines that need everybody in the audience counted."""
    try:
        found = audience.estimate(Audience.of(broadcast), drafting.routes(broadcast))
    except BroadcastsError as error:
        return [stop("recipients", str(error), step="who")]
    if not found.will_receive:
        return [stop("recipients", "Nobody would receive it.", step="who")]
    return [ok("recipients", f"{found.will_receive} people will receive it.", step="who")]


def _subject(broadcast: Broadcast) -> Line:
    messages = broadcast.messages.select_related("channel", "template").prefetch_related("translations")
    blank = [one for message in messages for one in message.translations.all() if not one.subject.strip()]
    return stop("subject", "A subject is missing.", step="what") if blank else ok("subject", "It has a subject.")
