"""The registry of attributes in the API."""

import pytest

from broadcasts.models import Attribute, Broadcast, Role, Segment
from tests.make import make_contact, make_member

from .conftest import client_of

URL = "/api/attributes/"


@pytest.fixture
def plan(club):
    return Attribute.objects.create(organization=club, key="plan", label="Plan")


def test_attributes_are_listed_in_few_queries(api, plan, club, django_assert_max_num_queries):
    Attribute.objects.create(organization=club, key="age", type="number")
    with django_assert_max_num_queries(6):
        answer = api.get(URL)
    assert [row["key"] for row in answer.json()] == ["age", "plan"]
    assert answer.headers["X-Result-Count"] == "2"
    assert [row["key"] for row in api.get(URL, {"type": "number"}).json()] == ["age"]


def test_an_attribute_is_added_and_changed(api):
    added = api.post(URL, {"key": "visits", "type": "number"}, format="json")
    assert added.status_code == 201
    assert added.json() | {"key": "visits", "is_indexed": False, "index_state": None} == added.json()
    address = f"{URL}{added.json()['uuid']}/"
    assert api.patch(address, {"label": "Visits", "type": "text"}, format="json").json()["type"] == "text"
    assert api.patch(address, {"is_indexed": True}, format="json").json()["index_state"] == "building"
    assert api.patch(address, {"is_indexed": False}, format="json").json()["index_state"] is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"key": "Plan B"}, "key"),
        ({"key": "a__b"}, "key"),
        ({"key": "plan"}, "key"),
        ({}, "key"),
        ({"key": "x", "type": "colour"}, "type"),
        ({"key": "x", "type": "list", "is_indexed": True}, "is_indexed"),
    ],
)
def test_what_cannot_be_an_attribute_is_refused(api, plan, given, field):
    answer = api.post(URL, given, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_the_key_stays_and_only_an_administrator_has_it_indexed(api, author, plan):
    address = f"{URL}{plan.uuid}/"
    assert "key" in api.patch(address, {"key": "other"}, format="json").json()
    writer = client_of(author)
    assert writer.patch(address, {"label": "Our plan"}, format="json").status_code == 200
    assert writer.patch(address, {"is_indexed": True}, format="json").status_code == 403


def test_an_attribute_in_use_is_not_deleted(api, club, plan):
    address = f"{URL}{plan.uuid}/"
    segment = Segment.objects.create(organization=club, name="Gold", rules={"attributes__plan__in": "gold"})
    assert "“Gold”" in api.delete(address).json()["detail"]
    segment.delete()
    draft = Broadcast.objects.create(organization=club, name="News", query={"attributes__plan": "gold"})
    assert api.delete(address).status_code == 409
    draft.delete()
    contact = make_contact(club, attributes={"plan": "gold"})
    assert "contacts" in api.delete(address).json()["detail"]
    contact.delete()
    assert api.delete(address).status_code == 204


def test_a_viewer_only_reads_and_a_stranger_sees_nothing(club, plan, outsider, client):
    viewer = client_of(make_member(club, Role.VIEWER))
    assert viewer.get(f"{URL}{plan.uuid}/").status_code == 200
    assert viewer.delete(f"{URL}{plan.uuid}/").status_code == 403
    assert outsider.get(f"{URL}{plan.uuid}/").status_code == 404
    assert outsider.get(URL).json() == []
    assert client.get(URL).status_code == 401
