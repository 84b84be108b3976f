"""Send to these: a draft whose audience is filled in, from wherever people are shown."""

import re
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from broadcasts.models import Activity, Attendance, AuditEntry, Broadcast, ImportJob, Segment, SegmentMember
from tests.make import make_contact, make_contacts

from .conftest import messages_of, sign_in

BEGIN = reverse("admin:broadcasts_broadcast_begin")


@pytest.fixture
def writer(author):
    return sign_in(author.user)


@pytest.fixture
def masters(mail):
    segment = Segment.objects.create(organization=mail.organization, name="Masters", kind="static")
    SegmentMember.objects.create(segment=segment, contact=make_contact(mail.organization))
    return segment


def begun(client, **asked):
    """The draft that a form made."""
    answer = client.post(BEGIN, asked)
    assert answer.status_code == 302
    draft = Broadcast.objects.get()
    assert f"/broadcast/{draft.pk}/" in answer["Location"]
    return draft


def test_a_draft_begins_to_nobody_with_an_empty_message(writer, author, mail):
    draft = begun(writer)
    assert (draft.status, draft.author, draft.send_to_all) == ("DRAFT", author.user, False)
    assert draft.messages.get().channel == mail


def test_a_draft_begins_to_a_segment(writer, masters):
    draft = begun(writer, segment=masters.pk)
    assert draft.name == "To Masters" and list(draft.segments.all()) == [masters]


def test_a_draft_begins_to_chosen_contacts_and_is_not_called_by_their_names(writer, mail):
    chosen = make_contacts(mail.organization, 2)
    draft = begun(writer, contacts=[one.pk for one in chosen])
    assert draft.name == "To 2 people" and set(draft.contacts.all()) == set(chosen)


def test_a_draft_begins_to_those_of_an_activity_with_a_status(writer, mail):
    yoga = Activity.objects.create(organization=mail.organization, name="Yoga")
    draft = begun(writer, activity=yoga.pk, attendance_status=Attendance.Status.ATTENDED)
    assert (draft.name, draft.activity, draft.attendance_status) == ("To Yoga (attended)", yoga, "attended")


def test_a_draft_begins_to_the_segment_of_an_import(writer, masters):
    options = {"segment": str(masters.uuid)}
    job = ImportJob.objects.create(organization=masters.organization, filename="people.csv", options=options)
    assert list(begun(writer, **{"import": job.pk}).segments.all()) == [masters]


@pytest.mark.parametrize("fields", [{}, {"dry_run": True, "options": {"segment": "Masters"}}])
def test_an_import_whose_people_are_in_no_segment_begins_nothing(writer, mail, fields):
    job = ImportJob.objects.create(organization=mail.organization, filename="people.csv", **fields)
    assert writer.post(BEGIN, {"import": job.pk}).status_code == 404


@pytest.mark.parametrize("name", ["segment", "contacts", "activity", "import"])
def test_nothing_begins_to_people_of_another_organization(writer, elsewhere, name):
    theirs = {
        "segment": lambda: Segment.objects.create(organization=elsewhere, name="Theirs"),
        "contacts": lambda: make_contact(elsewhere),
        "activity": lambda: Activity.objects.create(organization=elsewhere, name="Theirs"),
        "import": lambda: ImportJob.objects.create(organization=elsewhere, filename="people.csv"),
    }[name]()
    assert writer.post(BEGIN, {name: theirs.pk}).status_code == 404
    assert not Broadcast.objects.exists()


def test_contacts_of_two_organizations_begin_nothing(root, client, club, elsewhere):
    client.force_login(root)
    chosen = [make_contact(club).pk, make_contact(elsewhere).pk]
    assert client.post(BEGIN, {"contacts": chosen}).status_code == 404


@pytest.mark.parametrize("asked", [{"segment": "x"}, {"contacts": "-1"}, {"attendance_status": "x"}])
def test_what_is_not_there_begins_nothing(writer, mail, asked):
    if "attendance_status" in asked:
        asked = {**asked, "activity": Activity.objects.create(organization=mail.organization, name="Yoga").pk}
    assert writer.post(BEGIN, asked).status_code == 404
    assert not Broadcast.objects.exists()


def test_a_viewer_and_a_mere_look_begin_nothing(viewer, writer, masters):
    assert sign_in(viewer.user).post(BEGIN, {"segment": masters.pk}).status_code in (403, 404)
    assert sign_in(viewer.user).post(BEGIN).status_code == 403
    assert writer.get(BEGIN, {"segment": masters.pk}).status_code == 405
    assert not Broadcast.objects.exists()


CONTACTS = reverse("admin:broadcasts_contact_changelist")


def choose(client, *contacts, across=False, **filters):
    """The draft to those that are ticked in the list of contacts, or to all that match."""
    ticked = {"action": "send_to_these", "_selected_action": [one.pk for one in contacts]}
    address = f"{CONTACTS}?{urlencode(filters)}"
    return client.post(address, {**ticked, "select_across": "1" if across else "0"}, follow=True)


def test_those_that_are_ticked_in_the_list_get_it(writer, mail):
    first, second, _ = make_contacts(mail.organization, 3)
    choose(writer, first, second)
    draft = Broadcast.objects.get()
    assert draft.name == "To 2 people" and set(draft.contacts.all()) == {first, second}


def test_all_that_filters_find_become_a_rule_however_many_they_are(writer, masters):
    ann = make_contact(masters.organization, language="es")
    choose(writer, ann, across=True, language="es", segment=masters.pk)
    draft = Broadcast.objects.get()
    assert draft.query == {"language": "es", "segment": str(masters.uuid)}
    assert not draft.contacts.exists() and Segment.objects.count() == 1


def test_all_of_a_segment_or_of_the_list_are_named_as_such(writer, masters):
    choose(writer, masters.members.get().contact, across=True, segment=masters.pk)
    assert list(Broadcast.objects.get().segments.all()) == [masters]
    Broadcast.objects.all().delete()
    choose(writer, masters.members.get().contact, across=True)
    assert Broadcast.objects.get().send_to_all


def test_all_that_words_find_become_a_segment(writer, author, mail):
    ann = make_contact(mail.organization, "ann@example.com", full_name="Ann")
    make_contact(mail.organization, full_name="Bob")
    choose(writer, ann, across=True, q="ann")
    [segment] = Broadcast.objects.get().segments.all()
    assert segment.name.startswith("Chosen contacts, ")
    assert [one.contact for one in segment.members.all()] == [ann]
    assert AuditEntry.objects.get(model="segment").user == author.user


def test_beginning_with_a_million_contacts_reads_none_of_them(writer, masters, django_assert_max_num_queries):
    contacts = make_contacts(masters.organization, 3, language="es")
    with CaptureQueriesContext(connection) as few:
        choose(writer, contacts[0], across=True, language="es")
    make_contacts(masters.organization, 60, language="es")
    with django_assert_max_num_queries(len(few)):
        choose(writer, contacts[0], across=True, language="es")


def test_all_contacts_of_several_organizations_need_one_to_be_chosen(root, client, mail, elsewhere):
    ann, bob = make_contact(mail.organization), make_contact(elsewhere)
    client.force_login(root)
    assert "Choose one organization" in messages_of(choose(client, ann, bob))
    assert "Choose one organization" in messages_of(choose(client, ann, across=True))
    choose(client, ann, across=True, organization=mail.organization_id)
    assert Broadcast.objects.get().organization == mail.organization


def test_a_viewer_is_not_offered_to_send(viewer, masters):
    client = sign_in(viewer.user)
    assert "send_to_these" not in client.get(CONTACTS).content.decode()
    choose(client, masters.members.get().contact)
    for row in (masters, masters.members.get().contact):
        assert BEGIN not in client.get(page_of(row)).content.decode()
    assert not Broadcast.objects.exists()


def page_of(row):
    return reverse(f"admin:broadcasts_{row._meta.model_name}_change", args=[row.pk])


def test_the_pages_of_people_offer_to_send_to_them(writer, masters):
    job = ImportJob.objects.create(
        organization=masters.organization, filename="a.csv", status="done", options={"segment": str(masters.uuid)}
    )
    yoga = Activity.objects.create(organization=masters.organization, name="Yoga")
    Attendance.objects.create(activity=yoga, contact=make_contact(masters.organization))
    ann = make_contact(masters.organization)
    for row, name in ((masters, "segment"), (ann, "contacts"), (yoga, "activity"), (job, "import")):
        page = writer.get(page_of(row)).content.decode()
        assert BEGIN in page and re.search(f'name="{name}" value="{row.pk}"', page)
    for model, row in (("segment", masters), ("activity", yoga)):
        page = writer.get(reverse(f"admin:broadcasts_{model}_changelist")).content.decode()
        assert f'form="begin" name="{model}" value="{row.pk}"' in page and 'id="begin"' in page
