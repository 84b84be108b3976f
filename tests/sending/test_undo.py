"""The undo window: a broadcast that was sent begins only when it ends, and until then it can become a draft again."""

from datetime import timedelta
from functools import partial
from threading import Barrier, Thread

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from broadcasts import drafting, sending
from broadcasts.exceptions import EmptyAudience, InvalidInput, NotReady, StaleObject, WrongState
from broadcasts.models import AuditEntry, Broadcast, Contact, EventNote, EventSubscription, Link
from broadcasts.sending import expansion, lifecycle, rounds
from tests.make import make_broadcast, make_contact, make_contacts

from . import steps
from .test_concurrency import at_once

Status = Broadcast.Status
LATER = "2040-01-01T09:00:00Z"


@pytest.fixture
def broadcast(club, mail, server):
    make_contacts(club, 3)
    return make_broadcast(mail)


@pytest.fixture
def waiting(broadcast):
    """A broadcast within its undo window."""
    sending.send(broadcast, undo_seconds=60)
    return broadcast


def end_window(broadcast):
    Broadcast.objects.filter(pk=broadcast.pk).update(due_from=Now() - timedelta(seconds=1))
    broadcast.refresh_from_db()


def run_to_its_end(broadcast):
    sending.tick()
    sending.expand(broadcast.pk, seconds=60)
    steps.pump(broadcast)


@pytest.mark.parametrize("skew", [timedelta(days=-1), timedelta(days=1)])
def test_it_waits_for_the_end_of_the_window_by_the_databases_clock(broadcast, sender, monkeypatch, skew):
    clock = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: clock() + skew)
    sending.send(broadcast, by=sender.user, undo_seconds=60)
    assert (broadcast.status, broadcast.state) == (Status.SCHEDULED, "SCHEDULED")
    assert broadcast.is_undoable and not broadcast.is_editable
    assert broadcast.scheduled_at == broadcast.due_from == broadcast.undo_until
    now = Broadcast.objects.values_list(Now(), flat=True).get()
    assert timedelta(seconds=50) < broadcast.undo_until - now <= timedelta(seconds=60)
    sending.tick()
    assert Broadcast.objects.get().status == Status.SCHEDULED


def test_nothing_begins_within_the_window(waiting, server):
    sending.tick()
    assert Broadcast.objects.get().status == Status.SCHEDULED
    assert server.received == []


def test_it_begins_at_the_end_of_the_window_and_everybody_gets_one_copy(waiting, server):
    end_window(waiting)
    run_to_its_end(waiting)
    assert waiting.status == Status.SENT
    assert waiting.scheduled_at == waiting.started_at
    assert waiting.undo_until is None
    assert sorted(server.copies.values()) == [1, 1, 1]


def test_undone_it_is_a_draft_again_and_reaches_nobody(waiting, server, sender):
    sending.undo(waiting, by=sender.user)
    assert (waiting.status, waiting.scheduled_at, waiting.undo_until) == (Status.DRAFT, None, None)
    Broadcast.objects.update(due_from=Now() - timedelta(seconds=1))
    sending.tick()
    assert (Broadcast.objects.get().status, server.received) == (Status.DRAFT, [])


@pytest.mark.parametrize("status", sorted(Broadcast.STARTABLE))
@pytest.mark.parametrize("act", [sending.undo, sending.unschedule])
def test_undone_it_has_the_time_that_it_had(broadcast, status, act):
    Broadcast.objects.update(status=status, scheduled_at=LATER)
    broadcast.refresh_from_db()
    before = broadcast.scheduled_at
    sending.send(broadcast, undo_seconds=60)
    assert broadcast.own_time == before
    act(broadcast)
    assert (broadcast.status, broadcast.scheduled_at) == (Status.DRAFT, before)


def test_a_draft_with_a_time_that_is_sent_now_is_sent_when_the_window_ends(mail, club, server):
    make_contact(club)
    broadcast = make_broadcast(mail, scheduled_at=LATER)
    sending.send(broadcast, undo_seconds=60)
    end_window(broadcast)
    sending.tick()
    broadcast.refresh_from_db()
    assert (broadcast.status, broadcast.scheduled_at) == (Status.SENDING, broadcast.started_at)


def test_who_waits_for_a_clock_time_waits_for_it_after_the_window_too(mail, club, server):
    make_contact(club)
    broadcast = make_broadcast(mail, local_time=True, scheduled_at=timezone.now() + timedelta(days=3))
    sending.send(broadcast, undo_seconds=60)
    before = broadcast.scheduled_at
    end_window(broadcast)
    sending.tick()
    broadcast.refresh_from_db()
    assert (broadcast.status, broadcast.scheduled_at) == (Status.SENDING, before)


def test_who_sends_and_who_undoes_is_in_the_audit_log(broadcast, sender):
    sending.send(broadcast, by=sender.user, undo_seconds=45)
    sending.undo(broadcast, by=sender.user)
    entries = AuditEntry.objects.order_by("id").values_list("act", "user", "detail")
    assert list(entries) == [("send with undo", sender.user.pk, {"undo_seconds": 45}), ("undo", sender.user.pk, {})]


def test_programs_are_told_of_the_start_only_when_it_starts(broadcast, club):
    types = ["broadcast.scheduled", "broadcast.unscheduled", "broadcast.started"]
    EventSubscription.objects.create(organization=club, name="Shop", url="https://shop.example/", types=types)

    def told():
        items = EventNote.objects.order_by("id").values_list("items", flat=True)
        return [item[0] for note in items for item in note]

    sending.send(broadcast, undo_seconds=60)
    assert told() == types[:1]
    sending.undo(broadcast)
    assert told() == types[:2]
    sending.send(broadcast, undo_seconds=60)
    end_window(broadcast)
    sending.tick()
    assert told() == [*types[:2], types[0], types[2]]


# What cannot be sent is refused before the window begins.


def lacks_people(broadcast):
    Contact.objects.all().delete()


def lacks_words(broadcast):
    broadcast.messages.get().translations.update(subject="", text="")


def lacks_a_channel(broadcast):
    broadcast.organization.channels.update(is_active=False)


def cannot_be_read(broadcast):
    Broadcast.objects.update(send_to_all=False, query={"nonsense": 1})


def has_no_clock_time(broadcast):
    Broadcast.objects.update(local_time=True)


def expires_within_the_window(broadcast):
    Broadcast.objects.update(expires_at=Now() + timedelta(seconds=30))


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lacks_people, EmptyAudience),
        (lacks_words, InvalidInput),
        (lacks_a_channel, NotReady),
        (cannot_be_read, InvalidInput),
        (has_no_clock_time, NotReady),
        (expires_within_the_window, InvalidInput),
    ],
)
def test_what_cannot_be_sent_is_refused_before_the_window_with_nothing_changed(broadcast, spoil, error):
    spoil(broadcast)
    broadcast.refresh_from_db()
    before = Broadcast.objects.values().get()
    with pytest.raises(error):
        sending.send(broadcast, undo_seconds=60)
    assert Broadcast.objects.values().get() == before
    assert not AuditEntry.objects.exists()


def test_trying_whether_it_can_be_sent_leaves_nothing_behind(mail, club):
    mail.track_clicks = True
    mail.save()
    body = '<a href="https://club.example/">Open</a>'
    broadcast = make_broadcast(mail, html=body, send_to_all=False, addresses=["mailto:new@example.com"])
    sending.send(broadcast, undo_seconds=60)
    assert broadcast.status == Status.SCHEDULED
    assert not Contact.objects.exists() and not Link.objects.exists()
    assert broadcast.messages.get().checksum == ""


def test_what_breaks_within_the_window_is_not_started_and_says_why(waiting, server):
    Contact.objects.all().delete()
    end_window(waiting)
    sending.tick()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.scheduled_at, waiting.undo_until) == (Status.FAILED, None, None)
    assert "matches nobody" in waiting.error_message


# What else is asked of it within the window.


def test_it_is_neither_changed_nor_deleted_within_the_window(waiting):
    with pytest.raises(WrongState, match="Stop that first"):
        drafting.save(waiting, {"name": "Other"})
    with pytest.raises(WrongState, match="Stop that first"):
        drafting.delete(waiting)
    assert Broadcast.objects.get().name == "Pool closed"


def test_sent_now_it_begins_at_once(waiting):
    sending.send(waiting)
    assert (waiting.status, waiting.undo_until) == (Status.SENDING, None)


def test_sent_with_another_window_it_is_refused(waiting):
    until = waiting.undo_until
    with pytest.raises(WrongState, match="Stop that first"):
        sending.send(waiting, undo_seconds=600)
    assert Broadcast.objects.get().undo_until == until


def test_scheduled_for_another_time_it_waits_for_that(waiting):
    sending.schedule(waiting, timezone.now() + timedelta(days=1))
    assert (waiting.status, waiting.undo_until, waiting.is_editable) == (Status.SCHEDULED, None, True)
    assert waiting.due_from == waiting.scheduled_at > timezone.now() + timedelta(hours=23)


def test_the_end_of_the_window_is_no_time_to_schedule_it_for(waiting):
    with pytest.raises(NotReady, match="no time yet"):
        sending.schedule(waiting)
    assert Broadcast.objects.get().is_undoable


def test_cancelled_it_never_begins_and_can_be_reopened_without_a_time(waiting):
    sending.cancel(waiting)
    assert waiting.never_began
    sending.reopen(waiting)
    assert (waiting.status, waiting.scheduled_at, waiting.undo_until) == (Status.DRAFT, None, None)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("SENDING", "pause or cancel it"),
        ("PAUSED", "pause or cancel it"),
        ("DRAFT", "not waiting"),
        ("SENT", "not wai"),
    ],
)
def test_there_is_nothing_to_undo_outside_the_window(broadcast, status, words):
    Broadcast.objects.update(status=status)
    with pytest.raises(WrongState, match=words):
        sending.undo(broadcast)
    assert Broadcast.objects.get().status == status


def test_what_was_scheduled_is_unscheduled_and_not_undone(broadcast):
    sending.schedule(broadcast, timezone.now() + timedelta(hours=1))
    with pytest.raises(WrongState, match="not waiting"):
        sending.undo(broadcast)
    assert Broadcast.objects.get().status == Status.SCHEDULED


def test_who_saw_it_before_it_was_sent_by_somebody_else_sends_nothing(broadcast):
    seen = broadcast.modified
    sending.send(Broadcast.objects.get(), undo_seconds=60, seen=seen)
    for act in (sending.send, sending.schedule):
        with pytest.raises(StaleObject):
            act(Broadcast.objects.get(), seen=seen)
    assert Broadcast.objects.get().is_undoable


def test_a_copy_of_it_has_no_window(waiting):
    assert sending.duplicate(waiting).undo_until is None


# At the same moment, on real connections.


@pytest.mark.django_db(transaction=True)
def test_of_five_undos_at_once_one_works(waiting):
    results = at_once(5, lambda: sending.undo(Broadcast.objects.get()))
    assert [type(result) for result in results if result] == [WrongState] * 4
    assert (Broadcast.objects.get().status, AuditEntry.objects.filter(act="undo").count()) == (Status.DRAFT, 1)


@pytest.mark.django_db(transaction=True)
def test_of_five_sends_with_undo_at_once_one_works(broadcast):
    results = at_once(5, lambda: sending.send(Broadcast.objects.get(), undo_seconds=60))
    assert [type(result) for result in results if result] == [WrongState] * 4
    assert AuditEntry.objects.filter(act="send with undo").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_", range(5))
def test_of_an_undo_and_a_start_at_the_same_moment_exactly_one_wins(waiting, server, _):
    end_window(waiting)
    together = Barrier(2)
    acts = iter([rounds.start_due, lambda: sending.undo(Broadcast.objects.get())])

    def run():
        act = next(acts)
        together.wait(10)
        act()

    errors = [error for error in at_once(2, run) if error]
    if Broadcast.objects.get().status == Status.DRAFT:
        assert errors == []
        sending.tick()
        assert (Broadcast.objects.get().status, server.received) == (Status.DRAFT, [])
    else:
        assert [type(error) for error in errors] == [WrongState]
        run_to_its_end(waiting)
        assert (waiting.status, sorted(server.copies.values())) == (Status.SENT, [1, 1, 1])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stop", [sending.undo, sending.unschedule, sending.cancel])
def test_stopped_between_a_look_for_what_is_due_and_its_start_it_does_not_start(waiting, server, monkeypatch, stop):
    end_window(waiting)
    begin = rounds.lifecycle.start

    def be_overtaken(broadcast):
        stop(Broadcast.objects.get())
        begin(broadcast)

    monkeypatch.setattr(rounds.lifecycle, "start", be_overtaken)
    sending.tick()
    assert Broadcast.objects.get().status in (Status.DRAFT, Status.CANCELLED)
    assert (server.received, steps.log(waiting)) == ([], {})


def begun_beside(act, said):
    thread = Thread(target=lambda: said.extend(at_once(1, act)))
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_an_undo_while_it_begins_is_refused_in_words(waiting, monkeypatch):
    """The start has changed the row and not yet committed: the undo waits for it, and finds that it is too late."""
    end_window(waiting)
    freeze, said = expansion.freeze, []

    def freeze_and_be_overtaken(broadcast, **options):
        undo = begun_beside(lambda: sending.undo(Broadcast.objects.get()), said)
        freeze(broadcast, **options)
        undo.join(0.3)
        threads.append(undo)

    threads: list = []
    monkeypatch.setattr(expansion, "freeze", freeze_and_be_overtaken)
    sending.tick()
    threads[0].join(20)
    assert Broadcast.objects.get().status == Status.SENDING
    assert [str(error) for error in said] == ["It has begun, so it cannot be undone any more: pause or cancel it."]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "begin", [partial(sending.send, undo_seconds=60), partial(sending.schedule, at=parse_datetime(LATER))]
)
def test_an_edit_while_it_is_promised_waits_so_that_what_was_checked_is_sent(broadcast, monkeypatch, begin):
    change, said, edits = lifecycle._transition, [], []

    def be_edited(row, accepted, act, *args, **changes):
        if act != "send":  # that one is a trial, in a savepoint of its own
            edits.append(begun_beside(lambda: drafting.save(Broadcast.objects.get(), {"name": "Other"}), said))
            edits[0].join(0.5)
            assert edits[0].is_alive()
        change(row, accepted, act, *args, **changes)

    monkeypatch.setattr(lifecycle, "_transition", be_edited)
    begin(broadcast)
    edits[0].join(20)
    refused = [type(error) for error in said if error] == [WrongState]
    assert refused == broadcast.is_undoable  # what is scheduled for a time may still be edited
