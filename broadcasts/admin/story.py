"""What became of one delivery, as one sentence for the person who asks."""

from datetime import datetime, tzinfo

from django.utils import timezone
from django.utils.formats import date_format

from broadcasts.models import Delivery, Reason

# Told after acceptance, the strongest last.
TOLD = (
    ("delivered_at", "delivered"),
    ("opened_at", "opened"),
    ("clicked_at", "clicked"),
    ("played_at", "played"),
    ("replied_at", "replied"),
    ("unsubscribed_at", "unsubscribed"),
    ("complained_at", "complained"),
    ("bounced_at", "bounced"),
)


def when(moment: datetime | None, zone: tzinfo | None = None) -> str:
    return date_format(timezone.localtime(moment, zone), "j M Y, H:i") if moment else "at an unknown time"


def story(delivery: Delivery) -> str:
    """Say why somebody did, or did not, get a copy."""
    status = Delivery.Status
    match delivery.status:
        case status.SENT:
            facts = [f"{word} {when(moment)}" for name, word in TOLD if (moment := getattr(delivery, name))]
            return f"Sent {when(delivery.sent_at)}{'; ' + ', '.join(facts) if facts else ''}."
        case status.SKIPPED:
            reason = Reason(delivery.reason).label if delivery.reason in Reason.values else delivery.reason
            return f"Not sent: {reason[:1].lower()}{reason[1:]}."
        case status.FAILED:
            return f"Could not be sent after {_tries(delivery)}: {delivery.error or 'no reason was given'}"
        case status.UNKNOWN:
            return "Handed over, but the answer was lost: nobody can tell whether it arrived."
        case status.CANCELLED:
            return "Not sent: the broadcast was cancelled before its turn."
    if delivery.due_at:
        why = f": {delivery.error}" if delivery.error else ""
        return f"Waiting, to be tried {'again ' if delivery.attempts else ''}{when(delivery.due_at)}{why}"
    return "Waiting for its turn."


def _tries(delivery: Delivery) -> str:
    return "1 try" if delivery.attempts <= 1 else f"{delivery.attempts} tries"
