from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from broadcasts import rendering, sending, stats, tracking
from broadcasts.exceptions import WrongState
from broadcasts.models import Batch, Broadcast, Channel, Delivery
from broadcasts.sending import fairness, journal, recovery
from tests.make import make_broadcast, make_contact, make_contacts

from . import steps
from .faults import Killed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def kill_after(broadcast, server, n):
    """Let the worker die when the server took n copies."""

    def before(envelope):
        if len(server.received) >= n:
            raise Killed

    server.before = before
    with pytest.raises(Killed):
        steps.pump(broadcast)
    server.before = lambda envelope: None


@pytest.fixture
def half_sent(club, mail, server):
    """A broadcast to 25 whose worker died in its second window: 10 recorded, 4 accepted and not recorded."""
    make_contacts(club, 25)
    broadcast = steps.start(make_broadcast(mail))
    kill_after(broadcast, server, 14)
    return broadcast


def test_a_dead_workers_batch_is_left_alone_while_its_lease_lasts(half_sent):
    sending.tick()
    assert steps.log(half_sent) == {"sent": 10, "pending": 15}


def test_after_the_lease_what_may_have_left_is_unknown_and_the_rest_is_sent(half_sent, server):
    steps.run_out_leases()
    sending.tick()
    steps.pump(half_sent)
    log = steps.log(half_sent)
    assert sum(log.values()) == 25
    assert log["pending"] == 0
    assert log["unknown"] <= 20
    assert set(server.copies.values()) == {1}
    assert half_sent.status == Broadcast.Status.SENT


def test_every_accepted_message_is_sent_or_unknown_in_the_log(half_sent, server):
    steps.run_out_leases()
    sending.tick()
    steps.pump(half_sent)
    for address in server.copies:
        assert steps.delivery(half_sent, address).status in ("sent", "unknown")


def test_what_a_dead_worker_held_is_recovered_while_its_broadcast_is_paused(half_sent):
    sending.pause(half_sent)
    steps.run_out_leases()
    sending.tick()
    assert steps.log(half_sent)["unknown"] == stats.counts([half_sent])[half_sent.pk]["unknown"] == 1
    assert not Batch.objects.filter(state=Batch.State.LEASED).exists()


def test_a_window_that_was_begun_while_its_batch_was_being_recovered_is_not_forgotten(
    club, mail, server, settings, monkeypatch
):
    """Its worker was frozen amid the transaction that began it, for longer than the lease that it took with it."""
    settings.WINDOW_SIZE = 10
    make_contacts(club, 25)
    broadcast = steps.start(make_broadcast(mail))
    kill_after(broadcast, server, 4)
    steps.run_out_leases()
    head_start = recovery._head_start

    def begin_the_next_window(batch):
        mark = batch.started_through
        Batch.objects.filter(pk=batch.pk, started_through=mark).update(started_through=mark + 10)
        monkeypatch.setattr(recovery, "_head_start", head_start)
        return head_start(batch)

    monkeypatch.setattr(recovery, "_head_start", begin_the_next_window)
    for _ in range(4):
        sending.tick()
        steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 24, "unknown": 1}
    assert set(server.copies.values()) == {1}


@pytest.fixture
def without_journal(monkeypatch):
    """As where another host recovers a batch."""
    monkeypatch.setattr(journal, "seal", lambda *args: None)


@pytest.mark.parametrize("fact", ["delivered", "bounced", "opened", "unsubscribed"])
def test_what_was_told_of_a_copy_before_its_worker_died_settles_it(half_sent, server, without_journal, fact):
    address = server.received[12].address  # accepted, and not recorded
    tracking.record(steps.delivery(half_sent, address), fact, NOON)
    steps.run_out_leases()
    sending.tick()
    told = steps.delivery(half_sent, address)
    counts = stats.counts([half_sent])[half_sent.pk]
    assert (told.status, told.sent_at, told.attempts) == ("sent", NOON, 1)
    assert steps.log(half_sent) == {"sent": 11, "unknown": 14}
    assert (counts["sent"], counts["unknown"], counts[fact]) == (11, 14, 1)


def test_what_was_told_of_the_one_copy_that_a_journal_leaves_open_settles_it(half_sent):
    open_one = Delivery.objects.filter(status="pending").order_by("id")[4]  # the fifth of the second window
    tracking.record(open_one, "opened", NOON)
    steps.run_out_leases()
    sending.tick()
    assert steps.log(half_sent) == {"sent": 15, "pending": 10}
    assert stats.counts([half_sent])[half_sent.pk]["sent"] == 15


def test_a_failure_told_before_its_worker_died_is_a_bounce_of_what_was_sent(half_sent, server, without_journal):
    address = server.received[12].address
    tracking.record(steps.delivery(half_sent, address), "failed", NOON)
    steps.run_out_leases()
    sending.tick()
    assert steps.delivery(half_sent, address).bounced_at == NOON
    assert steps.delivery(half_sent, address).status == "sent"


def test_recovery_done_twice_changes_nothing_more(half_sent):
    steps.run_out_leases()
    sending.tick()
    before = stats.counts([half_sent])
    steps.run_out_leases()
    sending.tick()
    assert stats.counts([half_sent]) == before


def test_a_worker_that_lost_its_lease_writes_nothing_more(club, mail, server):
    make_contacts(club, 5)
    broadcast = steps.start(make_broadcast(mail))

    def freeze_past_the_lease(envelope):
        steps.run_out_leases()
        sending.tick()
        server.before = lambda envelope: None

    server.before = freeze_past_the_lease
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"unknown": 1, "pending": 4}
    assert stats.counts([broadcast])[broadcast.pk]["sent"] == 0


def test_two_claims_of_one_batch_have_one_winner(club, mail, server):
    make_contacts(club, 3)
    steps.start(make_broadcast(mail))
    batch = Batch.objects.get()
    assert fairness.take(batch.pk)
    assert fairness.take(batch.pk) is None


def test_an_emptied_queue_loses_nobody(club, mail, server):
    make_contacts(club, 3)
    broadcast = make_broadcast(mail)
    sending.send(broadcast)  # and its wake-up is lost
    enqueued = []
    with pytest.MonkeyPatch.context() as patched:
        # The row stays as sending wrote it: SQLite writes a moment in another form than it is asked for in.
        patched.setattr("broadcasts.sending.rounds.STALLED", timedelta(seconds=-1))
        patched.setattr("broadcasts.sending.rounds.enqueue", lambda *task: enqueued.append(task))
        patched.setattr("broadcasts.sending.fairness.enqueue", lambda *task: enqueued.append(task))
        patched.setattr("broadcasts.sending.rounds.queue_is_full", lambda: False)
        sending.tick()
        assert ("start", broadcast.pk) in enqueued
        sending.expand(broadcast.pk, seconds=60)
        enqueued.clear()
        sending.tick()
    assert ("pump", mail.pk) in enqueued


def test_a_scheduled_broadcast_starts_when_it_is_due(club, mail, server):
    make_contact(club)
    broadcast = make_broadcast(mail)
    sending.schedule(broadcast, timezone.now() + timedelta(hours=1))
    sending.tick()
    assert Broadcast.objects.get().status == Broadcast.Status.SCHEDULED
    Broadcast.objects.update(due_from=timezone.now() - timedelta(seconds=1))
    sending.tick()
    assert Broadcast.objects.get().status == Broadcast.Status.SENDING


def test_a_broadcast_that_is_too_late_goes_back_to_draft_with_the_reason(club, mail, server):
    make_contact(club)
    broadcast = make_broadcast(mail)
    sending.schedule(broadcast, timezone.now())
    Broadcast.objects.update(due_from=timezone.now() - timedelta(days=2))
    sending.tick()
    broadcast.refresh_from_db()
    assert broadcast.status == Broadcast.Status.DRAFT
    assert "passed by too long" in broadcast.error_message


def test_a_host_whose_clock_is_wrong_starts_what_is_due_all_the_same(club, mail, server, monkeypatch):
    make_contact(club)
    sending.schedule(make_broadcast(mail), timezone.now())
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime(2100, 1, 1, tzinfo=UTC))
    sending.tick()
    assert Broadcast.objects.get().status == Broadcast.Status.SENDING


def test_an_audience_that_is_empty_when_due_fails_and_can_be_mended(club, mail, server):
    broadcast = make_broadcast(mail)
    sending.schedule(broadcast, timezone.now())
    sending.tick()
    broadcast.refresh_from_db()
    assert broadcast.status == Broadcast.Status.FAILED
    assert "matches nobody" in broadcast.error_message
    make_contact(club)
    steps.send(broadcast)
    assert broadcast.status == Broadcast.Status.SENT


def test_a_broadcast_that_expired_before_it_was_due_is_not_started(club, mail, server):
    make_contact(club)
    broadcast = make_broadcast(mail)
    sending.schedule(broadcast, timezone.now())
    Broadcast.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    sending.tick()
    assert Broadcast.objects.get().status == Broadcast.Status.FAILED


def test_a_broadcast_that_cannot_be_started_holds_up_no_other(club, mail, server, monkeypatch):
    make_contact(club)
    broken, good = make_broadcast(mail), make_broadcast(mail)
    for broadcast in (broken, good):
        sending.schedule(broadcast, timezone.now())
    compile_message = rendering.compile_message

    def trip(message):
        if message.broadcast_id == broken.pk:
            raise ZeroDivisionError
        return compile_message(message)

    monkeypatch.setattr(rendering, "compile_message", trip)
    sending.tick()
    assert dict(Broadcast.objects.values_list("pk", "status")) == {broken.pk: "SCHEDULED", good.pk: "SENDING"}


@pytest.fixture
def unknown(half_sent):
    """One delivery whose outcome nobody knows, of a broadcast that is otherwise finished."""
    steps.run_out_leases()
    sending.tick()
    steps.pump(half_sent)
    return Delivery.objects.filter(status="unknown").first()


@pytest.mark.parametrize("status", ["sent", "failed"])
def test_staff_settle_an_unknown_delivery(unknown, status):
    broadcast = Broadcast.objects.get()
    before = stats.counts([broadcast])[broadcast.pk]
    sending.settle(unknown, status)
    after = stats.counts([broadcast])[broadcast.pk]
    unknown.refresh_from_db()
    assert unknown.status == status
    assert (after["unknown"], after[status]) == (before["unknown"] - 1, before[status] + 1)


def test_staff_send_an_unknown_delivery_again(unknown, server):
    broadcast = Broadcast.objects.get()
    server.received.clear()
    sending.resend(unknown)
    sending.tick()
    steps.pump(broadcast)
    assert server.copies == {unknown.address: 1}
    assert broadcast.status == Broadcast.Status.SENT


def test_what_is_known_cannot_be_settled(unknown):
    sent = Delivery.objects.filter(status="sent").first()
    with pytest.raises(WrongState, match="unknown"):
        sending.settle(sent, "failed")


def test_a_cancelled_broadcast_of_a_dead_worker_is_closed(half_sent):
    sending.cancel(half_sent)
    sending.tick()
    assert Broadcast.objects.get().completed_at is None
    steps.run_out_leases()
    sending.tick()
    log = steps.log(half_sent)
    assert log["pending"] == 0
    assert sum(log.values()) == 25
    assert Broadcast.objects.get().completed_at is not None


def test_pumps_of_one_host_are_limited(club, mail, server, settings):
    make_contacts(club, 3)
    steps.start(make_broadcast(mail))
    settings.PUMPS = 0
    sending.run_pump(Channel.objects.get().pk)
    assert server.received == []


def test_pumps_that_start_together_do_not_exceed_the_limit(club, mail, server, settings, monkeypatch):
    settings.PUMPS, settings.BATCH_SIZE = 1, 2
    make_contacts(club, 4)
    broadcast = steps.start(make_broadcast(mail))
    first = Batch.objects.earliest("id")
    server.open = lambda: fairness.take(first.pk)  # another one claims between our look and our claim
    sending.run_pump(mail.pk)
    assert server.received == []
    assert Batch.objects.latest("id").state == Batch.State.READY
    assert steps.log(broadcast) == {"pending": 4}
