"""Pause broadcasts that cannot continue, and mail staff what happened, why, and what they can do."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from broadcasts import noting
from broadcasts.database import tidy_name
from broadcasts.models import AuditEntry, Broadcast, Channel, EventSubscription, Role, User
from broadcasts.queue import enqueue
from broadcasts.transports.deadline import with_deadline

log = logging.getLogger(__name__)

Status = Broadcast.Status
Told = Broadcast | EventSubscription | Channel
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
def pause_with(broadcast: Broadcast, reason: str, **only: object) -> None:
    """Pause a broadcast that is being sent, store the reason, and enqueue the mail to staff.

    only: what must still hold of its row.
    """
    sending = Broadcast.objects.filter(pk=broadcast.pk, status=Status.SENDING, **only)
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
    """Mail what happened to the author and the organization's admins, once, also when called concurrently."""
    notify_once(Broadcast.objects.filter(pk=broadcast_id), _mail)


def notify_once(
    rows: QuerySet[Any], mail: Callable[[Any], None], *, due: str = "notice_due_at", since: str = "modified"
) -> None:
    """Do what mails the notice of a row that is due, once, also when called concurrently.

    After an error of the mail server it is tried again every 10 minutes, for a day. `due` is the column that says when
    a notice is due, `since` the one that says when its cause came.
    """
    is_due = rows.filter(**{f"{due}__lte": Now()})
    if not is_due.transition(**{due: Now() + AGAIN}):  # type: ignore[attr-defined]
        return
    row = rows.select_related("organization").get()
    try:
        mail(row)
    except Exception:  # a backend may raise anything
        log.exception("Nobody could be told of %s %s", row._meta.verbose_name, row.uuid)
        rows.filter(**{f"{since}__lt": Now() - AT_LAST}).update(**{due: None})
    else:
        rows.filter(**{due: getattr(row, due)}).update(**{due: None})


def _mail(broadcast: Broadcast) -> None:
    what, advice = WHAT.get(Status(broadcast.status), ("", ""))
    name = tidy_name(broadcast.name)
    words = [f"“{name}” of {broadcast.organization} {what}.", broadcast.error_message, advice]
    mail_staff(broadcast, broadcast.author_id, f"“{name}” {what}" if what else "", words)


def mail_staff(row: Told, author: int | None, subject: str, words: list[str]) -> None:
    """Mail about a row to its author and the admins, who are members still; without a subject it is out of date."""
    addresses = list(_people(row, author).values_list("email", flat=True))
    if not settings.EMAIL_URL:
        log.warning("Nobody is told of %s %s, since EMAIL_URL is not set", row._meta.verbose_name, row.uuid)
    elif subject and addresses:
        page = reverse(f"admin:broadcasts_{row._meta.model_name}_change", args=[row.pk])
        mail = EmailMessage(
            subject=subject,
            body="\n\n".join([*words, f"{settings.BASE_URL}{page}", ""]),
            to=addresses,
            headers={"Auto-Submitted": "auto-generated"},
        )
        with_deadline(MAIL_SECONDS, mail.send)


def _people(row: Told, author: int | None) -> QuerySet[User]:
    concerned = Q(memberships__role=Role.ADMIN) | Q(pk=author)
    members = User.objects.filter(concerned, memberships__organization=row.organization_id, is_active=True)
    return members.distinct().order_by("pk")
