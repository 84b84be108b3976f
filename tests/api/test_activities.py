"""Activities, and who has a place in them."""

import uuid

import pytest

from broadcasts.models import Activity, Attendance, AuditEntry, Place
from tests.audience.people import attend, make_activity, make_segment
from tests.make import make_broadcast, make_contact, make_contacts

from .conftest import client_of

URL = "/api/activities/"
PLACES = "/api/attendances/"
FIELDS = {"external_id": "a-1", "series": "Yoga", "kind": "class", "name": "Yoga on Monday", "place": "Hall 1"}
TIMES = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}


@pytest.fixture
def yoga(club):
    return make_activity(club)


@pytest.fixture
def joe(club):
    return make_contact(club, full_name="Joe")


@pytest.fixture
def write(api, yoga):
    """Write places of the activity, all at once."""
    return lambda places, client=api: client.post(f"{URL}{yoga.uuid}/attendances/", places)


# Activities.


def test_an_activity_is_written_read_changed_and_deleted(api):
    made = api.post(URL, {**FIELDS, **TIMES})
    assert (made.status_code, {name: made.json()[name] for name in {**FIELDS, **TIMES}}) == (201, {**FIELDS, **TIMES})
    address = f"{URL}{made.json()['uuid']}/"
    assert api.patch(address, {"external_id": ""}).json()["external_id"] is None
    assert api.delete(address).status_code == 204
    assert not Activity.objects.exists()


def test_series_and_places_of_one_name_are_one_row_with_an_id(api, elsewhere):
    Place.objects.create(organization=elsewhere, name="Hall 1")
    first, second = (api.post(URL, {**FIELDS, "external_id": key}).json() for key in "ab")
    assert (first["place_id"], first["series_id"]) == (second["place_id"], second["series_id"])
    moved = api.patch(f"{URL}{first['uuid']}/", {"place": "", "series": "Judo"}).json()
    assert (moved["place"], moved["place_id"], moved["series"]) == ("", None, "Judo")
    assert list(Place.objects.values_list("name", flat=True)) == ["Hall 1", "Hall 1"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"external_id": "taken"}, "external_id"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"starts_at": "2026-12-01T11:00:00Z"}, "ends_at"),
    ],
)
def test_what_is_wrong_with_an_activity_is_told_by_field(api, club, wrong, field):
    Activity.objects.create(organization=club, name="First", external_id="taken")
    answer = api.post(URL, {**FIELDS, **TIMES, **wrong})
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_activities_are_found_by_what_they_are_and_when(api):
    for day, series in ((1, "Yoga"), (2, "Yoga"), (3, "Swim")):
        times = {"starts_at": f"2026-12-0{day}T09:00:00Z"}
        api.post(URL, {"name": f"{series} {day}", "series": series, "kind": "class", **times})

    def found(**asked):
        return [row["name"] for row in api.get(URL, asked).json()]

    assert found() == ["Swim 3", "Yoga 2", "Yoga 1"]
    assert found(series="Yoga", o="starts_at") == ["Yoga 1", "Yoga 2"]
    assert found(starts_after="2026-12-02T00:00:00Z", starts_before="2026-12-03T00:00:00Z") == ["Yoga 2"]
    assert found(search="wim") == ["Swim 3"]
    assert found(kind="course") == []


def test_an_activity_in_use_is_not_deleted_and_says_by_what(api, mail, yoga):
    address = f"{URL}{yoga.uuid}/"
    broadcast = make_broadcast(mail, activity=yoga)
    answer = api.delete(address)
    assert (answer.status_code, "Pool closed" in answer.json()["detail"]) == (409, True)
    broadcast.delete()
    segment = make_segment(yoga.organization, "Yogis", {"activity": str(yoga.uuid)})
    assert "Yogis" in api.delete(address).json()["detail"]
    segment.delete()
    assert api.delete(address).status_code == 204


def test_activities_of_others_are_not_there(outsider, client, viewer, yoga):
    address = f"{URL}{yoga.uuid}/"
    assert outsider.get(URL).json() == []
    for path in (address, f"{address}attendances/"):
        assert outsider.get(path).status_code == 404
        assert client.get(path).status_code == 401
    assert outsider.post(f"{address}attendances/", []).status_code == 404
    assert client_of(viewer).get(address).status_code == 200
    assert client_of(viewer).patch(address, {"name": "Mine"}).status_code == 403


# One attendance.


def test_a_pair_has_one_place_new_or_changed(api, yoga, joe):
    pair = {"activity": str(yoga.uuid), "contact": str(joe.uuid)}
    made = api.post(PLACES, pair)
    assert (made.status_code, made.json()["status"]) == (201, "booked")
    assert made.json()["contact"] == {"uuid": str(joe.uuid), "name": "Joe"}
    changed = api.post(PLACES, {**pair, "status": "attended", "at": "2026-12-01T09:05:00Z"})
    assert (changed.status_code, changed.json()["uuid"]) == (200, made.json()["uuid"])
    assert (changed.json()["status"], changed.json()["at"]) == ("attended", "2026-12-01T09:05:00Z")
    again = api.post(PLACES, pair)
    assert again.json() == changed.json()
    assert AuditEntry.objects.filter(model="attendance").count() == 2


def test_a_place_is_changed_and_given_up(api, yoga, joe):
    attend(yoga, joe, "booked")
    address = f"{PLACES}{Attendance.objects.get().uuid}/"
    assert api.patch(address, {"status": "no_show"}).json()["status"] == "no_show"
    assert api.patch(address, {"status": "late_cancelled"}).json()["status"] == "late_cancelled"
    other = make_contact(yoga.organization)
    assert list(api.patch(address, {"contact": str(other.uuid)}).json()) == ["contact"]
    assert api.delete(address).status_code == 204


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"activity": str(uuid.uuid4())}, "activity"),
        ({"contact": "joe"}, "contact"),
        ({"contact": None}, "contact"),
        ({"status": "asleep"}, "status"),
        ({"at": "noon"}, "at"),
    ],
)
def test_what_is_wrong_with_a_place_is_told_by_field(api, yoga, joe, wrong, field):
    answer = api.post(PLACES, {"activity": str(yoga.uuid), "contact": str(joe.uuid), **wrong})
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_places_are_found_by_activity_contact_and_status(api, club, yoga, joe):
    swim, ann = make_activity(club, "Swim"), make_contact(club, full_name="Ann")
    attend(yoga, joe), attend(yoga, ann, "booked"), attend(swim, joe, "no_show")

    def found(**asked):
        rows = api.get(PLACES, asked).json()
        return sorted(f"{row['contact']['name']} {row['activity']['name']}" for row in rows)

    assert len(found()) == 3
    assert found(activity=str(yoga.uuid)) == ["Ann Yoga", "Joe Yoga"]
    assert found(contact=str(joe.uuid), status=["no_show", "booked"]) == ["Joe Swim"]
    assert found(series="Swim") == ["Joe Swim"]
    assert api.get(PLACES, {"status": "asleep"}).status_code == 400


def test_places_of_others_are_not_there(outsider, viewer, client, yoga, joe):
    attend(yoga, joe)
    address = f"{PLACES}{Attendance.objects.get().uuid}/"
    pair = {"activity": str(yoga.uuid), "contact": str(joe.uuid)}
    assert outsider.get(PLACES).json() == []
    assert outsider.get(address).status_code == 404
    assert outsider.post(PLACES, pair).status_code == 400
    assert client.get(PLACES).status_code == 401
    assert client_of(viewer).post(PLACES, pair).status_code == 403


def test_a_list_takes_the_same_queries_whatever_its_length(api, yoga, django_assert_num_queries):
    for contact in make_contacts(yoga.organization, 3):
        attend(yoga, contact)
    api.get(PLACES)
    for address in (PLACES, f"{URL}{yoga.uuid}/attendances/"):
        with django_assert_num_queries(4 if address == PLACES else 5):
            assert len(api.get(address).json()) == 3


# Many at once.


def test_places_are_written_all_at_once(api, write, yoga, joe, django_assert_max_num_queries):
    ann, bob = make_contacts(yoga.organization, 2)
    attend(yoga, joe, "booked"), attend(yoga, bob, "booked")
    api.get(URL)
    with django_assert_max_num_queries(16):
        answer = write(
            [
                {"contact": str(joe.uuid), "status": "attended"},
                {"contact": {"uuid": str(ann.uuid)}, "status": "no_show", "at": "2026-12-01T09:00:00Z"},
                {"contact": bob.uuid.hex},
            ]
        )
    assert (answer.status_code, answer.json()) == (200, {"created": 1, "updated": 1, "unchanged": 1})
    assert dict(Attendance.objects.values_list("contact", "status")) == {
        joe.pk: "attended",
        ann.pk: "no_show",
        bob.pk: "booked",
    }


def test_a_wrong_place_is_told_at_its_own_and_none_is_written(write, joe, elsewhere):
    theirs = make_contact(elsewhere)
    answer = write(
        [{"contact": str(joe.uuid)}, {"contact": str(theirs.uuid)}, {"contact": str(joe.uuid)}, {"contact": 7}]
    )
    assert answer.status_code == 400
    assert answer.json() == {
        "1": {"contact": [f"There is no contact {theirs.uuid}."]},
        "2": {"contact": ["This contact has a place in the list already."]},
        "3": {"contact": ["There is no contact 7."]},
    }
    told = write([{"contact": str(joe.uuid)}, {"status": "asleep"}]).json()
    assert {place: set(wrong) for place, wrong in told.items()} == {"1": {"contact", "status"}}
    assert not Attendance.objects.exists()


@pytest.mark.parametrize("places", [{}, [], "all", [{"contact": "x"}] * 1001])
def test_what_is_no_list_of_places_is_refused(write, places):
    answer = write(places)
    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])


def test_the_names_of_series_and_places_have_single_blanks(api):
    first = api.post(URL, FIELDS | {"series": "Early   birds", "place": " Hall  1 "}).json()
    second = api.post(URL, FIELDS | {"external_id": "a-2", "series": "Early birds", "place": "Hall 1"}).json()
    assert (first["series"], first["place"]) == ("Early birds", "Hall 1")
    assert (first["series_id"], first["place_id"]) == (second["series_id"], second["place_id"])
