"""A second API beside ours, of another product: its own shapes, keys and limits, and none of ours changes."""

import sqlite3
from http import HTTPStatus

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import include, path, re_path
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from broadcasts import apis
from broadcasts.api.authentication import TokenAuthentication
from broadcasts.api.errors import handle
from broadcasts.api.organization import OwnOrganization
from broadcasts.api.throttling import PerToken
from broadcasts.web.application import refuse
from tests.make import make_token


class Second(apis.Api):
    def shape(self, status, text):
        return {"error": {"code": status, "description": text}}

    def handle(self, exc, context):
        response = handle(exc, context)
        if response is not None:
            response.data = self.shape(response.status_code, str(response.data.get("detail", response.data)))
        return response


class InTheAddress(TokenAuthentication):
    def key(self, request):
        return request.query_params.get("key")


class TwoAnHour(PerToken):
    def limit(self):
        return 2

    def who(self, request):
        return f"second:{request.auth.organization_id}"


def locked():
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    raise OperationalError from error


ACTS = {"fault": lambda: 1 / 0, "lock": locked, "hello": lambda: "hello"}


class View(APIView):
    authentication_classes = [InTheAddress]
    throttle_classes = [TwoAnHour]
    permission_classes = [IsAuthenticated]

    def get(self, request, act):
        if act not in ACTS:
            raise NotFound("There is no such thing.")
        return Response({"said": ACTS[act]()})


class Unheard(View):
    throttle_classes = []


def broken(request):
    return 1 / 0


urlpatterns = [
    path("api/second/broken/", broken),
    path("api/second/limited/<str:act>/", View.as_view()),
    path("api/second/<str:act>/", Unheard.as_view()),
    re_path("^api/second/", apis.nowhere),
    path("", include("broadcasts.urls")),
]
handler500 = "broadcasts.middleware.broken"
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture
def key(viewer):
    return make_token(viewer)


@pytest.fixture
def get(key, monkeypatch):
    """Asks the second API with a key."""
    monkeypatch.setitem(apis.APIS, "/api/second/", f"{__name__}.Second")
    client = Client(raise_request_exception=False)
    return lambda address: client.get(f"/api/second/{address}/", {"key": key})


def error(response):
    return response.json()["error"]["code"], response.json()["error"]["description"]


def test_its_views_answer_whoever_has_a_key_where_it_is_looked_for(get, client):
    assert get("hello").json() == {"said": "hello"}
    response = client.get("/api/second/hello/", headers={"Authorization": "Token x"})
    assert response.status_code == 401
    assert error(response) == (401, "Authentication credentials were not provided.")


def test_what_its_views_refuse_is_told_in_its_shape(get):
    assert error(get("absent")) == (404, "There is no such thing.")


def test_an_address_that_leads_nowhere_is_told_in_its_shape(get):
    assert error(get("a/b/c")) == (404, "Not found.")


@pytest.mark.parametrize("address", ["fault", "broken"])
def test_a_fault_is_told_in_its_shape(get, address):
    response = get(address)
    assert (response.status_code, response["Content-Type"]) == (500, "application/json")
    assert error(response) == (500, "Something went wrong on our side; it has been logged.")


def test_an_outage_is_told_in_its_shape(get):
    assert error(get("lock")) == (503, "The database is busy with other work. Try again in a moment.")


def test_its_limit_is_its_own(get):
    assert [get("limited/hello").status_code for _ in range(3)] == [200, 200, 429]
    assert error(get("limited/hello"))[0] == 429
    assert get("hello").status_code == 200


def test_a_request_that_never_reaches_django_is_told_in_its_shape(get):
    [body] = refuse({"PATH_INFO": "/api/second/x"}, lambda *told: None, HTTPStatus.BAD_REQUEST, "No.")
    assert body == b'{"error": {"code": 400, "description": "No."}}'


def test_our_own_api_keeps_its_shapes(get, key, client, monkeypatch):
    monkeypatch.setattr(OwnOrganization, "get", lambda view, request: 1 / 0)
    client.raise_request_exception = False
    told = client.get("/api/organization/", headers={"Authorization": f"Token {key}"}).json()
    assert told == {"detail": "Something went wrong on our side; it has been logged."}
    assert client.get("/api/nowhere/").json() == {"detail": "Not found."}
    assert client.get("/api/organization/").json() == {"detail": "Authentication credentials were not provided."}
