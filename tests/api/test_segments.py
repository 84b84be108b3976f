import pytest

from broadcasts.models import Broadcast, Contact, Segment
from tests.make import make_contact, make_contacts

from .conftest import client_of

URL = "/api/segments/"


@pytest.fixture
def members(club):
    return Segment.objects.create(organization=club, name="Members", kind="static")


def test_a_segment_is_added_counted_and_shown_whole(api, club):
    make_contact(club, language="es")
    made = api.post(URL, {"name": "Spanish", "rules": {"language": "es"}})
    assert made.status_code == 201
    assert list(made.json()) == [
        *("uuid", "id", "created", "modified", "name", "kind", "rules", "contacts_count", "counted_at"),
    ]
    assert (made.json()["kind"], made.json()["rules"]) == ("dynamic", {"language": "es"})
    assert made.json()["contacts_count"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "MEMBERS"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x", "rules": {"colour": 1}}, "rules"),
        ({"name": "x", "rules": []}, "rules"),
        ({"name": "x", "kind": "static", "rules": {"language": "es"}}, "rules"),
        ({"name": "x", "kind": "other"}, "kind"),
    ],
)
def test_wrong_segments_are_refused(api, members, body, field):
    answer = api.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_rules_are_changed_and_the_kind_is_not(api, club):
    segment = Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})
    path = f"{URL}{segment.uuid}/"
    assert api.patch(path, {"rules": {"language": "en"}}).json()["rules"] == {"language": "en"}
    assert list(api.patch(path, {"kind": "static"}).json()) == ["kind"]
    assert list(api.patch(path, {"rules": {"segment": str(segment.uuid)}}).json()) == ["rules"]


def test_members_are_added_and_removed(api, members, club):
    people = make_contacts(club, 3)
    uuids = [str(person.uuid) for person in people]
    path = f"{URL}{members.uuid}/members/"
    assert api.post(path, {"add": uuids}).json() == {"added": 3, "removed": 0, "contacts_count": 3}
    assert api.post(path, {"add": uuids, "remove": uuids[:1]}).json() == {
        "added": 0,
        "removed": 1,
        "contacts_count": 2,
    }
    assert [row["uuid"] for row in api.get(path).json()] == uuids[:0:-1]


def test_everybody_whom_a_query_chooses_is_added(api, members, club):
    spanish, other = make_contact(club, language="es"), make_contact(club)
    path = f"{URL}{members.uuid}/members/"
    assert api.post(path, {"query": {"language": "es"}, "add": [str(other.uuid)]}).json()["added"] == 2
    assert api.post(path, {"query": {"all_users": True}}).json()["added"] == 0
    assert api.post(path, {"remove": [str(spanish.uuid)]}).json() == {"added": 0, "removed": 1, "contacts_count": 1}


@pytest.mark.parametrize("query", [{"colour": 1}, [], "x", None, {"language": "!"}, {"segment": "x"}])
def test_a_wrong_query_of_members_changes_nothing(api, members, club, query):
    person = make_contact(club)
    answer = api.post(f"{URL}{members.uuid}/members/", {"add": [str(person.uuid)], "query": query}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["query"])
    assert not members.members.exists()


def test_a_dynamic_segment_is_frozen(api, club):
    make_contact(club, language="es")
    segment = Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})
    made = api.post(f"{URL}{segment.uuid}/freeze/", {"name": "Spanish in May"})
    assert made.status_code == 201
    fields = ("name", "kind", "rules", "contacts_count")
    assert [made.json()[name] for name in fields] == ["Spanish in May", "static", {}, 1]


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "SPANISH"}, {"name": "x" * 256}, {"name": ["x"]}, []])
def test_a_frozen_segment_needs_a_name_of_its_own(api, club, body):
    segment = Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})
    assert api.post(f"{URL}{segment.uuid}/freeze/", body, format="json").status_code == 400
    assert Segment.objects.count() == 1


def test_a_static_segment_is_not_frozen(api, members):
    assert api.post(f"{URL}{members.uuid}/freeze/", {"name": "x"}).status_code == 409


def test_members_of_others_are_unknown(api, members, elsewhere):
    theirs = make_contact(elsewhere)
    answer = api.post(f"{URL}{members.uuid}/members/", {"add": [str(theirs.uuid)]})
    assert (answer.status_code, list(answer.json())) == (400, ["add"])


def test_a_dynamic_segment_has_no_members_of_its_own(api, club):
    segment = Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})
    make_contact(club, language="es")
    path = f"{URL}{segment.uuid}/members/"
    assert api.post(path, {"add": []}).status_code == 409
    assert len(api.get(path).json()) == 1


def test_a_segment_in_use_is_not_deleted(api, members, club):
    broadcast = Broadcast.objects.create(organization=club, name="News", query={"segment": str(members.uuid)})
    answer = api.delete(f"{URL}{members.uuid}/")
    assert answer.status_code == 409
    assert "News" in answer.json()["detail"]
    broadcast.query = {}
    broadcast.save()
    broadcast.excluded_segments.add(members)
    assert api.delete(f"{URL}{members.uuid}/").status_code == 409
    broadcast.delete()
    assert api.delete(f"{URL}{members.uuid}/").status_code == 204


@pytest.mark.parametrize("path", ["", "members/"])
def test_segments_of_others_are_404(outsider, members, path):
    assert outsider.get(f"{URL}{members.uuid}/{path}").status_code == 404
    assert outsider.delete(f"{URL}{members.uuid}/").status_code == 404
    assert outsider.post(f"{URL}{members.uuid}/freeze/", {"name": "x"}).status_code == 404
    assert outsider.get(URL).json() == []


def test_segments_are_listed_by_name_and_filtered(api, club, members, django_assert_max_num_queries):
    for name in "cab":
        Segment.objects.create(organization=club, name=name)
    with django_assert_max_num_queries(5):
        assert [row["name"] for row in api.get(URL, {"kind": "dynamic"}).json()] == ["a", "b", "c"]
    assert [row["name"] for row in api.get(URL, {"name": "memb"}).json()] == ["Members"]


def test_a_viewer_does_not_write_segments(viewer, members):
    client = client_of(viewer)
    assert client.post(URL, {"name": "x"}).status_code == 403
    assert client.post(f"{URL}{members.uuid}/members/", {}).status_code == 403
    assert client.post(f"{URL}{members.uuid}/freeze/", {"name": "x"}).status_code == 403
    assert client.get(f"{URL}{members.uuid}/members/").status_code == 200


def test_only_contacts_that_join_or_leave_are_changed(api, members, club):
    ann, joe = make_contacts(club, 2)
    path = f"{URL}{members.uuid}/members/"
    api.post(path, {"add": [str(ann.uuid)]})
    assert Contact.objects.get(pk=ann.pk).modified > ann.modified
    ann.refresh_from_db()
    api.post(path, {"add": [str(ann.uuid)], "remove": [str(joe.uuid)]})
    assert Contact.objects.get(pk=ann.pk).modified == ann.modified
    assert Contact.objects.get(pk=joe.pk).modified == joe.modified
    api.post(path, {"remove": [str(ann.uuid)]})
    assert Contact.objects.get(pk=ann.pk).modified > ann.modified


def test_a_name_has_single_blanks(api):
    assert api.post(URL, {"name": "  Early   birds "}).json()["name"] == "Early birds"
    assert list(api.post(URL, {"name": "early  birds"}).json()) == ["name"]
