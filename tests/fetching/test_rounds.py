"""Which mailboxes are read, when, and by whom."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import fetching
from broadcasts.fetching import rounds
from broadcasts.models import Mailbox, Organization
from tests.imap_server import ImapServer, refuse

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def empty(make_mailbox):
    """A mailbox without mails, and the server that it is on."""
    with ImapServer(mails=0) as server:
        yield make_mailbox(**server.columns)


def due_in(mailbox: Mailbox) -> float:
    mailbox.refresh_from_db()
    return round((mailbox.due_at - timezone.now()).total_seconds() / 60)


@pytest.mark.parametrize(
    ("fields", "is_enqueued"),
    [
        ({}, True),
        ({"is_active": False}, False),
        ({"due_at": Now() + timedelta(minutes=1)}, False),
        ({"lease_until": Now() + timedelta(seconds=5)}, False),
        ({"lease_until": Now() - timedelta(seconds=5)}, True),
    ],
)
def test_only_a_mailbox_that_is_due_and_free_is_enqueued(make_mailbox, queued, fields, is_enqueued):
    mailbox = make_mailbox(host="imap.example.org", username="u")
    Mailbox.objects.update(**fields)
    fetching.enqueue_waiting()
    assert queued == ([("read_mailbox", mailbox.pk)] if is_enqueued else [])


def test_the_mailbox_of_a_suspended_organization_is_not_read(empty, queued):
    Organization.objects.update(status=Organization.Status.SUSPENDED)
    fetching.enqueue_waiting()
    fetching.read_mailbox(empty.pk)
    empty.refresh_from_db()
    assert (queued, empty.token, empty.checked_at) == ([], 0, None)


def test_it_is_due_again_after_its_minutes(empty):
    Mailbox.objects.update(minutes=7)
    fetching.read_mailbox(empty.pk)
    assert due_in(empty) == 7
    assert (empty.token, empty.lease_until) == (1, None)


def test_it_is_read_once_although_it_is_enqueued_twice(empty):
    fetching.read_mailbox(empty.pk)
    fetching.read_mailbox(empty.pk)
    empty.refresh_from_db()
    assert empty.token == 1


def test_a_worker_that_lost_its_lease_writes_nothing_more(make_mailbox):
    def overtaken(conversation, tag, arguments):
        Mailbox.objects.update(token=9, last_error="of another worker")
        conversation.say(f"{tag} OK done")

    with ImapServer({"LOGIN": overtaken}, mails=0) as server:
        mailbox = make_mailbox(**server.columns)
        fetching.read_mailbox(mailbox.pk)
    mailbox.refresh_from_db()
    assert (mailbox.token, mailbox.last_error, mailbox.checked_at) == (9, "of another worker", None)


def test_the_pause_after_failures_grows_to_an_hour(make_mailbox):
    with ImapServer({"LOGIN": refuse("no")}) as server:
        mailbox = make_mailbox(**server.columns)
        pauses = []
        for _ in range(8):
            Mailbox.objects.update(due_at=Now())
            fetching.read_mailbox(mailbox.pk)
            pauses.append(due_in(mailbox))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert mailbox.failures == 8


def test_a_success_ends_the_failures(empty):
    Mailbox.objects.update(failures=5, last_error="It was down.")
    fetching.read_mailbox(empty.pk)
    empty.refresh_from_db()
    assert (empty.failures, empty.last_error) == (0, "")


def test_a_changed_mailbox_is_read_at_once(make_mailbox):
    mailbox = make_mailbox(host="imap.example.org", username="u")
    Mailbox.objects.update(failures=5, due_at=Now() + timedelta(hours=1))
    fetching.begin_again(mailbox)
    assert rounds._due().get().failures == 0
