"""Mail staff that a subscription was switched off by itself."""

from broadcasts.database import tidy_name
from broadcasts.models import EventSubscription
from broadcasts.sending.notices import mail_staff, notify_once


def notify(subscription_id: int) -> None:
    """Mail the organization's admins and who made the subscription, once, also when called concurrently."""
    notify_once(EventSubscription.objects.filter(pk=subscription_id), _mail)


def _mail(subscription: EventSubscription) -> None:
    name = tidy_name(subscription.name)
    words = [
        f"The event subscription “{name}” of {subscription.organization} was switched off.",
        subscription.stopped_because,
        "Calls that waited are kept in its log. New events are not kept for it until you switch it on again.",
    ]
    subject = f"“{name}” was switched off" if subscription.stopped_because else ""
    mail_staff(subscription, subscription.created_by_id, subject, words)
