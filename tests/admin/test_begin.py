"""Send to these: a draft whose audience is filled in, from wherever people are shown."""

import pytest
from django.urls import reverse

from broadcasts.models import Activity, Attendance, Broadcast, ImportJob, Segment, SegmentMember
from tests.make import make_contact, make_contacts

from .conftest import sign_in

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
