"""Many at once, on real connections: whoever is first wins, and nobody gets two copies."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread, current_thread
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, transaction

from broadcasts import sending, stats, tasks, tracking
from broadcasts.database import waiting
from broadcasts.exceptions import WrongState
from broadcasts.models import Batch, Broadcast, Channel, Delivery
from broadcasts.sending import closing, expansion, fairness, outcomes, recovery, rounds
from broadcasts.sending.window import Windows
from broadcasts.tracking import recording
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contact, make_contacts

from . import steps

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(n, act, *args):
    """Run something n times in threads of their own; returns results and errors."""

    def run(_):
        try:
            return act(*args)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


@pytest.fixture
def broadcast(club, mail, server):
    make_contacts(club, 60)
    return make_broadcast(mail)


def test_five_sends_at_once_have_one_winner(broadcast):
    results = at_once(5, lambda: sending.send(Broadcast.objects.get(pk=broadcast.pk)))
    assert [type(result) for result in results if result] == [WrongState] * 4
    assert Broadcast.objects.get().status == Broadcast.Status.SENDING


def test_expansions_at_once_make_every_row_once(broadcast, monkeypatch):
    monkeypatch.setattr("broadcasts.sending.expansion.CHUNK", 7)
    sending.send(broadcast)
    assert at_once(4, sending.expand, broadcast.pk, 60) == [None] * 4
    assert Delivery.objects.count() == 60


def test_pumps_at_once_send_every_copy_once(broadcast, server, settings):
    settings.BATCH_SIZE, settings.PUMPS = 7, 4
    steps.start(broadcast)
    assert at_once(4, sending.run_pump, broadcast.messages.get().channel_id) == [None] * 4
    assert set(server.copies.values()) == {1}
    assert steps.log(broadcast) == {"sent": 60}


def test_broadcasts_expanded_and_sent_at_once_keep_to_the_frequency_cap(club, mail, server, settings, monkeypatch):
    club.frequency_cap, settings.BATCH_SIZE, settings.PUMPS = 1, 7, 4
    club.save()
    make_contacts(club, 20)
    first, *others = [make_broadcast(mail, subject=f"Offer {n}", use_case="marketing") for n in range(3)]
    for one in (first, *others):
        sending.send(one)
    cut, threads = expansion.cut, []

    def be_overtaken(*args):
        """Have the others begin while the rows of the first are written, and cannot be seen yet."""
        if not threads:
            threads.extend(Thread(target=at_once, args=(1, sending.expand, one.pk, 60)) for one in others)
            for thread in threads:
                thread.start()
            threads[0].join(0.3)
        return cut(*args)

    monkeypatch.setattr(expansion, "cut", be_overtaken)
    sending.expand(first.pk, seconds=60)
    for thread in threads:
        thread.join()
    assert Delivery.objects.filter(status="pending").count() == 20
    assert at_once(4, sending.run_pump, mail.pk) == [None] * 4
    sending.run_pump(mail.pk)
    assert (len(server.copies), set(server.copies.values())) == (20, {1})
    assert [steps.log(one) for one in (first, *others)] == [{"sent": 20}, {"skipped": 20}, {"skipped": 20}]
    assert [one["skipped"] for one in stats.counts(others).values()] == [20, 20]


def test_ticks_at_once_gather_every_retry_once(broadcast, server):
    steps.start(broadcast)
    Delivery.objects.update(due_at="2026-01-01T00:00:00Z")
    assert at_once(4, sending.tick) == [None] * 4
    assert Delivery.objects.filter(due_at=None, batch__isnull=False).count() == 60
    steps.pump(broadcast)
    assert set(server.copies.values()) == {1}


def test_ticks_at_once_let_every_copy_fall_back_once(club, mail, server, settings):
    settings.BATCH_SIZE = 7
    people = [make_contact(club, phone=f"+346000000{n:02}") for n in range(20)]
    sms = Channel.objects.create(organization=club, name="SMS", kind="console", address_field="phone")
    broadcast = make_broadcast(mail, channel_policy="fallback")
    broadcast.messages.create(channel=sms, position=1).translations.create(language="en", text="Closed")
    server.answers = {one.email: TransportError("550 no such user", permanent=True) for one in people}
    steps.send(broadcast)
    assert at_once(4, sending.tick) == [None] * 4
    steps.pump(broadcast)
    assert server.copies == {one.phone: 1 for one in people}
    counted = stats.counts([broadcast])[broadcast.pk]
    assert [counted[name] for name in ("contacts", "recipients", "fallbacks", "sent")] == [20] * 4


def test_closes_at_once_write_a_cancel_down_once(broadcast, settings):
    settings.BATCH_SIZE = 7
    steps.start(broadcast)
    sending.cancel(broadcast)
    assert at_once(4, sending.close, broadcast.pk) == [None] * 4
    sending.tick()
    assert steps.log(broadcast) == {"cancelled": 60}
    assert stats.counts([Broadcast.objects.get()])[broadcast.pk]["cancelled"] == 60
    assert Broadcast.objects.get().completed_at


def test_tasks_of_all_kinds_at_once_send_every_copy_once(broadcast, server, settings, monkeypatch):
    """As when a queue delivers everything twice."""
    settings.BATCH_SIZE, settings.PUMPS = 7, 4
    monkeypatch.setattr("broadcasts.sending.expansion.CHUNK", 11)
    sending.send(broadcast)
    channel = broadcast.messages.get().channel_id
    doubled = iter(2 * [lambda: tasks.start(broadcast.pk), lambda: tasks.pump(channel), tasks.tick])
    assert at_once(6, lambda: next(doubled)()) == [None] * 6
    while Broadcast.objects.filter(expanded_at=None).exists():  # on a slow machine it takes several turns
        tasks.start(broadcast.pk)
    tasks.close(broadcast.pk)
    steps.pump(broadcast)
    assert set(server.copies.values()) == {1}
    assert steps.log(broadcast) == {"sent": 60}
    assert stats.counts([broadcast])[broadcast.pk]["sent"] == 60


def test_a_retry_that_is_gathered_while_a_cancel_is_written_down_is_cancelled_too(broadcast, monkeypatch):
    steps.start(broadcast)
    Delivery.objects.update(due_at="2026-01-01T00:00:00Z")
    found, cancelled = Event(), Event()
    gatherer = Thread(target=lambda: at_once(1, rounds.gather))

    def meet():
        """Let the gatherer find its rows before the cancel, and move them once the close has begun."""
        if current_thread() is not closer:
            found.set()
            cancelled.wait(5)
        elif not cancelled.is_set():
            cancelled.set()
            gatherer.join()
        return transaction.atomic()

    closer = current_thread()
    for module in (rounds, closing):
        monkeypatch.setattr(module, "transaction", SimpleNamespace(atomic=meet))
    gatherer.start()
    found.wait(5)
    sending.cancel(broadcast)
    sending.close(broadcast.pk)
    sending.tick()
    assert steps.log(broadcast) == {"cancelled": 60}
    assert not Batch.objects.exclude(state="done").exists()


@pytest.mark.parametrize("reading", [1, 2])
def test_a_resend_while_the_broadcast_ends_is_sent(broadcast, server, monkeypatch, reading):
    bob = broadcast.organization.contacts.first().email
    server.answers[bob] = TransportError("The connection broke after the message", handed_over=True)
    steps.send(broadcast)
    server.answers.clear()
    row = steps.delivery(broadcast, bob)
    Broadcast.objects.update(status="SENDING", completed_at=None)
    staff = Thread(target=lambda: at_once(1, sending.resend, row))
    counts, calls = stats.counts, []

    def count_and_be_overtaken(broadcasts):
        numbers = counts(broadcasts)
        calls.append(numbers)
        if len(calls) == reading:
            staff.start()
            staff.join(0.5)
        return numbers

    monkeypatch.setattr(stats, "counts", count_and_be_overtaken)
    closing.finish(row.message_id)
    staff.join()
    sending.tick()
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 60}
    assert broadcast.status == Broadcast.Status.SENT


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_commit_whose_answer_is_lost_counts_once_and_goes_on(broadcast, server, monkeypatch, nth):
    steps.start(broadcast)
    commits = []

    @contextmanager
    def atomic():
        with transaction.atomic():
            yield
        commits.append(1)
        if len(commits) == nth:
            raise OperationalError("the connection is lost")

    monkeypatch.setattr(waiting, "transaction", SimpleNamespace(atomic=atomic))
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 60}
    assert stats.counts([broadcast])[broadcast.pk]["sent"] == 60
    assert set(server.copies.values()) == {1}
    assert broadcast.status == Broadcast.Status.SENT


def test_what_was_sent_is_recorded_when_the_database_is_lost_before_the_commit(broadcast, server, monkeypatch):
    steps.start(broadcast)
    read, asked = Windows.read, []

    def read_but_once_in_vain(windows, *args):
        asked.append(1)
        if len(asked) == 2:
            raise OperationalError("the connection is lost")
        return read(windows, *args)

    monkeypatch.setattr(Windows, "read", read_but_once_in_vain)
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 60}
    assert set(server.copies.values()) == {1}


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="one writer at a time cannot wait for another in a circle")
def test_news_of_a_delivery_that_is_being_recorded_waits_and_nobody_is_turned_away(broadcast, server, monkeypatch):
    steps.start(broadcast)
    row = Delivery.objects.earliest("pk")
    told, commit_errors = Event(), []
    add_to_batches, durably = recording.add_to_batches, outcomes.durably

    def dawdle(*args):
        told.set()
        time.sleep(0.3)
        return add_to_batches(*args)

    def watched(write, is_written):
        def attempt():
            try:
                write()
            except OperationalError as error:
                commit_errors.append(error)
                raise

        durably(attempt, is_written)

    monkeypatch.setattr(recording, "add_to_batches", dawdle)
    monkeypatch.setattr(outcomes, "durably", watched)
    with ThreadPoolExecutor(1) as scanner:

        def tell(envelope):
            server.before = lambda envelope: None
            news.append(scanner.submit(at_once, 1, tracking.record, row, "opened"))
            told.wait(5)

        news = []
        server.before = tell
        steps.pump(broadcast)
    assert news[0].result() == [True]
    assert commit_errors == []
    assert stats.counts([broadcast])[broadcast.pk]["opened"] == 1


def recover(broadcast):
    lease = fairness.claim(broadcast.messages.get().channel)
    Batch.objects.filter(pk=lease.batch_id).update(started_through=Delivery.objects.earliest("pk").pk)
    steps.run_out_leases()
    return recovery.recover


def close(broadcast):
    sending.cancel(broadcast)
    return lambda: sending.close(broadcast.pk)


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="one writer at a time cannot wait for another in a circle")
@pytest.mark.parametrize("prepare", [recover, close])
def test_news_of_a_delivery_makes_nobody_wait_in_a_circle(broadcast, monkeypatch, prepare):
    steps.start(broadcast)
    act = prepare(broadcast)
    told, add_to_batches = Event(), recording.add_to_batches

    def dawdle(*args):
        told.set()
        time.sleep(0.3)
        return add_to_batches(*args)

    monkeypatch.setattr(recording, "add_to_batches", dawdle)
    with ThreadPoolExecutor(1) as teller:
        news = teller.submit(at_once, 1, tracking.record, Delivery.objects.earliest("pk"), "opened")
        told.wait(5)
        act()
    assert news.result() == [True]
    assert stats.counts([broadcast])[broadcast.pk]["opened"] == 1


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="its locks end with the process alone")
def test_a_session_that_is_frozen_amid_a_transaction_is_ended_by_the_database():
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("30s",)


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="it compiles nothing")
def test_no_query_waits_until_the_database_has_compiled_it():
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)
