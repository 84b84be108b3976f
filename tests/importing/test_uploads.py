"""The upload of an import: personal data, kept no longer than something reads it."""

import pytest

from broadcasts import importing
from broadcasts.exceptions import InvalidInput
from broadcasts.importing import job as job_module
from broadcasts.models import ImportJob

from .conftest import CSV, counts, go, refused

pytestmark = pytest.mark.usefixtures("small")


def test_what_cannot_be_imported_leaves_no_file(begin, tmp_path):
    with pytest.raises(InvalidInput):
        begin("name\nAna\n")
    assert not list(tmp_path.glob("imports/*"))


def test_an_upload_that_is_too_large_leaves_no_file(settings, tmp_path):
    settings.IMPORT_MAX_MB = 1
    with pytest.raises(InvalidInput, match="larger than 1 MB"):
        importing.store(b"x" * 100_000 for _ in range(11))
    assert not list(tmp_path.glob("imports/*"))


def uploads(job):
    return sorted(path.name for path in job.file("upload").parent.glob("*.upload"))


def test_an_upload_goes_when_its_import_is_done(begin):
    job = begin()
    go(job, seconds=0)
    assert uploads(job) == [job.source]
    go(job)
    assert (job.status, job.source, uploads(job)) == (ImportJob.Status.DONE, "", [])
    assert len(refused(job)) == 1


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_upload_goes_when_its_import_failed(begin, monkeypatch, dry_run):
    job = begin(dry_run=dry_run)
    monkeypatch.setattr(job_module.Run, "take", lambda *args: 1 / 0)
    assert (go(job).status, uploads(job)) == (ImportJob.Status.FAILED, [])


@pytest.mark.parametrize("slices_before", [0, 1])
def test_an_upload_goes_when_its_import_was_stopped(begin, slices_before):
    job = go(begin(), slices_before, seconds=0)
    importing.stop(job)
    assert (go(job).status, job.source, uploads(job)) == (ImportJob.Status.STOPPED, "", [])


def test_an_upload_that_was_not_started_goes_when_it_is_stopped(club, enqueued):
    job = importing.upload(club, importing.store([CSV.encode()]))
    importing.stop(job)
    assert uploads(job) == []


@pytest.mark.parametrize("is_stopped", [False, True])
def test_the_upload_of_a_dry_run_stays_until_it_was_followed(begin, club, is_stopped):
    rehearsal = go(begin(dry_run=True), seconds=0)
    if is_stopped:
        importing.stop(rehearsal)
    assert uploads(go(rehearsal)) == [rehearsal.source]
    job = importing.perform(rehearsal)
    assert (rehearsal.source, uploads(job)) == ("", [job.source])
    assert importing.perform(rehearsal) == job
    assert (counts(go(job)), uploads(job)) == ((7, 5, 1, 0, 1), [])


def test_a_file_is_called_by_its_name_alone(club, enqueued):
    job = importing.upload(club, importing.store([b"mail\n"]), filename="../../evil\x07.py")
    assert (job.filename, job.source.endswith(".upload")) == ("evil.py", True)
