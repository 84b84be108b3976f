"""Export, merge, erase and one person's data; suppressions as a file."""

import csv
import json
from io import StringIO

import pytest

from broadcasts import consenting
from broadcasts.models import AuditEntry, Contact, Segment, SegmentMember
from tests.make import make_contact

from .conftest import sign_in

CONTACTS = "/admin/broadcasts/contact/"
SUPPRESSIONS = "/admin/broadcasts/suppression/"


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe", attributes={"plan": "pro"})


@pytest.fixture
def ann(club):
    return make_contact(club, "ann@example.com", full_name="Ann", phone="+34600000001")


@pytest.fixture
def page(admin):
    return sign_in(admin.user)


def names(answer) -> list[str]:
    assert answer.status_code == 200
    return [row["full_name"] for row in csv.DictReader(StringIO(b"".join(answer.streaming_content).decode()))]


def test_the_list_is_exported_as_it_is_filtered(page, joe, ann, club, elsewhere):
    make_contact(elsewhere)
    segment = Segment.objects.create(organization=club, name="Masters", kind="static")
    SegmentMember.objects.create(segment=segment, contact=joe)
    assert f"{CONTACTS}export/?q=joe" in page.get(CONTACTS, {"q": "joe"}).content.decode()
    assert names(page.get(f"{CONTACTS}export/")) == ["Ann", "Joe"]
    assert names(page.get(f"{CONTACTS}export/", {"q": "ann@example.com"})) == ["Ann"]
    assert names(page.get(f"{CONTACTS}export/", {"segment": segment.pk})) == ["Joe"]
    assert AuditEntry.objects.filter(act="export contacts", organization=club).count() == 3
    assert not AuditEntry.objects.filter(organization=elsewhere).exists()


def test_selected_contacts_are_exported(page, joe, ann):
    answer = page.post(CONTACTS, {"action": "export_selected", "_selected_action": [joe.pk]})
    assert names(answer) == ["Joe"]


def test_nobody_deletes_a_list_by_an_action(page, joe):
    assert "delete_selected" not in page.get(CONTACTS).content.decode()


def test_selected_contacts_are_shown_side_by_side_and_merged(page, joe, ann):
    answer = page.post(CONTACTS, {"action": "merge_selected", "_selected_action": [joe.pk, ann.pk]})
    shown = page.get(answer["Location"])
    assert "plan: pro" in shown.content.decode()
    assert "+34600000001" in shown.content.decode()
    assert "Choose the one to keep." in page.post(answer["Location"], {}).content.decode()
    assert page.post(answer["Location"], {"keep": joe.pk})["Location"] == f"{CONTACTS}{joe.pk}/change/"
    assert Contact.objects.get().phone == "+34600000001"


def test_one_contact_alone_is_not_merged(page, joe):
    answer = page.post(CONTACTS, {"action": "merge_selected", "_selected_action": [joe.pk]}, follow=True)
    assert "two at least" in answer.content.decode()


@pytest.mark.parametrize("contacts", ["", "x", "1,2", "9" * 30])
def test_a_wrong_merge_leads_back_to_the_list(page, joe, contacts):
    assert page.get(f"{CONTACTS}merge/", {"contacts": contacts})["Location"] == CONTACTS


def test_a_persons_data_is_a_file(page, joe):
    assert f"{CONTACTS}{joe.pk}/data/" in page.get(f"{CONTACTS}{joe.pk}/change/").content.decode()
    answer = page.get(f"{CONTACTS}{joe.pk}/data/")
    assert json.loads(b"".join(answer.streaming_content))["profile"]["full_name"] == "Joe"
    assert AuditEntry.objects.filter(act="export data", object_id=joe.pk).exists()


def test_a_person_is_erased_after_a_question(page, joe):
    assert "cannot be undone" in page.get(f"{CONTACTS}{joe.pk}/erase/").content.decode()
    assert Contact.objects.exists()
    assert page.post(f"{CONTACTS}{joe.pk}/erase/")["Location"] == CONTACTS
    assert not Contact.objects.exists()


@pytest.mark.parametrize("path", ["{}/data/", "{}/erase/"])
def test_only_admins_of_the_organization_act_on_people(sender, stranger, joe, path):
    address = f"{CONTACTS}{path.format(joe.pk)}"
    assert sign_in(sender.user).post(address).status_code == 403
    assert sign_in(stranger.user).post(address).status_code == 404
    assert Contact.objects.exists()


def test_senders_do_not_merge(sender, joe, ann):
    page = sign_in(sender.user)
    assert "merge_selected" not in page.get(CONTACTS).content.decode()
    page.post(f"{CONTACTS}merge/?contacts={joe.pk},{ann.pk}", {"keep": joe.pk})
    assert Contact.objects.count() == 2


def test_suppressions_are_exported(page, club):
    consenting.suppress(club, "email", "joe@example.com", "import")
    answer = page.get(f"{SUPPRESSIONS}export/", {"q": "joe@example.com"})
    assert b"joe@example.com,email,import" in b"".join(answer.streaming_content)


def test_a_member_added_or_deleted_by_hand_is_changed(author, club, joe):
    segment = Segment.objects.create(organization=club, name="Friends", kind="static")
    page = sign_in(author.user)
    page.post("/admin/broadcasts/segmentmember/add/", {"segment": segment.pk, "contact": joe.pk})
    added = Contact.objects.get(pk=joe.pk).modified
    page.post(f"/admin/broadcasts/segmentmember/{SegmentMember.objects.get().pk}/delete/", {"post": "yes"})
    assert not SegmentMember.objects.exists()
    assert joe.modified < added < Contact.objects.get(pk=joe.pk).modified
