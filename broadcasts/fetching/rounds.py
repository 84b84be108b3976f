"""Claim mailboxes that are due, one worker at a time, and write down how each look ended."""

import logging
import time
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from broadcasts.models import Mailbox, Organization, OrganizationQuerySet
from broadcasts.queue import enqueue, enqueue_due
from broadcasts.transports import TransportError
from broadcasts.transports.imap import ImapAccount, opened

from .reading import take_in

log = logging.getLogger(__name__)

SECONDS = 15  # in which a task takes in portions; another task goes on where there is more
LONGEST_SECONDS = 25  # that a task holds a worker, whatever the server does
LEASE = timedelta(seconds=LONGEST_SECONDS + 15)
LONGEST_PAUSE = timedelta(hours=1)  # after a failure
MOST_DOUBLED = 12


def enqueue_waiting() -> None:
    """Enqueue the mailboxes that are due; called in the supervisor's round."""
    enqueue_due("read_mailbox", _due())


def begin_again(mailbox: Mailbox) -> None:
    """Have a mailbox whose settings were changed read at once, as if it had not failed before."""
    Mailbox.objects.filter(pk=mailbox.pk).update(due_at=Now(), failures=0, last_error="")


def read_mailbox(mailbox_id: int) -> None:
    """Look into a mailbox that is due and take in what is there; of several concurrent calls only one does."""
    rows = _due().filter(pk=mailbox_id)
    if not rows.transition(token=F("token") + 1, lease_until=Now() + LEASE):
        return
    mailbox = Mailbox.objects.select_related("channel").get(pk=mailbox_id)
    try:
        is_more = _read(mailbox)
    except TransportError as error:
        log.warning("The mailbox “%s” could not be read: %s", mailbox, error)
        _failed(mailbox, str(error))
        return
    pause = timedelta(0) if is_more else timedelta(minutes=mailbox.minutes)
    ended = _mine(mailbox).transition(
        lease_until=None, due_at=Now() + pause, checked_at=Now(), failures=0, last_error=""
    )
    if ended and is_more:
        enqueue("read_mailbox", mailbox.pk)


def _read(mailbox: Mailbox) -> bool:
    """Take mails in; return whether there are more of them."""
    began = time.monotonic()

    def renew(refresh_token: str) -> None:
        _store_refresh_token(mailbox, refresh_token)

    def taken(n: int) -> bool:
        return _mine(mailbox).transition(taken=F("taken") + n)

    with opened(ImapAccount.read(mailbox), LONGEST_SECONDS, renew) as session:
        return take_in(session, mailbox.channel, began + SECONDS, taken)


def _failed(mailbox: Mailbox, words: str) -> None:
    """Have a mailbox tried again after a pause that grows up to an hour."""
    usual = timedelta(minutes=mailbox.minutes)
    pause = max(usual, min(timedelta(minutes=2 ** min(mailbox.failures, MOST_DOUBLED)), LONGEST_PAUSE))
    failures = min(mailbox.failures + 1, 32_000)
    _mine(mailbox).transition(lease_until=None, due_at=Now() + pause, failures=failures, last_error=words)


def _store_refresh_token(mailbox: Mailbox, refresh_token: str) -> None:
    """Store a refresh token that replaces the one that was used, unless staff entered another one meanwhile."""
    with transaction.atomic():
        held = Mailbox.objects.select_for_update(no_key=True, of=("self",)).filter(pk=mailbox.pk).first()
        if held and held.secrets == mailbox.secrets:
            held.secrets = {**held.secrets, "refresh_token": refresh_token}
            held.save(update_fields=["secrets"])


def _due() -> OrganizationQuerySet[Mailbox]:
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    rows: Any = Mailbox.objects.filter(free, is_active=True, due_at__lte=Now())
    return rows.filter(organization__status=Organization.Status.ACTIVE)


def _mine(mailbox: Mailbox) -> OrganizationQuerySet[Mailbox]:
    """Return the claimed row, or nothing once another worker has claimed it."""
    rows: Any = Mailbox.objects.filter(pk=mailbox.pk, token=mailbox.token)
    return rows
