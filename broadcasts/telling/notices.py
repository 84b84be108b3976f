"""Mail staff that a subscription was switched off by itself."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from broadcasts.models import EventSubscription, Role, User
from broadcasts.transports.deadline import with_deadline

log = logging.getLogger(__name__)

AGAIN = timedelta(minutes=10)  # after a mail server that failed
AT_LAST = timedelta(days=1)  # after which the notice is given up
MAIL_SECONDS = 15


def notify(subscription_id: int) -> None:
    """Mail the organization's admins and who made the subscription, once, also when called concurrently."""
    rows = EventSubscription.objects.filter(pk=subscription_id)
    if not rows.filter(notice_due_at__lte=Now()).transition(notice_due_at=Now() + AGAIN):
        return
    subscription = rows.select_related("organization").get()
    try:
        _mail(subscription)
    except Exception:  # a backend may raise anything
        log.exception("Nobody could be told of event subscription %s", subscription.uuid)
        rows.filter(modified__lt=Now() - AT_LAST).update(notice_due_at=None)
    else:
        rows.filter(notice_due_at=subscription.notice_due_at).update(notice_due_at=None)


def _mail(subscription: EventSubscription) -> None:
    concerned = Q(memberships__role=Role.ADMIN) | Q(pk=subscription.created_by_id)
    members = User.objects.filter(concerned, memberships__organization=subscription.organization_id, is_active=True)
    addresses = list(members.distinct().order_by("pk").values_list("email", flat=True))
    if not settings.EMAIL_URL:
        log.warning("Nobody is told of event subscription %s, since EMAIL_URL is not set", subscription.uuid)
    elif addresses and subscription.stopped_because:
        name = " ".join(subscription.name.split())
        page = reverse("admin:broadcasts_eventsubscription_change", args=[subscription.pk])
        words = [
            f"The event subscription “{name}” of {subscription.organization} was switched off.",
            subscription.stopped_because,
            "Calls that waited are kept in its log. New events are not kept for it until you switch it on again.",
            f"{settings.BASE_URL}{page}",
            "",
        ]
        mail = EmailMessage(
            subject=f"“{name}” was switched off",
            body="\n\n".join(words),
            to=addresses,
            headers={"Auto-Submitted": "auto-generated"},
        )
        with_deadline(MAIL_SECONDS, mail.send)
