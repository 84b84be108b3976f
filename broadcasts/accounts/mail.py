"""Mailing an invitation through the operator's mail server (EMAIL_URL): once; a server that fails is tried again."""

import logging
from datetime import timedelta

from django.core.mail import EmailMessage
from django.db.models.functions import Now
from django.template.loader import render_to_string

from broadcasts import links
from broadcasts.database import tidy_name
from broadcasts.models import Invitation
from broadcasts.queue import enqueue_due
from broadcasts.transports.deadline import with_deadline

log = logging.getLogger(__name__)

AGAIN = timedelta(minutes=10)
MAIL_SECONDS = 15  # the queue's other tasks wait meanwhile


def enqueue_waiting() -> None:
    """Enqueue the invitations whose task was lost, or that are to be tried again; for the supervisor's round."""
    enqueue_due("mail_invitation", Invitation.objects.due())


def mail_invitation(invitation_id: int) -> None:
    """Mail the link of an open invitation; of several calls, one does it."""
    rows = Invitation.objects.filter(pk=invitation_id)
    if not rows.due().transition(due_at=Now() + AGAIN):
        return
    invitation = rows.select_related("organization", "invited_by").get()
    mine = rows.filter(due_at=invitation.due_at)
    try:
        with_deadline(MAIL_SECONDS, _message(invitation).send)
    except Exception as error:  # a backend may raise anything
        log.exception("Invitation %s could not be mailed", invitation.pk)
        mine.update(error=f"The mail server failed: {type(error).__name__}. It is tried again until it expires.")
    else:
        mine.update(due_at=None, sent_at=Now(), error="")


def _message(invitation: Invitation) -> EmailMessage:
    context = {
        "invitation": invitation,
        "organization": tidy_name(invitation.organization.name),
        "url": links.invitation_url(links.invitation_token(invitation.pk)),
        "days": Invitation.LIFETIME.days,
    }
    return EmailMessage(
        subject=f"Invitation to {context['organization']}",
        body=render_to_string("mail/invitation.txt", context),
        to=[invitation.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
