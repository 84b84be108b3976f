"""Uploads imported in the background: slice by slice, whoever dies, exactly once."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.db.models.functions import Now

from broadcasts import importing
from broadcasts.exceptions import WrongState
from broadcasts.importing import job as job_module
from broadcasts.importing import slices
from broadcasts.models import Attribute, ImportJob, Segment

from .conftest import CSV, counts, go, refused

pytestmark = pytest.mark.usefixtures("small")


def die(monkeypatch, after):
    """Have the worker end without a word after so many chunks."""
    take = job_module.Run.take

    def mortal(self, records):
        nonlocal after
        if not after:
            raise SystemExit
        after -= 1
        take(self, records)

    monkeypatch.setattr(job_module.Run, "take", mortal)


def lapse(job):
    ImportJob.objects.filter(pk=job.pk).update(
        lease_until=Now() - timedelta(seconds=1), modified=Now() - 2 * slices.QUIET
    )


def test_one_slice_goes_on_where_the_other_ended(begin, enqueued, club):
    job = begin()
    for n in (2, 4, 6):
        assert go(job, seconds=0).rows == n
        assert job.lease_until is None
    assert enqueued == [("run_import", job.pk)] * 4
    assert counts(go(job)) == (7, 5, 1, 0, 1)
    assert (job.status, club.contacts.count(), job.progress) == (ImportJob.Status.DONE, 5, 1.0)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_after_a_death_the_next_worker_goes_on_exactly_there(begin, monkeypatch, club, dry_run, after):
    job = begin(dry_run=dry_run)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        die(patch, after)
        go(job)
    assert go(job).status != ImportJob.Status.DONE  # the lease of the dead one holds
    lapse(job)
    assert counts(go(job)) == (7, 5, 1, 0, 1)
    assert club.contacts.count() == (0 if dry_run else 5)
    assert [line for line, *_ in refused(job)] == ["6"]


def test_what_died_within_a_chunk_is_undone_with_its_refused_rows(begin, monkeypatch):
    job = begin()
    go(job, 2, seconds=0)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(job_module.Run, "commit", lambda *args: exit())
        go(job)
    assert job.file("errors.csv").exists()
    lapse(job)
    assert counts(go(job)) == (7, 5, 1, 0, 1)
    assert len(refused(job)) == 1


def test_a_dry_run_whose_worker_died_between_its_databases_begins_again(begin, monkeypatch):
    job = begin(dry_run=True)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("broadcasts.importing.upsert.ContactRehearsal.mark", lambda *args: exit())
        go(job)
    lapse(job)
    assert counts(go(job)) == (7, 5, 1, 0, 1)
    assert not job.file("rehearsal").exists()


def test_a_worker_that_only_seemed_dead_writes_nothing_more(begin, monkeypatch, club):
    job = begin()
    take = job_module.Run.take

    def slow(self, records):
        with monkeypatch.context() as patch:
            patch.setattr(job_module.Run, "take", take)
            lapse(job)
            importing.run_import(job.pk, 0)  # another takes it over meanwhile
        take(self, records)

    with monkeypatch.context() as patch:
        patch.setattr(job_module.Run, "take", slow)
        go(job)
    assert counts(job)[0] == club.contacts.count() == 2
    assert counts(go(job)) == (7, 5, 1, 0, 1)


def test_a_doubled_task_does_nothing(begin, monkeypatch):
    job = begin()
    ImportJob.objects.update(status="running", lease_until=Now() + timedelta(seconds=20), token=1)
    assert counts(go(job)) == (0, 0, 0, 0, 0)


def test_what_kills_every_worker_is_given_up(begin, monkeypatch):
    job = begin()
    die(monkeypatch, 0)
    for _ in range(slices.TRIES):
        with pytest.raises(SystemExit):
            go(job)
        lapse(job)
    assert go(job).status == ImportJob.Status.FAILED
    assert "given up" in job.error_message


def test_a_lost_wake_up_is_sent_again_and_not_too_often(begin, enqueued):
    job = begin()
    enqueued.clear()
    importing.enqueue_waiting()
    assert enqueued == []
    lapse(job)
    importing.enqueue_waiting()
    importing.enqueue_waiting()
    assert enqueued == [("run_import", job.pk)]


def test_a_finished_import_or_one_of_a_command_is_not_enqueued(begin, enqueued, club):
    go(begin())
    importing.import_contacts(club, BytesIO(b"mail\nx@example.com\n"))
    ImportJob.objects.update(modified=Now() - 2 * slices.QUIET)
    ImportJob.objects.filter(source="").update(status="running")
    enqueued.clear()
    importing.enqueue_waiting()
    assert enqueued == []


def test_stopping_keeps_whole_chunks(begin, club):
    job = begin()
    go(job, seconds=0)
    importing.stop(job)
    assert (go(job).status, job.rows, club.contacts.count()) == (ImportJob.Status.STOPPED, 2, 2)
    with pytest.raises(WrongState, match="stopped already"):
        importing.stop(job)


def test_what_waits_is_stopped_at_once(begin):
    job = begin()
    importing.stop(job)
    assert (job.status, go(job).rows) == (ImportJob.Status.STOPPED, 0)


def test_a_running_command_stops_when_it_is_asked_to(club):
    def ask(result):
        importing.stop(result.job)

    result = importing.import_contacts(club, BytesIO(CSV.encode()), on_progress=ask)
    assert (result.job.status, result.job.rows) == (ImportJob.Status.STOPPED, 2)


def test_what_breaks_an_import_is_told(begin, monkeypatch):
    job = begin()
    monkeypatch.setattr(job_module.Run, "take", lambda *args: 1 / 0)
    assert go(job).status == ImportJob.Status.FAILED
    assert "ZeroDivisionError" in job.error_message


def test_an_import_whose_file_is_elsewhere_waits_and_fails_when_it_is_gone(begin):
    job = begin()
    job.source_path.unlink()
    assert go(job).status == ImportJob.Status.WAITING
    ImportJob.objects.update(created=Now() - slices.ELSEWHERE)
    assert go(job).status == ImportJob.Status.FAILED


def test_a_dry_run_is_followed_by_the_import_once(begin, club):
    rehearsal = go(begin(dry_run=True, segment="Spring"))
    assert not Segment.objects.exists()
    job = importing.perform(rehearsal)
    assert importing.perform(rehearsal) == job
    assert counts(go(job)) == counts(rehearsal)
    assert Segment.objects.get().members.count() == 5


def test_a_dry_run_under_way_is_not_followed(begin):
    with pytest.raises(WrongState):
        importing.perform(begin(dry_run=True))


def test_types_learnt_in_one_slice_hold_in_the_next(begin):
    job = begin("mail,code\na@example.com,007\nb@example.com,8\nc@example.com,9\n", dry_run=True)
    go(job, 2, seconds=0)
    assert job.options["types"] == {"code": "text"}
    assert not Attribute.objects.exists()


def test_a_given_type_is_registered(begin, club):
    go(begin("mail,code\na@example.com,7\n", types={"code": "text"}))
    assert Attribute.objects.get().type == "text"
    assert club.contacts.get().attributes == {"code": "7"}


def test_a_column_can_be_named_by_its_place(begin, club):
    go(begin("x,x\na@example.com,Ana\n", mapping={"column 1": "email", "column 2": "full_name"}))
    assert club.contacts.get().full_name == "Ana"


def test_a_line_without_an_end_is_refused_and_costs_its_row_only(begin, monkeypatch, club):
    monkeypatch.setattr("broadcasts.importing.reading.LONGEST", 100)
    job = go(begin(f"mail,name\na@example.com,A\n{'x' * 950}\nb@example.com,B\n"))
    assert counts(job) == (3, 2, 0, 0, 1)
    assert refused(job)[0][0] == "3"
