"""Who came where, from files."""

import csv
from datetime import UTC, datetime

import pytest

from broadcasts import importing
from broadcasts.exceptions import InvalidInput
from broadcasts.importing import job as job_module
from broadcasts.models import Activity, Attendance, Consent, Contact
from tests.make import make_contact

HEADER = "activity,name,starts_at,series,email,status,at\n"


@pytest.fixture(autouse=True)
def apart(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def ana(club):
    return make_contact(club, "ana@example.com", external_id="7")


@pytest.fixture
def load(club):
    def run(content, **options):
        job = importing.begin(club, importing.store([content.encode()]), kind="attendances", **options)
        importing.run_import(job.pk, 60)
        job.refresh_from_db()
        return job

    return run


def counts(job):
    return job.created_count, job.updated_count, job.unchanged_count, job.invalid_count


def reasons(job):
    return [row[2] for row in csv.reader(b"".join(importing.refused_lines(job)).decode().splitlines())][1:]


def test_a_row_is_one_persons_place_in_one_activity(load, ana):
    job = load(HEADER + "y1,Yoga,2026-05-04 18:00,Evening yoga,ana@example.com,attended,2026-05-04T18:05:00Z\n")
    assert counts(job) == (1, 0, 0, 0)
    attendance = Attendance.objects.get()
    assert (attendance.contact, attendance.status) == (ana, "attended")
    assert attendance.at == datetime(2026, 5, 4, 18, 5, tzinfo=UTC)
    activity = attendance.activity
    assert (activity.external_id, activity.name, str(activity.series)) == ("y1", "Yoga", "Evening yoga")


def test_a_time_without_a_zone_is_the_organizations(load, ana, club):
    club.time_zone = "Europe/Madrid"
    club.save()
    load("name,starts_at,email\nYoga,2026-05-04 18:00,ana@example.com\n")
    assert Activity.objects.get().starts_at == datetime(2026, 5, 4, 16, tzinfo=UTC)


@pytest.mark.parametrize("key", ["y1,,", ",Yoga,2026-05-04T18:00Z", ",Yoga,"])
def test_activities_are_found_by_external_id_or_by_name_and_start(load, ana, club, key):
    start = datetime(2026, 5, 4, 18, tzinfo=UTC) if "2026" in key else None
    known = Activity.objects.create(organization=club, external_id="y1", name="Yoga", starts_at=start)
    load(f"activity,name,starts_at,place,email\n{key},Hall 2,ana@example.com\n")
    known.refresh_from_db()
    assert (Activity.objects.get(), str(known.place)) == (known, "Hall 2")


def test_another_start_is_another_activity(load, ana):
    rows = "".join(f"Yoga,2026-05-0{day} 18:00,ana@example.com\n" for day in (4, 5, 5))
    assert counts(load(f"name,starts_at,email\n{rows}")) == (2, 0, 1, 0)
    assert Activity.objects.count() == 2


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_one_pair_is_one_attendance_and_the_last_row_counts(load, ana, monkeypatch, chunk):
    monkeypatch.setattr(job_module, "CHUNK", chunk)
    rows = "y1,Yoga,ana@example.com,booked\ny1,Yoga,ANA@example.com,No show\ny1,,ana@example.com,\n"
    assert counts(load(f"activity,name,email,status\n{rows}")) == (1, 1, 1, 0)
    assert Attendance.objects.get().status == "no_show"
    assert counts(load(f"activity,name,email,status\n{rows}")) == (0, 2, 1, 0)


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("Waitlisted", "waitlisted"),
        ("Late cancelled", "late_cancelled"),
        ("not_registered", "not_registered"),
        ("rescheduled", "rescheduled"),
    ],
)
def test_every_status_is_read(load, ana, cell, status):
    assert counts(load(f"activity,name,email,status\ny1,Yoga,ana@example.com,{cell}\n")) == (1, 0, 0, 0)
    assert Attendance.objects.get().status == status


@pytest.mark.parametrize("person", ["7,,", ",ana@example.com,", ",,+34600000001"])
def test_people_are_found_by_any_key(load, club, person):
    make_contact(club, "ana@example.com", external_id="7", phone="+34600000001")
    assert counts(load(f"external_id,email,phone,name\n{person},Yoga\n")) == (1, 0, 0, 0)


def test_who_is_not_known_is_refused_or_made_where_that_is_asked(load, club):
    content = "name,full_name,email\nYoga,Bo,bo@example.com\n"
    refused = load(content)
    assert counts(refused) == (0, 0, 0, 1)
    assert "no contact with bo@example.com" in reasons(refused)[0]
    assert not Activity.objects.exists()
    assert counts(load(content, create=True)) == (1, 0, 0, 0)
    assert club.contacts.get().full_name == "Bo"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("y1,Yoga,,,,attended,", "no e-mail address"),
        (",,,,ana@example.com,attended,", "names no activity"),
        ("y9,,,,ana@example.com,attended,", "no activity y9 yet"),
        ("y1,Yoga,soon,,ana@example.com,,", "not a date and time"),
        ("y1,Yoga,,,ana@example.com,perhaps,", "none of booked, attended, no_show, cancelled"),
        ("y1,Yoga,,,ana@example.com,,0001-01-01", "not a date and time"),
        ("y1,Yoga,,,ana@example.com", "5 cells"),
        (f"y1,{'x' * 256},,,ana@example.com,,", "256 characters"),
    ],
)
def test_a_wrong_row_is_refused(load, club, row, words):
    club.time_zone = "Asia/Tokyo"
    club.save()
    make_contact(club, "ana@example.com")
    job = load(f"{HEADER}{row}\ny1,Yoga,,,ana@example.com,,\n")
    assert counts(job) == (1, 0, 0, 1)
    assert words in reasons(job)[0]


def test_an_activity_does_not_end_before_it_starts(load, ana, club):
    start = datetime(2026, 5, 4, tzinfo=UTC)
    Activity.objects.create(organization=club, external_id="y1", name="Yoga", starts_at=start)
    job = load("activity,ends_at,email\ny1,2026-05-03,ana@example.com\ny1,2026-05-05,ana@example.com\n")
    assert counts(job) == (1, 0, 0, 1)
    assert Activity.objects.get().ends_at == datetime(2026, 5, 5, tzinfo=UTC)


def test_json_lines_carry_the_same_fields(load, ana):
    line = '{"activity": "y1", "name": "Yoga", "starts_at": "2026-05-04T18:00Z", "external_id": 7, "status": "booked"}'
    assert counts(load(f'{line}\n{{"shoe": 1}}\n', format="jsonl")) == (1, 0, 0, 1)


def test_a_dry_run_writes_nothing(load, ana):
    job = load("name,email,full_name\nYoga,ana@example.com,\nYoga,bo@example.com,Bo\n", dry_run=True, create=True)
    assert counts(job) == (2, 0, 0, 0)
    assert not Attendance.objects.exists() and not Activity.objects.exists()
    assert Contact.objects.count() == 1


def test_a_file_of_attendances_joins_no_segment_and_tells_no_consent(load, ana):
    for option in ({"segment": "Spring"}, {"consent": {"source": "x", "wording": "y"}}):
        with pytest.raises(InvalidInput, match="has none"):
            load("name,email\nYoga,ana@example.com\n", **option)
    assert not Consent.objects.exists()


def test_others_people_and_activities_are_neither_seen_nor_touched(load, elsewhere):
    make_contact(elsewhere, "ana@example.com")
    theirs = Activity.objects.create(organization=elsewhere, external_id="y1", name="Theirs")
    assert counts(load("activity,name,email\ny1,Ours,ana@example.com\n", create=True)) == (1, 0, 0, 0)
    theirs.refresh_from_db()
    assert (theirs.name, Activity.objects.count(), Contact.objects.count()) == ("Theirs", 2, 2)


def test_a_chunk_costs_few_queries(load, club, django_assert_max_num_queries):
    people = [make_contact(club) for _ in range(5)]
    rows = "".join(f"a{n},A{n},{person.email},booked\n" for n in range(20) for person in people)
    with django_assert_max_num_queries(36):
        assert counts(load(f"activity,name,email,status\n{rows}")) == (100, 0, 0, 0)
