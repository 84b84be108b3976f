"""What content may name, for whoever writes it."""

import pytest

from broadcasts.models import Attribute
from tests.make import make_contact

URL = "/api/merge-fields/"


@pytest.fixture
def plan(club):
    make_contact(club, "ann@example.com", full_name="Ann Lee", attributes={"plan": "gold"})
    Attribute.objects.update(label="Membership")


def found(api, **query):
    return {one["name"]: one for one in api.get(URL, query).json()}


def test_fields_have_labels_samples_and_a_default_to_fill_in(api, plan):
    fields = found(api)
    assert fields["contact.first_name"] == {
        "name": "contact.first_name",
        "label": "First name",
        "group": "Contact",
        "sample": "Ann",
        "insert": '{{ contact.first_name | default: "" }}',
    }
    assert fields["contact.attributes.plan"]["label"] == "Membership"
    assert fields["contact.attributes.plan"]["sample"] == "gold"


def test_expressions_write_them_in_their_way(api, club, plan):
    club.globals = {"pool": "North"}
    club.save()
    fields = found(api, syntax="expressions")
    assert fields["fields.plan"]["insert"] == '@(default(fields.plan, ""))'
    assert (fields["globals.pool"]["insert"], fields["globals.pool"]["sample"]) == ("@globals.pool", "North")


def test_what_they_insert_is_right_in_its_syntax(api, club, plan):
    Attribute.objects.create(organization=club, key="born", type="date")
    Attribute.objects.create(organization=club, key="tags", type="list")
    for syntax in ("liquid", "expressions"):
        body = {"name": syntax, "syntax": syntax, "translations": {"en": {"text": ""}}}
        body["translations"]["en"]["text"] = " ".join(one["insert"] for one in api.get(URL, {"syntax": syntax}).json())
        made = api.post("/api/templates/", body)
        assert (made.status_code, made.json()["warnings"]) == (201, [])


def test_fields_need_a_token_and_a_known_syntax_and_are_those_of_one_organization(api, client, outsider, plan):
    assert client.get(URL).status_code == 401
    assert list(api.get(URL, {"syntax": "plain"}).json()) == ["syntax"]
    assert "contact.attributes.plan" not in found(outsider)
    assert found(outsider)["contact.first_name"]["sample"] == ""


def test_fields_take_few_queries(api, plan, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        api.get(URL)
