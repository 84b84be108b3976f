import pytest

from broadcasts.models import Suppression
from tests.make import make_contact

from .conftest import client_of

URL = "/api/suppressions/"


@pytest.fixture
def made(api):
    answer = api.post(URL, {"address": "Joe@Example.com"})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_an_address_is_suppressed(api, made, draft, club):
    assert list(made) == [
        *("uuid", "id", "created", "modified", "channel_kind", "address", "reason", "use_case", "source"),
    ]
    assert (made["channel_kind"], made["reason"], made["use_case"]) == ("email", "manual", "")
    make_contact(club, email="joe@example.com")
    assert draft()["emails"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "address"),
        ({"address": "joe"}, "address"),
        ({"address": "12", "channel_kind": "sms"}, "address"),
        ({"address": "joe@example.com"}, "address"),
        ({"address": "x@example.com", "channel_kind": "pigeon"}, "channel_kind"),
        ({"address": "x@example.com", "reason": "hard_bounce"}, "reason"),
        ({"address": "x@example.com", "use_case": "other"}, "use_case"),
    ],
)
def test_wrong_suppressions_are_refused(api, made, body, field):
    answer = api.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_suppressions_are_found_by_address_however_written(api, made):
    api.post(URL, {"address": "600 000 001", "channel_kind": "sms"})
    assert [row["uuid"] for row in api.get(URL, {"address": "JOE@example.com"}).json()] == [made["uuid"]]
    [number] = api.get(URL, {"address": "+34600000001"}).json()
    assert number["channel_kind"] == "sms"
    assert api.get(URL, {"address": "nobody"}).json() == []


def test_only_admins_let_an_address_be_reached_again(api, sender, author, made):
    path = f"{URL}{made['uuid']}/"
    assert client_of(author).post(URL, {"address": "ann@example.com"}).status_code == 201
    assert client_of(sender).delete(path).status_code == 403
    assert api.delete(path).status_code == 204
    assert Suppression.objects.count() == 1


def test_a_suppression_is_not_changed(api, made):
    assert api.patch(f"{URL}{made['uuid']}/", {"address": "x@example.com"}).status_code == 405


def test_suppressions_of_others_are_404(outsider, made):
    assert outsider.get(f"{URL}{made['uuid']}/").status_code == 404
    assert outsider.delete(f"{URL}{made['uuid']}/").status_code == 404
    assert outsider.get(URL).json() == []


def test_suppressions_are_listed_in_few_queries(api, made, django_assert_max_num_queries):
    for n in range(5):
        api.post(URL, {"address": f"{n}@example.com"})
    with django_assert_max_num_queries(5):
        assert api.get(URL).json()[0]["address"] == "4@example.com"
