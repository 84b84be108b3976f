"""A scheduled broadcast that is cancelled never begins: it has no rows, and may be reopened."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import audience, sending, stats
from broadcasts.audience.references import references_to
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.explaining import explain
from broadcasts.models import AuditEntry, Batch, Broadcast, Delivery, Media, Segment
from tests.make import make_broadcast, make_contact, make_delivery

from . import steps

Status = Broadcast.Status
SOON = timedelta(minutes=5)


@pytest.fixture
def person(club):
    return make_contact(club)


@pytest.fixture
def broadcast(mail, person, server):
    return make_broadcast(mail)


@pytest.fixture
def never_began(broadcast):
    sending.schedule(broadcast, timezone.now() + SOON)
    sending.cancel(broadcast)
    return broadcast


def test_a_cancel_of_a_scheduled_one_ends_it_at_once(never_began):
    assert (never_began.status, never_began.started_at) == (Status.CANCELLED, None)
    assert never_began.completed_at is not None
    assert not never_began.has_begun


def test_nothing_makes_rows_of_it_even_once_it_is_due(never_began, server):
    Broadcast.objects.update(due_from=timezone.now() - SOON)
    sending.tick()
    sending.close(never_began.pk, seconds=60)
    sending.expand(never_began.pk)
    assert (Delivery.objects.count(), Batch.objects.count(), server.received) == (0, 0, [])
    assert Broadcast.objects.get().status == Status.CANCELLED


def test_its_counts_are_zero(never_began):
    assert stats.counts([never_began])[never_began.pk] == stats.ZERO


def test_reopening_makes_it_a_draft_with_its_time(never_began, sender):
    at = never_began.scheduled_at
    sending.reopen(never_began, sender.user)
    assert (never_began.status, never_began.scheduled_at, never_began.completed_at) == (Status.DRAFT, at, None)
    assert AuditEntry.objects.get(act="reopen").user == sender.user


def test_a_reopened_one_is_sent_like_any_draft(never_began, server):
    sending.reopen(never_began)
    steps.send(never_began)
    assert (never_began.status, len(server.received)) == (Status.SENT, 1)


def test_one_that_began_is_not_reopened(broadcast):
    sending.send(broadcast)
    sending.cancel(broadcast)
    with pytest.raises(WrongState, match="It had begun when it was cancelled"):
        sending.reopen(broadcast)
    assert Broadcast.objects.get().status == Status.CANCELLED


def test_one_that_has_a_delivery_is_not_reopened(never_began, person):
    make_delivery(never_began, person)
    with pytest.raises(WrongState, match="Cancelled"):
        sending.reopen(never_began)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.CANCELLED}))
def test_only_a_cancelled_one_is_reopened(broadcast, status):
    Broadcast.objects.update(status=status, scheduled_at=timezone.now())
    with pytest.raises(WrongState, match="Cancelled"):
        sending.reopen(broadcast)
    assert Broadcast.objects.get().status == status


def test_nobody_is_retargeted_by_it(never_began, mail):
    with pytest.raises(WrongState, match="cancelled before it began"):
        sending.retarget(never_began, "sent")
    other = make_broadcast(mail, retarget_of=never_began, retarget_engagement="sent")
    with pytest.raises(InvalidInput, match="has not been sent yet"):
        sending.send(other)


def test_an_explanation_says_that_it_never_began(never_began, person):
    told = explain(person, never_began)
    assert (told.verdict, told.sentence) == ("cancelled", "Not sent: the broadcast was cancelled before it began.")


def test_it_keeps_the_segments_and_files_that_reopening_needs(never_began, club):
    segment = Segment.objects.create(organization=club, name="Masters")
    never_began.excluded_segments.add(segment)
    file = Media.objects.create(organization=club, filename="plan.pdf")
    never_began.messages.get().translations.update(attachments=[str(file.uuid)])
    assert references_to(segment) == [never_began]
    assert file.users() == [never_began]


def test_rules_do_not_suggest_it(never_began, club, mail):
    sent = make_broadcast(mail, status="SENT", subject="Pool open")
    assert audience.suggest(club, "broadcast", "pool") == [(str(sent.uuid), "Pool open")]


def test_it_is_a_draft_to_clients_that_know_three_states(never_began):
    assert never_began.state == "DRAFT"


def test_a_page_that_shows_it_as_scheduled_schedules_nothing(broadcast):
    sending.schedule(broadcast, timezone.now() + SOON)
    stale = Broadcast.objects.get()
    sending.cancel(broadcast)
    with pytest.raises(WrongState):
        sending.schedule(stale)
