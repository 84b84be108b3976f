import pytest
from rest_framework.test import APIClient

from broadcasts.models import ApiToken, Member
from tests.make import make_broadcast, make_token

from .conftest import URL, client_of

FORBIDDEN = {"detail": "You do not have permission to perform this action."}


@pytest.mark.parametrize("header", ["Token {}", "Bearer {}", "token {}"])
def test_a_token_is_taken_from_the_authorization_header(viewer, header):
    answer = APIClient().get(URL, HTTP_AUTHORIZATION=header.format(make_token(viewer)))
    assert answer.status_code == 200


def test_a_token_is_taken_from_x_api_key(viewer):
    assert APIClient().get(URL, HTTP_X_API_KEY=make_token(viewer)).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"HTTP_AUTHORIZATION": "Token nonsense"}, {"HTTP_AUTHORIZATION": "Basic x"}])
def test_without_a_usable_token_it_is_401_and_names_the_scheme(db, headers):
    answer = APIClient().get(URL, **headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert "detail" in answer.json()


def test_an_expired_token_is_401(viewer):
    client = client_of(viewer)
    ApiToken.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert client.get(URL).status_code == 401


@pytest.mark.parametrize("path", ["", "0190c7a2-0000-7000-8000-000000000000/", "malformed/"])
def test_a_token_without_scope_is_403_before_any_404(viewer, path):
    answer = client_of(viewer, scopes=[]).get(URL + path)
    assert answer.status_code == 403
    assert answer.json() == FORBIDDEN


def test_a_token_of_a_user_who_left_is_403(viewer):
    client = client_of(viewer)
    Member.objects.filter(pk=viewer.pk).delete()
    assert client.get(URL).status_code == 403


def test_scopes_and_role_must_both_allow_an_act(viewer, admin, mail):
    broadcast = make_broadcast(mail)
    send = f"{URL}{broadcast.uuid}/send/"
    assert client_of(viewer).post(send).status_code == 403
    assert client_of(admin, scopes=["read", "write"]).post(send).status_code == 403


def test_an_author_drafts_but_does_not_send(author, mail):
    client = client_of(author)
    made = client.post(URL, {"subject": "s", "body": "b", "query": {"all_users": True}})
    assert made.status_code == 201
    assert client.post(f"{URL}{made.json()['uuid']}/send/").status_code == 403


def test_the_last_use_of_a_token_is_noted_once_a_minute(viewer, django_assert_num_queries):
    client = client_of(viewer)
    client.get("/api/organization/")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    client.get("/api/organization/")
    assert ApiToken.objects.get().last_used_at == first


def test_a_session_of_a_member_of_one_organization_needs_no_header(viewer, client):
    client.force_login(viewer.user)
    assert client.get(URL).status_code == 200


def test_a_session_of_a_member_of_several_names_one(viewer, elsewhere, client):
    Member.objects.create(user=viewer.user, organization=elsewhere, role="viewer")
    client.force_login(viewer.user)
    answer = client.get("/api/organization/")
    assert answer.status_code == 400
    assert "X-Organization" in answer.json()["detail"]
    for name in (elsewhere.slug, str(elsewhere.uuid)):
        assert client.get("/api/organization/", HTTP_X_ORGANIZATION=name).json()["slug"] == "elsewhere"


def test_a_session_cannot_name_an_organization_of_others(viewer, elsewhere, client):
    client.force_login(viewer.user)
    assert client.get(URL, HTTP_X_ORGANIZATION=elsewhere.slug).status_code == 403


def test_a_session_needs_a_csrf_token_to_write(author):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(author.user)
    assert client.post(URL, {"subject": "s", "body": "b", "query": {}}).status_code == 403


def test_a_request_that_is_too_large_is_413(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert api.post(URL, {"subject": "s" * 100}).status_code == 413


@pytest.mark.parametrize("path", ["/api/", "/api/nowhere/", f"{URL}{'0' * 32}/nothing/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_that_leads_nowhere_is_told_in_json(api, method, path):
    answer = getattr(api, method)(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_options_are_told(api):
    assert api.options(URL).status_code == 200


def test_json_that_is_none_is_told(api):
    for body in ("{oops", "[" * 100_000):
        answer = api.post(URL, body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("JSON parse error - ")


def test_a_fault_of_ours_is_told_in_json(api, monkeypatch):
    monkeypatch.setattr("broadcasts.api.organization.OwnOrganization.get", lambda self, request: 1 / 0)
    api.raise_request_exception = False
    answer = api.get("/api/organization/")
    assert answer.status_code == 500
    assert "on our side" in answer.json()["detail"]
