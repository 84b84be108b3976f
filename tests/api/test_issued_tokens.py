"""Tokens that an admin made for a colleague: who is named, and how long they work."""

import pytest
from rest_framework.test import APIClient

from broadcasts.models import ApiToken, AuditEntry, Member, User
from tests.make import make_member


@pytest.fixture
def client(admin, author):
    """Acts as the author, by a token that the admin made."""
    fields = {"user": author.user, "organization": author.organization, "scopes": ["read", "write"]}
    _, key = ApiToken.objects.issue(**fields, issued_by=admin.user)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    return client


def test_what_it_does_names_the_colleague_and_the_issuer(client, admin, author):
    assert client.post("/api/segments/", {"name": "Spring", "kind": "static"}).status_code == 201
    entry = AuditEntry.objects.get(act="create", model="segment")
    assert entry.user == author.user
    assert entry.actor == f"{author.user}, by a token of {admin.user}"
    assert entry.detail["issued_by"] == str(admin.user)


def test_it_works_while_its_issuer_may_manage(client, admin, club):
    make_member(club, "admin")
    assert client.get("/api/segments/").status_code == 200
    Member.objects.filter(pk=admin.pk).update(role="author")
    assert client.get("/api/segments/").status_code == 403
    Member.objects.filter(pk=admin.pk).update(role="admin")
    User.objects.filter(pk=admin.user_id).update(is_active=False)
    assert client.get("/api/segments/").status_code == 403
    User.objects.filter(pk=admin.user_id).update(is_active=True)
    Member.objects.filter(pk=admin.pk).delete()
    assert client.get("/api/segments/").status_code == 403


def test_it_goes_with_its_issuers_account(client, admin):
    User.objects.filter(pk=admin.user_id).delete()
    assert client.get("/api/segments/").status_code == 401
