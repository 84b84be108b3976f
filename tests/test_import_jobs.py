"""Uploads imported in the background: slice by slice, whoever dies, exactly once."""

import csv
from datetime import timedelta
from io import BytesIO

import pytest
from django.db.models.functions import Now

from broadcasts import importing
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.importing import job as job_module
from broadcasts.importing import slices
from broadcasts.models import Attribute, Consent, ConsentChange, Contact, ImportJob, Segment, Suppression

from .make import make_contact

LINES = "".join(f"p{n}@example.com,{n}\n" for n in range(4)) + "bad,4\n" + "p5@example.com,5\np5@example.com,6\n"
CSV = f"mail,age\n{LINES}"


@pytest.fixture(autouse=True)
def small(monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(job_module, "CHUNK", 2)


@pytest.fixture
def enqueued(monkeypatch):
    found = []
    for module in (slices, importing.lifecycle):
        monkeypatch.setattr(module, "enqueue", lambda *task: found.append(task))
    monkeypatch.setattr(slices, "queue_is_full", lambda: False)
    return found


@pytest.fixture
def begin(club, enqueued):
    def run(content=CSV, **options):
        return importing.begin(club, importing.store([content.encode()]), filename="people.csv", **options)

    return run


def go(job, times=1, seconds=60.0):
    for _ in range(times):
        importing.run_import(job.pk, seconds)
    job.refresh_from_db()
    return job


def counts(job):
    return job.rows, job.created_count, job.updated_count, job.unchanged_count, job.invalid_count


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


def refused(job):
    return list(csv.reader(b"".join(importing.refused_lines(job)).decode().splitlines()))[1:]


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


def test_what_cannot_be_imported_leaves_no_file(begin, tmp_path):
    with pytest.raises(InvalidInput):
        begin("name\nAna\n")
    assert not list(tmp_path.glob("imports/*"))


def test_an_upload_that_is_too_large_leaves_no_file(settings, tmp_path):
    settings.IMPORT_MAX_MB = 1
    with pytest.raises(InvalidInput, match="larger than 1 MB"):
        importing.store(b"x" * 100_000 for _ in range(11))
    assert not list(tmp_path.glob("imports/*"))


def test_a_line_without_an_end_is_refused_and_costs_its_row_only(begin, monkeypatch, club):
    monkeypatch.setattr("broadcasts.importing.reading.LONGEST", 100)
    job = go(begin(f"mail,name\na@example.com,A\n{'x' * 950}\nb@example.com,B\n"))
    assert counts(job) == (3, 2, 0, 0, 1)
    assert refused(job)[0][0] == "3"


# JSON lines.


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("{", "", "not JSON"),
        ("[1]", "", "one object"),
        ('{"email": "x"}', "email", "no @"),
        ('{"email": true}', "email", "text"),
        ('{"email": ["a@example.com"]}', "email", "text"),
        ('{"email": "a@example.com", "shoe": 1}', "shoe", "accepted: email"),
        ('{"email": "a@example.com", "attributes": []}', "attributes", "object"),
        ('{"email": "a@example.com", "attributes": {"No key": 1}}', "attributes.No key", "small letters"),
        ('{"email": "a@example.com", "attributes": {"age": "x"}}', "attributes.age", "a number"),
        ('{"email": "a@example.com", "attributes": {"age": 1e999}}', "attributes.age", "too large"),
        ('{"email": "a@example.com", "attributes": {"age": {"x": 1}}}', "attributes.age", "cannot be"),
        ('{"email": "a@example.com", "attributes": {"note": ["a\\u0000"]}}', "attributes.note", "NUL"),
        ('{"email": "a@example.com", "full_name": "\\ud800"}', "full_name", "not text"),
        ('{"full_name": "Ana"}', "", "no e-mail address"),
        ('{"email": NaN}', "", "no number"),
        ("[" * 100_000, "", "not JSON"),
    ],
)
def test_a_line_that_is_wrong_is_refused_with_its_field(begin, club, line, column, words):
    Attribute.objects.create(organization=club, key="age", type="number")
    job = go(begin(f'{{"email": "first@example.com"}}\n{line}\n\n{{"email": "last@example.com"}}\n', format="jsonl"))
    assert counts(job) == (3, 2, 0, 0, 1)
    ((number, named, reason, _),) = refused(job)
    assert (number, named) == ("2", column)
    assert words in reason


def test_json_keeps_types_and_what_the_api_shows_is_taken_back(begin, club):
    line = (
        '{"uuid": "x", "id": 1, "status": "blocked", "external_id": 7, "full_name": "Ana", "phone": "600123456", '
        '"attributes": {"age": 5, "vip": true, "tags": ["a", "b"], "plan": "pro", "since": "2026-01-31", "none": null}}'
    )
    go(begin(f"{line}\n", format="jsonl"))
    contact = club.contacts.get()
    assert (contact.external_id, contact.status, contact.phone) == ("7", "active", "+34600123456")
    assert contact.attributes == {"age": 5, "vip": True, "tags": ["a", "b"], "plan": "pro", "since": "2026-01-31"}
    types = dict(club.attributes.values_list("key", "type"))
    assert types == {"age": "number", "vip": "boolean", "tags": "list", "plan": "text", "since": "date"}


# Consent and suppressions.

YES = {"source": "Spring form", "wording": "Yes, write to me"}


def test_suppressed_people_are_counted(begin, club):
    contact = make_contact(club, "p1@example.com")
    Suppression.objects.create(organization=club, address_hash=contact.email_hash, reason="hard_bounce")
    job = go(begin())
    assert job.suppressed_count == 1
    assert go(begin(dry_run=True)).suppressed_count == 1


def test_a_yes_is_written_with_its_evidence_once(begin, club):
    job = go(begin("mail\na@example.com\na@example.com\n", consent=YES))
    consent = Consent.objects.get()
    assert (consent.medium, consent.use_case, consent.state) == ("email", "marketing", "granted")
    change = ConsentChange.objects.get()
    assert (change.source, change.evidence["wording"]) == ("Spring form", "Yes, write to me")
    assert change.evidence["import"] == str(job.uuid)
    go(begin("mail\na@example.com\n", consent=YES))
    assert ConsentChange.objects.count() == 1


def refuse(contact, how):
    if how == "suppressed":
        Suppression.objects.create(
            organization=contact.organization, address_hash=contact.email_hash, reason="unsubscribe"
        )
    elif how == "blocked":
        Contact.objects.filter(pk=contact.pk).update(status="blocked")
    else:
        use_case, state = how
        Consent.objects.create(contact=contact, medium="email", use_case=use_case, state=state)


@pytest.mark.parametrize(
    "how", ["suppressed", "blocked", ("marketing", "withdrawn"), ("marketing", "pending"), ("general", "withdrawn")]
)
def test_a_yes_is_never_written_over_a_no(begin, club, how):
    contact = make_contact(club, "a@example.com")
    refuse(contact, how)
    before = list(Consent.objects.values("use_case", "state")), list(Suppression.objects.values("reason"))
    go(begin("mail,name\na@example.com,New\n", consent=YES))
    assert before == (list(Consent.objects.values("use_case", "state")), list(Suppression.objects.values("reason")))
    assert not ConsentChange.objects.exists()


def test_who_has_no_such_address_said_nothing(begin):
    go(begin("mail,phone\n,600123456\n", consent=YES))
    assert not Consent.objects.exists()


def test_a_dry_run_writes_no_consent(begin):
    go(begin(consent=YES, dry_run=True))
    assert not Consent.objects.exists()


# The upload itself: people's data, kept no longer than something reads it.


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


@pytest.mark.parametrize("header", ["medium", "channel_kind", "channel kind", "channel"])
def test_a_list_of_suppressions_may_say_medium_by_its_former_names(begin, club, header):
    go(begin(f"address,{header}\n+34600000001,sms\n", kind="suppressions"))
    assert Suppression.objects.get().medium == "sms"


def test_suppressions_that_an_older_version_wrote_as_json_are_read(begin, club):
    line = '{"address": "+34600000001", "channel_kind": "sms"}'
    go(begin(line, kind="suppressions", format="jsonl"))
    assert Suppression.objects.get().medium == "sms"
