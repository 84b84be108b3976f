"""Files by the API: streamed to disk, refused at once or imported in the background."""

import json
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from broadcasts import importing
from broadcasts.models import Attendance, Contact, ImportJob, Segment

from .conftest import client_of

CONTACTS = "/api/contacts/import/"
ATTENDANCES = "/api/attendances/import/"
IMPORTS = "/api/imports/"
CSV = "mail,name\na@example.com,Ana\nbad,Bo\n"


@pytest.fixture
def put(api):
    def send(body=CSV, url=CONTACTS, type_="text/csv", client=api, **options):
        headers = {name: options.pop(name) for name in list(options) if name.startswith("HTTP_")}
        data = body if isinstance(body, bytes) else body.encode()
        query = {name: json.dumps(each) if isinstance(each, dict) else each for name, each in options.items()}
        return client.post(url, data, content_type=type_, query_params=query, **headers)

    return send


def finished(answer):
    assert answer.status_code == 202, answer.json()
    job = ImportJob.objects.get(uuid=answer.json()["uuid"])
    importing.run_import(job.pk)
    job.refresh_from_db()
    return job


def test_a_csv_is_taken_and_imported_in_the_background(put, api, club):
    answer = put()
    assert (answer.status_code, answer.json()["status"]) == (202, "waiting")
    job = finished(answer)
    told = api.get(f"{IMPORTS}{job.uuid}/").json()
    assert (told["status"], told["progress"], told["mapping"]) == ("done", 1.0, {"mail": "email", "name": "full_name"})
    assert told["counts"] == {
        "rows": 2, "created": 1, "updated": 0, "unchanged": 0, "invalid": 1, "suppressed": 0,
    }  # fmt: skip
    assert club.contacts.get().full_name == "Ana"


def test_what_was_refused_is_a_csv(put, api):
    job = finished(put())
    answer = api.get(f"{IMPORTS}{job.uuid}/errors/")
    assert answer["Content-Type"].startswith("text/csv")
    header, row = b"".join(answer.streaming_content).decode().splitlines()
    assert header == "line,column,reason,value"
    assert row.startswith("3,mail,")


@pytest.mark.parametrize("type_", ["application/x-ndjson", "application/jsonl"])
def test_json_lines_name_fields_as_the_api_does(put, club, type_):
    lines = (
        '{"email": "a@example.com", "full_name": "Ana", "attributes": {"age": 5, "tags": ["x"]}}\n{"email": 1}\n[]\n'
    )
    job = finished(put(lines, type_=type_))
    assert (job.created_count, job.invalid_count) == (1, 2)
    assert club.contacts.get().attributes == {"age": 5, "tags": ["x"]}


@pytest.mark.parametrize(
    ("name", "body"), [("people.csv", b"mail\na@example.com\n"), ("people.jsonl", b'{"email": "a@example.com"}\n')]
)
def test_a_form_may_carry_the_file(api, club, name, body):
    job = finished(api.post(CONTACTS, {"file": SimpleUploadedFile(name, body)}, format="multipart"))
    assert (job.filename, club.contacts.get().email) == (name, "a@example.com")


def test_a_dry_run_writes_nothing(put, club):
    job = finished(put(dry_run="true"))
    assert (job.dry_run, job.created_count, job.invalid_count) == (True, 1, 1)
    assert not club.contacts.exists()


def test_options_are_query_parameters(put, club):
    segment = Segment.objects.create(organization=club, name="Spring", kind="static")
    body = "wer;größe\na@example.com;1\n".encode("cp1252")
    finished(put(body, segment=str(segment.uuid), delimiter=";", encoding="cp1252", mapping={"wer": "email"}))
    assert segment.members.get().contact.attributes == {"grosse": 1}


@pytest.mark.parametrize(
    ("body", "options", "field", "words"),
    [
        ("", {}, "file", "empty"),
        ("name\nAna\n", {}, "mapping", "Accepted: email"),
        (CSV, {"mapping": {"mail": "shoe"}}, "mapping", "“mail” cannot be “shoe”; accepted: email"),
        (CSV, {"mapping": {"nobody": "email"}}, "mapping", "no column “nobody”"),
        (CSV, {"mapping": "["}, "mapping", "not JSON"),
        (CSV, {"mapping": "[]"}, "mapping", "object"),
        (CSV, {"types": {"age": "shoe"}}, "types", "none of"),
        (CSV, {"delimiter": "::"}, "delimiter", "not one character"),
        (CSV, {"encoding": "klingon"}, "encoding", "not an encoding"),
        (CSV, {"encoding": "undefined"}, "encoding", "cannot be read"),
        (CSV, {"dry_run": "perhaps"}, "dry_run", "boolean"),
        (CSV, {"shoe": "1"}, "shoe", "Unknown"),
        (CSV, {"segment": "01900000-0000-7000-8000-000000000000"}, "segment", "no segment"),
        (CSV, {"consent": {"source": "form"}}, "consent", "wording"),
        (CSV, {"consent": {"use_case": "x"}}, "consent", "none of marketing"),
    ],
)
def test_what_is_wrong_with_a_whole_file_is_a_400_at_once(put, settings, tmp_path, body, options, field, words):
    settings.DATA_DIR = tmp_path
    answer = put(body, **options)
    assert answer.status_code == 400
    assert words in " ".join(answer.json()[field])
    assert not ImportJob.objects.exists()
    assert not list(tmp_path.glob("imports/*"))


def test_json_lines_that_are_none_are_a_400(put):
    assert "not JSON" in put("mail\n", type_="application/jsonl").json()["file"][0]


def test_another_type_is_415_and_too_much_is_413(put, settings):
    assert put("{}", type_="application/json").status_code == 415
    settings.IMPORT_MAX_MB = 0
    assert put().status_code == 413


def test_a_repeated_upload_with_the_same_key_is_one_import(put):
    first, second = put(HTTP_IDEMPOTENCY_KEY="one"), put(HTTP_IDEMPOTENCY_KEY="one")
    assert (second.status_code, second.json()["uuid"]) == (202, first.json()["uuid"])
    assert put(CSV + "c@example.com,C\n", HTTP_IDEMPOTENCY_KEY="one").status_code == 409
    assert ImportJob.objects.count() == 1


def test_a_repeated_upload_leaves_no_file_behind(put, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    for _ in range(2):
        put(HTTP_IDEMPOTENCY_KEY="one")
    assert len(list(tmp_path.glob("imports/*"))) == 1


def test_a_body_that_ends_early_is_not_imported(api, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    headers = {"wsgi.input": BytesIO(CSV.encode()), "CONTENT_LENGTH": "9999"}
    answer = api.generic("POST", CONTACTS, content_type="text/csv", **headers)
    assert "ended after" in answer.json()["detail"]
    assert not list(tmp_path.glob("imports/*"))


def test_a_body_of_unknown_length_is_read_to_its_end(api, club):
    headers = {"wsgi.input": BytesIO(CSV.encode()), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    finished(api.generic("POST", CONTACTS, content_type="text/csv", **headers))
    assert club.contacts.count() == 1


def test_a_spreadsheet_is_refused_in_words(put):
    assert "spreadsheet" in put(b"PK\x03\x04\0\0").json()["file"][0]


def test_refused_values_are_no_formulas(put, api):
    job = finished(put('mail,name\n"=cmd|x",Bo\n'))
    assert b",'=cmd" in b"".join(api.get(f"{IMPORTS}{job.uuid}/errors/").streaming_content)


def test_attendances_come_from_files_too(put, club):
    Contact.objects.create(organization=club, email="a@example.com")
    job = finished(put("email,name,status\na@example.com,Yoga,attended\n", ATTENDANCES))
    assert (job.kind, Attendance.objects.get().status) == ("attendances", "attended")
    assert put("email\na@example.com\n", ATTENDANCES).json()["mapping"][0].startswith("No column is an activity")


def test_an_import_is_stopped_once(put, api):
    uuid = put().json()["uuid"]
    assert api.post(f"{IMPORTS}{uuid}/stop/").json()["status"] == "stopped"
    assert api.post(f"{IMPORTS}{uuid}/stop/").status_code == 409


def test_the_history_is_filtered_and_takes_no_query_more_for_more(put, api, django_assert_num_queries):
    finished(put())
    put()
    [one] = api.get(IMPORTS, {"status": "waiting"}).json()
    assert one["by"]
    with django_assert_num_queries(4):
        assert len(api.get(IMPORTS).json()) == 2


@pytest.mark.parametrize("url", [CONTACTS, ATTENDANCES])
def test_only_who_may_write_imports(put, client, viewer, url):
    assert put(url=url, client=client).status_code == 401
    assert put(url=url, client=client_of(viewer)).status_code == 403


def test_imports_of_others_are_neither_listed_nor_read_nor_stopped(put, outsider):
    uuid = put().json()["uuid"]
    assert outsider.get(IMPORTS).json() == []
    for path in ("", "errors/"):
        assert outsider.get(f"{IMPORTS}{uuid}/{path}").status_code == 404
    assert outsider.post(f"{IMPORTS}{uuid}/stop/").status_code == 404


def test_a_segment_of_others_is_not_found(put, elsewhere):
    theirs = Segment.objects.create(organization=elsewhere, name="Theirs", kind="static")
    assert put(segment=str(theirs.uuid)).json() == {"segment": [f"There is no segment {theirs.uuid}."]}
