"""An activity's page: who has a place, and writing to them."""

import pytest
from django.urls import reverse

from broadcasts.admin import activities
from broadcasts.models import Activity, Attendance, Broadcast, Series
from tests.audience.people import attend, make_activity, make_segment
from tests.make import make_contacts

from .conftest import sign_in
from .test_begin import BEGIN


@pytest.fixture
def yoga(club):
    activity = make_activity(club)
    for contact, status in zip(make_contacts(club, 3), ("booked", "booked", "attended"), strict=True):
        attend(activity, contact, status)
    return activity


def page(row, name="change"):
    return reverse(f"admin:broadcasts_{row._meta.model_name}_{name}", args=[row.pk])


def test_places_are_counted_by_status_and_paged(viewer, yoga, monkeypatch):
    monkeypatch.setattr(activities, "PAGE", 2)
    client = sign_in(viewer.user)
    first = client.get(page(yoga))
    assert [(one["label"], one["people"]) for one in first.context["counts"]] == [("Booked", 2), ("Attended", 1)]
    second = client.get(page(yoga), {"after": first.context["after"]})
    assert [len(answer.context["places"]) for answer in (first, second)] == [2, 1]
    assert second.context["after"] is None


def test_whoever_may_write_begins_a_broadcast_to_them(author, viewer, mail, yoga):
    client = sign_in(author.user)
    shown = client.get(page(yoga)).content.decode()
    assert 'form="begin" name="attendance_status" value="booked"' in shown
    client.post(BEGIN, {"activity": yoga.pk, "attendance_status": "booked"})
    draft = Broadcast.objects.get()
    assert (draft.activity, draft.attendance_status) == (yoga, "booked")
    assert BEGIN not in sign_in(viewer.user).get(page(yoga)).content.decode()


def test_an_activity_that_a_rule_names_is_not_deleted(author, yoga):
    make_segment(yoga.organization, "Yogis", {"attendance": {"activity": str(yoga.uuid)}})
    client = sign_in(author.user)
    assert "Segment: Yogis" in client.get(page(yoga, "delete")).content.decode()
    client.post(page(yoga, "delete"), {"post": "yes"})
    assert Attendance.objects.count() == 3


def test_an_activitys_page_takes_few_queries(author, yoga, django_assert_max_num_queries):
    client = sign_in(author.user)
    with django_assert_max_num_queries(14):
        client.get(page(yoga))


def test_a_place_is_typed_as_a_name(author, club):
    fields = {
        "organization": club.pk,
        "name": "Yoga",
        "series": "",
        "place": "Hall 1",
        "starts_at_0": "",
        "ends_at_0": "",
    }
    client = sign_in(author.user)
    client.post(reverse("admin:broadcasts_activity_add"), fields)
    made = Activity.objects.get()
    assert (made.place.name, made.series) == ("Hall 1", None)
    assert 'value="Hall 1"' in client.get(page(made)).content.decode()


def test_a_refused_activity_leaves_no_new_series(author, club):
    fields = {
        "organization": club.pk,
        "name": "Yoga",
        "series": "Ghost",
        "place": "",
        "starts_at_0": "2030-01-02",
        "starts_at_1": "10:00",
        "ends_at_0": "2030-01-01",
        "ends_at_1": "10:00",
    }
    response = sign_in(author.user).post(reverse("admin:broadcasts_activity_add"), fields)
    assert response.status_code == 200
    assert not Series.objects.exists()


def test_a_new_activity_is_prefilled_by_its_address(author, club):
    response = sign_in(author.user).get(reverse("admin:broadcasts_activity_add") + "?name=Yoga&series=Spring")
    assert response.context["adminform"].form["series"].value() == "Spring"
