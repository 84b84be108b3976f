"""Upload, map, look, import: the pages of imports."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from broadcasts import importing
from broadcasts.models import AuditEntry, Consent, ImportJob, Segment, Suppression
from tests.make import make_contact

from .conftest import sign_in

CSV = "E-mail;Name;Größe;\nana@example.com;Ana;1,70;x\nbad;Bo;1,80;y\n"


@pytest.fixture(autouse=True)
def apart(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def page(author):
    return sign_in(author.user)


def url(name, *args):
    return reverse(f"admin:broadcasts_importjob_{name}", args=args)


def upload(page, club, content=CSV, name="people.csv", **fields):
    data = content if isinstance(content, bytes) else content.encode()
    given = {"organization": club.pk, "kind": "contacts", "file": SimpleUploadedFile(name, data), **fields}
    return page.post(url("add"), given)


def run(job):
    importing.run_import(job.pk)
    job.refresh_from_db()
    return job


def columns(page, job, **changes):
    form = page.get(url("columns", job.pk)).context["form"]
    chosen = {name: field.initial or "" for name, field in form.fields.items()}
    return page.post(url("columns", job.pk), {**chosen, **changes})


def test_from_a_file_to_people(page, club):
    goal = upload(page, club, segment="Spring").url
    job = ImportJob.objects.get()
    assert (goal, job.status) == (url("columns", job.pk), ImportJob.Status.UPLOADED)
    shown = page.get(url("columns", job.pk)).content.decode()
    assert all(word in shown for word in ("ana@example.com", "1,80", "New attribute “grosse”"))
    columns(page, job, type_2="text")
    rehearsal = run(job)
    assert (rehearsal.dry_run, rehearsal.created_count, rehearsal.invalid_count) == (True, 1, 1)
    shown = page.get(url("change", job.pk)).content.decode()
    assert "Import now" in shown and "it has no @" in shown
    job = run(ImportJob.objects.get(pk=page.post(url("now", job.pk)).url.split("/")[-3]))
    assert (job.dry_run, job.created_count, job.rehearsal) == (False, 1, rehearsal)
    assert Segment.objects.get().members.get().contact.attributes == {"grosse": "1,70"}
    assert "Import now" not in page.get(url("change", rehearsal.pk)).content.decode()


def test_columns_can_be_changed_and_ignored(page, club):
    upload(page, club, "mail;x;x\nana@example.com;Ana;x\n")
    job = ImportJob.objects.get()
    columns(page, job, column_1="full_name", column_2="-")
    assert ImportJob.objects.get().options["mapping"] == {
        "column 1": "email", "column 2": "full_name", "column 3": "-",
    }  # fmt: skip


def test_a_mapping_that_cannot_be_is_told_and_keeps_what_was_chosen(page, club):
    upload(page, club)
    response = columns(page, ImportJob.objects.get(), column_0="full_name")
    shown = response.content.decode()
    assert "are both full_name" in shown
    assert response.context["form"].data["column_0"] == "full_name"


def test_headers_that_say_nothing_are_mapped_by_hand(page, club):
    upload(page, club, "Correo;mail;email\nana@example.com;x;y\n")
    job = ImportJob.objects.get()
    columns(page, job, column_0="email", column_1="-", column_2="-")
    assert run(job).created_count == 1


def test_what_cannot_be_read_is_told_at_its_field(page, club, tmp_path):
    for content, fields, field in (
        ("", {}, "file"),
        ("\n", {}, "file"),
        (CSV, {"use_case": "marketing"}, "wording"),
        (CSV, {"delimiter": "no"}, "delimiter"),
    ):
        assert field in upload(page, club, content, **fields).context["form"].errors
    assert not ImportJob.objects.exists()
    assert not list(tmp_path.glob("imports/*"))


def test_a_windows_file_is_read_as_one(page, club):
    upload(page, club, CSV.encode("cp1252"))
    assert "Größe" in page.get(url("columns", ImportJob.objects.get().pk)).content.decode()


def test_json_lines_need_no_columns(page, club):
    assert upload(page, club, '{"email": "a@example.com"}\n', name="people.jsonl").status_code == 302
    assert run(ImportJob.objects.get()).created_count == 1


def test_consent_is_told_with_the_file(page, club):
    upload(page, club, use_case="marketing", medium="email", source="Form", wording="Yes")
    columns(page, rehearsal := ImportJob.objects.get())
    page.post(url("now", run(rehearsal).pk))
    run(ImportJob.objects.exclude(pk=rehearsal.pk).get())
    assert Consent.objects.get().state == "granted"


def test_attendances_are_imported_from_the_same_page(page, club):
    make_contact(club, "ana@example.com")
    upload(page, club, "mail,class,status\nana@example.com,Yoga,attended\n", kind="attendances", create="on")
    columns(page, job := ImportJob.objects.get())
    assert run(job).created_count == 1


SUPPRESSIONS = {"kind": "suppressions", "medium": "email", "reason": "import", "use_case": ""}


def test_suppressions_are_imported_from_the_same_page(page, club):
    upload(page, club, "e-mail,why\njoe@example.com,x\nann,x\n", **SUPPRESSIONS)
    job = ImportJob.objects.get()
    columns(page, job)
    assert (run(job).dry_run, job.created_count, job.invalid_count) == (True, 1, 1)
    assert not Suppression.objects.exists()
    page.post(url("now", job.pk))
    run(ImportJob.objects.get(rehearsal=job))
    assert Suppression.objects.get().source == "people.csv"
    shown = page.get(url("change", job.performance.pk)).content.decode()
    assert "See the suppressions" in shown and 'data-count="suppressed"' not in shown


@pytest.mark.parametrize(("chosen", "stops"), [("", "marketing"), ("everything", ""), ("general", "general")])
def test_a_list_of_unsubscribed_stops_marketing_unless_something_else_is_chosen(page, club, chosen, stops):
    fields = {**SUPPRESSIONS, "reason": "unsubscribe", "use_case": chosen}
    upload(page, club, '{"address": "joe@example.com"}\n', name="list.jsonl", **fields)
    page.post(url("now", run(ImportJob.objects.get()).pk))
    run(ImportJob.objects.get(dry_run=False))
    assert Suppression.objects.get().use_case == stops


def test_a_list_without_addresses_is_told_at_its_columns(page, club):
    upload(page, club, "name\njoe\n", **SUPPRESSIONS)
    assert "No column is an address" in columns(page, ImportJob.objects.get()).content.decode()


def test_each_kind_asks_what_it_needs(page):
    asked = {kind: page.get(url("add"), {"kind": kind}).context["form"].fields.keys() for kind in ImportJob.Kind}
    assert "segment" in asked["contacts"] and "create" not in asked["contacts"]
    assert "create" in asked["attendances"] and "segment" not in asked["attendances"]
    assert "reason" in asked["suppressions"] and "segment" not in asked["suppressions"]


def test_suppressions_lead_to_the_upload(page, viewer):
    address = reverse("admin:broadcasts_suppression_changelist")
    assert f"{url('add')}?kind=suppressions" in page.get(address).content.decode()
    assert url("add") not in sign_in(viewer.user).get(address).content.decode()


def test_progress_is_told_to_the_page(page, club):
    upload(page, club)
    columns(page, job := ImportJob.objects.get())
    run(job)
    news = json.loads(page.get(url("progress", job.pk)).content)
    assert (news["finished"], news["done"], news["recipients"]) == (True, 2, 2)
    assert {one["name"]: one["value"] for one in news["numbers"]} == {
        "created": 1, "updated": 0, "unchanged": 0, "invalid": 1, "suppressed": 0,
    }  # fmt: skip


def test_refused_rows_are_downloaded(page, club):
    upload(page, club)
    columns(page, job := ImportJob.objects.get())
    run(job)
    assert b"bad" in b"".join(page.get(url("errors", job.pk)).streaming_content)


def test_an_import_is_stopped_and_that_is_in_the_audit(page, club):
    upload(page, club)
    job = ImportJob.objects.get()
    page.post(url("stop", job.pk))
    job.refresh_from_db()
    assert job.status == ImportJob.Status.STOPPED
    assert AuditEntry.objects.filter(act="stop", object_id=job.pk).exists()
    assert page.get(url("stop", job.pk)).status_code == 405


def test_a_link_presets_the_segment(page, club):
    segment = Segment.objects.create(organization=club, name="Spring", kind="static")
    shown = page.get(url("add"), {"segment": segment.pk}).content.decode()
    assert 'value="Spring"' in shown


def test_a_segment_of_others_is_not_preset(page, elsewhere):
    segment = Segment.objects.create(organization=elsewhere, name="Secret", kind="static")
    assert "Secret" not in page.get(url("add"), {"segment": segment.pk}).content.decode()


def test_the_contact_list_leads_to_the_upload(page, viewer):
    address = reverse("admin:broadcasts_contact_changelist")
    assert url("add") in page.get(address).content.decode()
    assert url("add") not in sign_in(viewer.user).get(address).content.decode()


def test_who_may_only_read_starts_nothing(page, club, viewer):
    upload(page, club)
    job = ImportJob.objects.get()
    reader = sign_in(viewer.user)
    assert reader.get(url("change", job.pk)).status_code == 200
    assert reader.get(url("add")).status_code == reader.get(url("columns", job.pk)).status_code == 403
    assert reader.post(url("stop", job.pk)).status_code == reader.post(url("now", job.pk)).status_code == 403


@pytest.mark.parametrize("name", ["columns", "errors", "progress", "now", "stop"])
def test_an_import_of_others_is_not_found(page, club, stranger, name):
    upload(page, club)
    client = sign_in(stranger.user)
    call = client.post if name in ("now", "stop") else client.get
    assert call(url(name, ImportJob.objects.get().pk)).status_code == 404


def test_a_file_cannot_be_put_into_another_organization(page, elsewhere):
    assert "organization" in upload(page, elsewhere).context["form"].errors


def test_no_page_of_an_import_carries_inline_script_or_style(page, club):
    upload(page, club)
    job = ImportJob.objects.get()
    for address in (url("add"), url("columns", job.pk), url("change", job.pk)):
        shown = page.get(address).content.decode()
        assert " style=" not in shown and "<script>" not in shown and "onclick" not in shown
