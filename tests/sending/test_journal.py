"""What a dead worker's journal tells, and when it is not to be believed."""

import os
import subprocess
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from broadcasts import sending, stats
from broadcasts.exceptions import LeaseLost
from broadcasts.models import Batch, Delivery
from broadcasts.sending import journal as journals
from broadcasts.sending.journal import Journal, seal
from broadcasts.sending.lease import HOST
from broadcasts.transports import Receipt, TransportError
from tests.make import make_broadcast, make_contacts

from . import steps
from .test_recovery import Killed, kill_after

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def killed(club, mail, server):
    """A broadcast to 25 whose worker died in its second window: 10 recorded, 4 taken since, one under way."""
    make_contacts(club, 25)
    broadcast = steps.start(make_broadcast(mail))
    kill_after(broadcast, server, 14)
    steps.run_out_leases()
    return broadcast


def files():
    folder = journals._path(0, 0).parent
    return list(folder.iterdir()) if folder.exists() else []


def test_only_what_was_under_way_is_unknown_after_a_kill(killed):
    sending.tick()
    assert steps.log(killed) == {"sent": 14, "unknown": 1, "pending": 10}
    assert stats.counts([killed])[killed.pk]["sent"] == 14
    assert files() == []


def test_what_had_not_begun_is_sent_after_a_kill_and_nobody_gets_two(killed, server):
    sending.tick()
    steps.pump(killed)
    sending.tick()
    steps.pump(killed)
    assert steps.log(killed) == {"sent": 24, "unknown": 1}
    assert set(server.copies.values()) == {1}


def test_without_its_journal_all_of_a_dead_workers_window_is_unknown(killed):
    for path in files():
        path.unlink()
    sending.tick()
    assert steps.log(killed)["sent"] == 10
    assert steps.log(killed)["unknown"] > 1


def test_a_journal_of_an_earlier_run_of_the_machine_tells_nothing(killed):
    [path] = files()
    path.write_bytes(path.read_bytes().replace(journals._boot().encode(), b"another-run"))
    sending.tick()
    assert steps.log(killed)["sent"] == 10


def test_a_journal_that_a_database_of_earlier_left_is_not_believed(killed):
    Batch.objects.filter(state="leased").update(owner=f"{HOST}:1")
    sending.tick()
    assert steps.log(killed)["sent"] == 10


def test_the_lease_of_a_worker_that_was_killed_here_ends_at_once(killed):
    Batch.objects.filter(state="leased").update(lease_until=Now() + timedelta(seconds=20))
    sending.tick()
    assert Batch.objects.filter(state="leased").exists()  # this process lives
    killed_worker = subprocess.Popen(["true"])
    killed_worker.wait()
    Batch.objects.filter(state="leased").update(owner=f"{HOST}:{killed_worker.pid}")
    sending.tick()
    assert not Batch.objects.filter(state="leased").exists()


def test_a_batch_of_another_host_is_left_to_it_for_a_while(killed, monkeypatch):
    monkeypatch.setattr("broadcasts.sending.recovery.HOST", "elsewhere")
    sending.tick()
    assert steps.log(killed) == {"sent": 10, "pending": 15}


def test_a_worker_that_was_frozen_begins_nothing_after_its_journal_was_sealed():
    with Journal(1, 1, "here:1") as journal:
        journal.begin([7])
        assert seal(1, 1, "here:1").begun == {7}
        with pytest.raises(LeaseLost):
            journal.begin([8])
        assert seal(1, 1, "here:1").begun == {7}


def test_an_answer_tells_what_became_of_a_copy_that_had_begun():
    with Journal(1, 1, "here:1") as journal:
        for pk in (1, 2, 3, 4):
            journal.begin([pk])
        journal.end(1, Receipt(segments=3))
        journal.end(2, TransportError("451 later"))
        journal.end(3, TransportError("lost", handed_over=True))
        journal.write()
        told = seal(1, 1, "here:1")
    assert (told.taken, told.begun) == ({1: 3}, {3, 4})


def test_a_worker_without_a_disk_sends_and_leaves_no_journal_that_tells_half(killed, server, monkeypatch):
    sending.tick()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    steps.pump(killed)
    assert steps.log(killed)["sent"] == 24 - Delivery.objects.filter(due_at__isnull=False).count()
    assert files() == []


def test_a_worker_that_dies_on_a_full_disk_dies_of_what_it_died_of(monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    with pytest.raises(Killed), Journal(1, 1, "here:1") as journal:
        journal.begin([7])
        journal.end(7, Receipt())
        monkeypatch.setattr(os, "write", full)
        raise Killed
    assert files() == []


def test_a_worker_that_was_sealed_out_begins_nothing_on_a_full_disk_either(monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    with Journal(1, 1, "here:1") as journal:
        seal(1, 1, "here:1")
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(LeaseLost):
            journal.begin([7])


def test_a_worker_that_ends_in_order_leaves_no_journal(club, mail, server):
    make_contacts(club, 3)
    steps.send(make_broadcast(mail))
    assert files() == []


def test_what_a_batch_left_that_another_host_recovered_is_removed_after_a_day(killed, monkeypatch):
    monkeypatch.setattr(journals, "forget", lambda *lease: None)
    sending.tick()
    [path] = files()
    assert (journals.forget_old(), files()) == (0, [path])
    os.utime(path, (0, 0))
    assert (journals.forget_old(dry_run=True), files()) == (1, [path])
    assert (journals.forget_old(), files()) == (1, [])
