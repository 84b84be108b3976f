"""What holds for all dialects: their documents, their switch, no redirects, and errors outside views."""

import re

import pytest
from django.conf import settings as configured
from django.test import Client

from broadcasts import apis
from broadcasts.dialects import urls
from tests.api.described import document
from tests.make import make_token

# A root of each, and an address below it that leads nowhere.
NOWHERE = {
    "invent": "/orgs/c/nothing",
    "teamup": "/api/v2/communication/nothing",
    "rapidpro": "/api/v2/nothing.json",
    "whautomate": "/v1/nothing",
}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", sorted(apis.DIALECTS))
def test_each_has_a_document_of_its_own_made_without_a_warning(name, capsys):
    paths = document(name)["paths"]
    assert paths
    assert not set(paths) & set(document()["paths"])
    assert "Warning" not in capsys.readouterr().err
    assert Client().get(f"/api/schema/{name}/").status_code == 200


@pytest.mark.parametrize("name", sorted(apis.DIALECTS))
def test_its_operations_have_plain_names_and_only_parameters_that_are_read(name):
    operations = [one for path in document(name)["paths"].values() for one in path.values()]
    assert all(re.fullmatch("[a-z_]+", one["operationId"]) for one in operations)
    assert not any("View" in one.get("description", "") for one in operations)
    assert "field" not in {told["name"] for one in operations for told in one.get("parameters", [])}


@pytest.mark.parametrize("name", ["", *sorted(apis.DIALECTS)])
def test_a_request_needs_one_of_the_headers_for_keys_and_not_all(name):
    told = [one["security"] for path in document(name)["paths"].values() for one in path.values() if "security" in one]
    assert told and all(len(alternative) < 2 for one in told for alternative in one)


@pytest.mark.parametrize("name", ["invent", "rapidpro", "whautomate"])
def test_a_blank_parameter_is_as_good_as_none(name):
    operations = [one for path in document(name)["paths"].values() for one in path.values()]
    told = [one for operation in operations for one in operation.get("parameters", []) if one["in"] == "query"]
    assert told and not any("minLength" in one["schema"] for one in told)


def test_a_page_of_rows_is_named_a_list():
    assert document("rapidpro")["paths"]["/api/v2/contacts.json"]["get"]["operationId"] == "contacts_list"
    assert document("teamup")["paths"]["/api/v2/customers"]["get"]["operationId"] == "customers_list"


def test_a_row_to_change_or_delete_is_named_by_its_keys_alone():
    for method, more in (("post", {"Idempotency-Key"}), ("delete", set())):
        told = document("rapidpro")["paths"]["/api/v2/contacts.json"][method]["parameters"]
        assert {one["name"] for one in told} == {"uuid", "urn"} | more


@pytest.mark.parametrize("url", ["/orgs/c/broadcasts", "/v1/broadcasts"])
def test_those_that_speak_json_take_no_forms(url, admin):
    headers = {"Authorization": f"Token {make_token(admin)}"}
    response = Client(headers=headers).post(url, "name=May", "application/x-www-form-urlencoded")
    assert response.status_code == 415


@pytest.mark.parametrize("name", sorted(apis.DIALECTS))
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_unknown_path_is_a_404_in_its_shape(name, slash):
    response = Client().post(NOWHERE[name] + slash, {}, "application/json")
    assert (response.status_code, response["Content-Type"]) == (404, "application/json")
    assert response.json() == apis.at(NOWHERE[name]).shape(404, "Not found.")


@pytest.mark.parametrize("name", sorted(apis.DIALECTS))
def test_plain_http_is_refused_and_not_redirected_where_https_is_set(name, settings):
    settings.SECURE_SSL_REDIRECT = True
    response = Client().post(NOWHERE[name], {}, "application/json")
    assert (response.status_code, response.json()) == (403, apis.at(NOWHERE[name]).shape(403, "Use HTTPS."))


def test_plain_http_is_refused_by_the_native_api_too_and_redirected_by_pages(settings):
    settings.SECURE_SSL_REDIRECT = True
    assert Client().post("/api/contacts/").json() == {"detail": "Use HTTPS."}
    assert Client().get("/admin/").status_code == 301


def test_all_are_served_unless_some_are_named():
    assert sorted(configured.DIALECTS) == sorted(apis.DIALECTS) == sorted(urls.ROUTES)


def test_one_that_is_switched_off_is_not_there(settings):
    settings.DIALECTS = []
    assert urls.served([]) == []
    assert apis.at(NOWHERE["invent"]) is None
