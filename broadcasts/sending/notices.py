"""Pause broadcasts that cannot continue, and mail staff what happened, why, and what they can do."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from broadcasts import noting
from broadcasts.models import AuditEntry, Broadcast, Role, User
from broadcasts.queue import enqueue
from broadcasts.transports.deadline import with_deadline

log = logging.getLogger(__name__)

Status = Broadcast.Status
AGAIN = timedelta(minutes=10)  # after a mail server that failed
MAIL_SECONDS = 15  # the queue's other tasks wait meanwhile
AT_LAST = timedelta(days=1)  # after which the notice is given up

WHAT = {
    Status.PAUSED: (
        "was paused",
        "Nobody is lost: those who have no copy yet wait. Mend what is wrong, then resume it, or cancel it.",
    ),
    Status.FAILED: ("was not sent", "Nothing of it was sent. Mend what is wrong, then send or schedule it again."),
    Status.DRAFT: ("was not sent", "Nothing of it was sent. It is a draft again: send it, or give it a new time."),
}


@transaction.atomic
def pause_with(broadcast: Broadcast, reason: str) -> None:
    """Pause a broadcast that is being sent, store the reason, and enqueue the mail to staff."""
    sending = Broadcast.objects.filter(pk=broadcast.pk, status=Status.SENDING)
    paused = {"status": Status.PAUSED, "error_message": reason, "notice_due_at": Now()}
    if sending.transition(**paused, modified=Now()):
        AuditEntry.write(broadcast, "pause", organization=broadcast.organization, reason=reason)
        log.warning("Broadcast %s was paused by itself", broadcast.uuid)  # the reason may quote an address
        noting.note_broadcast(broadcast, "broadcast.paused")
        enqueue("notify", broadcast.pk)


def due_notices() -> list[int]:
    """Return the ids of broadcasts whose notice is due."""
    return list(Broadcast.objects.filter(notice_due_at__lte=Now()).values_list("pk", flat=True))


def notify(broadcast_id: int) -> None:
    """Mail what happened to the author and the organization's admins, once, also when called concurrently.

    After an error of the mail server it is tried again every 10 minutes, for a day.
    """
    rows = Broadcast.objects.filter(pk=broadcast_id)
    if not rows.filter(notice_due_at__lte=Now()).transition(notice_due_at=Now() + AGAIN):
        return
    broadcast = rows.select_related("organization").get()
    try:
        _mail(broadcast)
    except Exception:  # a backend may raise anything
        log.exception("Nobody could be told of broadcast %s", broadcast.uuid)
        rows.filter(modified__lt=Now() - AT_LAST).update(notice_due_at=None)
    else:
        rows.filter(notice_due_at=broadcast.notice_due_at).update(notice_due_at=None)


def _mail(broadcast: Broadcast) -> None:
    addresses = list(_people(broadcast).values_list("email", flat=True))
    if not settings.EMAIL_URL:
        log.warning("Nobody is told of broadcast %s, since EMAIL_URL is not set", broadcast.uuid)
    elif broadcast.status in WHAT and addresses:
        what, advice = WHAT[Status(broadcast.status)]
        page = reverse("admin:broadcasts_broadcast_change", args=[broadcast.pk])
        name = " ".join(broadcast.name.split())
        words = [f"“{name}” of {broadcast.organization} {what}.", broadcast.error_message, advice]
        mail = EmailMessage(
            subject=f"“{name}” {what}",
            body="\n\n".join([*words, f"{settings.BASE_URL}{page}", ""]),
            to=addresses,
            headers={"Auto-Submitted": "auto-generated"},
        )
        with_deadline(MAIL_SECONDS, mail.send)


def _people(broadcast: Broadcast):
    """Return the author and the admins that are still members of the organization."""
    concerned = Q(memberships__role=Role.ADMIN) | Q(pk=broadcast.author_id)
    members = User.objects.filter(concerned, memberships__organization=broadcast.organization_id, is_active=True)
    return members.distinct().order_by("pk")
